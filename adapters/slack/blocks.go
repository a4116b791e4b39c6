package slack

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/mynah-coach/mynah/coach"
)

// Slack's documented limits of Block Kit, and the undocumented one of a message
// as a whole, which is a little over 13,000 characters.
const (
	maxBlocks       = 50
	maxModalBlocks  = 100
	maxBlockText    = 2900
	maxMessageText  = 11000
	maxFallback     = 3800
	maxButtonsInRow = 5
	maxButtonText   = 75
	maxOptionText   = 75
	maxOptions      = 100
	maxLabelText    = 150
	maxTitleText    = 24
	maxAltText      = 1900
	maxPlaceholder  = 150
)

// kit builds the blocks of a message or a view. What learners and the desk say
// goes into rich text, whose words Slack shows as they are: no markup in them
// means anything.
type kit struct {
	blocks []slack.Block
	left   int // characters
	rows   int // of buttons and choices, for identifiers
}

func newKit() *kit { return &kit{left: maxMessageText} }

// text adds a text under a heading, in as many blocks as it needs, and leaves out
// the rest of one that no message could hold.
func (k *kit) text(heading, body string) {
	heading, body = clean(heading), clean(body)
	if n := utf8.RuneCountInString(heading); n > k.left/2 {
		heading = shorten(heading, k.left/2)
	}
	if room := k.left - utf8.RuneCountInString(heading); utf8.RuneCountInString(body) > room {
		body = shorten(body, max(room, 2))
	}
	k.left = max(0, k.left-utf8.RuneCountInString(heading)-utf8.RuneCountInString(body))
	for heading != "" || body != "" {
		var h, b string
		h, heading = split(heading, maxBlockText)
		if heading == "" {
			b, body = split(body, max(1, maxBlockText-utf8.RuneCountInString(h)))
		}
		k.rich(h, b)
	}
}

func (k *kit) rich(heading, body string) {
	var parts []slack.RichTextSectionElement
	if heading != "" {
		if body != "" {
			heading += "\n"
		}
		parts = append(parts, slack.NewRichTextSectionTextElement(heading, &slack.RichTextSectionTextStyle{Bold: true}))
	}
	if body != "" {
		parts = append(parts, slack.NewRichTextSectionTextElement(body, nil))
	}
	k.blocks = append(k.blocks, slack.NewRichTextBlock("", slack.NewRichTextSection(parts...)))
}

// link adds one line that leads to a message of the workspace.
func (k *kit) link(label, address string) {
	k.blocks = append(k.blocks, slack.NewRichTextBlock("", slack.NewRichTextSection(slack.NewRichTextSectionLinkElement(address, label, nil))))
}

// image adds a picture that was uploaded.
func (k *kit) image(file, alt string) {
	k.blocks = append(k.blocks, slack.NewImageBlockSlackFile(&slack.SlackFileObject{ID: file}, shorten(clean(alt), maxAltText), "", nil))
}

// press is what a button carries: what it asks the desk for.
type press struct {
	Action coach.Action `json:"a"`
	Note   coach.NoteID `json:"n,omitempty"`
	Name   string       `json:"k,omitempty"`
	Value  string       `json:"v,omitempty"`
}

const (
	pressID  = "press"
	chooseID = "choose"
)

func (k *kit) buttons(buttons []coach.Button) {
	for len(buttons) > 0 {
		n := min(len(buttons), maxButtonsInRow)
		var row []slack.BlockElement
		for i, b := range buttons[:n] {
			value, err := json.Marshal(press{b.Action, b.Note, b.Name, b.Value})
			if err != nil { // of four strings: it can't
				continue
			}
			e := slack.NewButtonBlockElement(fmt.Sprintf("%s/%d/%d", pressID, k.rows, i), string(value), plain(b.Label, maxButtonText))
			switch b.Style {
			case coach.StylePrimary:
				e.Style = slack.StylePrimary
			case coach.StyleDanger:
				e.Style = slack.StyleDanger
			}
			row = append(row, e)
		}
		k.blocks = append(k.blocks, slack.NewActionBlock("", row...))
		k.rows++
		buttons = buttons[n:]
	}
}

// choice adds a setting with its menu.
func (k *kit) choice(c coach.Choice) {
	id := strings.Join([]string{chooseID, string(c.Action), c.Name, fmt.Sprint(k.rows)}, "/")
	k.rows++
	var menu *slack.Accessory
	if c.Channels {
		menu = slack.NewAccessory(channelMenu(id, c.Value))
	} else {
		menu = slack.NewAccessory(optionMenu(id, c))
	}
	k.blocks = append(k.blocks, slack.NewSectionBlock(plain(c.Label, maxLabelText), nil, menu))
}

func optionMenu(id string, c coach.Choice) *slack.SelectBlockElement {
	var options []*slack.OptionBlockObject
	var chosen *slack.OptionBlockObject
	for _, o := range c.Options[:min(len(c.Options), maxOptions)] {
		option := slack.NewOptionBlockObject(o.Value, plain(o.Label, maxOptionText), nil)
		options = append(options, option)
		if o.Value == c.Value {
			chosen = option
		}
	}
	menu := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, plain(wordsChoose, maxPlaceholder), id, options...)
	menu.InitialOption = chosen
	return menu
}

func channelMenu(id, chosen string) *slack.MultiSelectBlockElement {
	menu := slack.NewOptionsMultiSelectBlockElement(slack.MultiOptTypeConversations, plain(wordsChannels, maxPlaceholder), id)
	menu.Filter = &slack.SelectBlockElementFilter{Include: []string{"public", "private"}, ExcludeBotUsers: true}
	for c := range strings.SplitSeq(chosen, ",") {
		if slackIDs.MatchString(c) {
			menu.InitialConversations = append(menu.InitialConversations, c)
		}
	}
	return menu
}

// plain is a text object that Slack shows as it is.
func plain(text string, n int) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, shorten(tidy(text), n), false, false)
}

// answer adds all of an answer but its files. picture is its picture's file, ""
// where it goes without.
func (k *kit) answer(a coach.Answer, picture string) {
	for _, s := range a.Sections {
		k.text(s.Heading, s.Text)
	}
	if picture != "" && a.Picture != nil {
		k.image(picture, a.Picture.Alt)
	}
	for _, c := range a.Choices {
		k.choice(c)
	}
	k.buttons(a.Buttons)
}

// within returns at most n of the blocks.
func (k *kit) within(n int) []slack.Block { return k.blocks[:min(len(k.blocks), n)] }

// content is a message: its blocks, and the plain text that says the same where
// they can't be shown.
type content struct {
	text   string
	blocks []slack.Block
}

func (k *kit) content(text string) content {
	return content{text: text, blocks: k.within(maxBlocks)}
}

// options are of a message that nothing in it can make into more than text.
func (c content) options() []slack.MsgOption {
	opts := []slack.MsgOption{
		slack.MsgOptionText(escape(shorten(c.text, maxFallback)), false),
		slack.MsgOptionBlocks(c.blocks...),
	}
	return append(opts, inert()...)
}

// plainOptions are of the same message without blocks.
func (c content) plainOptions() []slack.MsgOption {
	return append([]slack.MsgOption{slack.MsgOptionText(escape(shorten(c.text, maxMessageText)), false)}, inert()...)
}

func inert() []slack.MsgOption {
	return []slack.MsgOption{
		slack.MsgOptionDisableMarkdown(),
		slack.MsgOptionDisableLinkUnfurl(),
		slack.MsgOptionDisableMediaUnfurl(),
		slack.MsgOptionParse(false),
		slack.MsgOptionLinkNames(false),
	}
}

// unfit reports whether Slack refused a message for its blocks.
func unfit(err error) bool {
	return codeIs(err, "msg_blocks_too_long", "invalid_blocks", "invalid_blocks_format", "block_mismatch")
}
