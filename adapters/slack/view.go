package slack

import (
	"context"
	"encoding/json"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/mynah-coach/mynah/coach"
)

// formBlock and formInput name a form's only field.
const (
	formBlock    = "form"
	formInput    = "text"
	formCallback = "mynah_form"
	infoCallback = "mynah_info"
)

// formState is what a form remembers of where it was asked for.
type formState struct {
	Action      coach.Action `json:"a"`
	Note        coach.NoteID `json:"n,omitempty"`
	Name        string       `json:"k"`
	Thread      string       `json:"t,omitempty"`
	ResponseURL string       `json:"r,omitempty"`
}

// formView is the modal of a form.
func formView(f coach.Form, sf surface) slack.ModalViewRequest {
	state, err := json.Marshal(formState{f.Action, f.Note, f.Name, string(sf.thread.id()), sf.responseURL})
	if err != nil { // of strings: it can't
		state = nil
	}
	var placeholder *slack.TextBlockObject
	if f.Placeholder != "" {
		placeholder = plain(f.Placeholder, maxPlaceholder)
	}
	input := slack.NewPlainTextInputBlockElement(placeholder, formInput)
	input.MaxLength = min(max(f.MaxLength, 1), 3000)
	input.Multiline = f.MaxLength > 120
	field := slack.NewInputBlock(formBlock, plain(f.Label, maxLabelText), nil, input)
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: formCallback, PrivateMetadata: string(state),
		Title: plain(f.Title, maxTitleText), Submit: plain(wordsSend, maxTitleText), Close: plain(wordsClose, maxTitleText),
		Blocks: slack.Blocks{BlockSet: []slack.Block{field}},
	}
}

// infoView is the modal of an answer.
func infoView(a coach.Answer, sf surface) slack.ModalViewRequest {
	k := newKit()
	k.answer(a, "")
	if len(k.blocks) == 0 { // a modal can't be empty
		k.text("", "✓")
	}
	state, err := json.Marshal(formState{Thread: string(sf.thread.id())})
	if err != nil { // of strings: it can't
		state = nil
	}
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: infoCallback, PrivateMetadata: string(state),
		Title: plain(productName, maxTitleText), Close: plain(wordsClose, maxTitleText),
		Blocks: slack.Blocks{BlockSet: k.within(maxModalBlocks)},
	}
}

// open opens a view. The right to is three seconds long; who was kept waiting is
// told to ask again.
func (s *Slack) open(ctx context.Context, ses *session, sf surface, v slack.ModalViewRequest, late string) error {
	method := "views.open"
	if sf.view != "" {
		method = "views.push"
	}
	err := s.call(ses, method, "", func(api *slack.Client) error {
		var err error
		if sf.view != "" {
			_, err = api.PushViewContext(ctx, sf.triggerID, v)
		} else {
			_, err = api.OpenViewContext(ctx, sf.triggerID, v)
		}
		return err
	})
	if codeIs(err, "expired_trigger_id", "invalid_trigger_id", "trigger_exchanged", "trigger_expired") {
		k := newKit()
		k.text("", late)
		return s.whisper(ctx, ses, sf.elsewhere(), k.content(late))
	}
	return err
}

// elsewhere is the surface for who can't be answered where they asked: their
// direct message, unless there is a response URL.
func (sf surface) elsewhere() surface {
	sf.view, sf.home = "", false
	return sf
}

// showView shows an answer in the modal that it was asked for in, or in a new
// one over the App Home.
func (s *Slack) showView(ctx context.Context, ses *session, sf surface, a coach.Answer) error {
	v := infoView(a, sf)
	if sf.view == "" {
		return s.open(ctx, ses, sf, v, wordsAgain)
	}
	return s.call(ses, "views.update", "", func(api *slack.Client) error {
		_, err := api.UpdateViewContext(ctx, v, "", "", sf.view)
		return err
	})
}

// publishHome draws the App Home of who is at the surface.
func (s *Slack) publishHome(ctx context.Context, sf surface) error {
	ses, err := s.session(ctx, sf.team)
	if err != nil {
		return err
	}
	c := sf.command(coach.ActHome, "", nil)
	a, err := s.do(ctx, sf, c)
	if err != nil {
		s.log.Error("a command failed", "action", c.Action, "place", c.Place, "error", err)
		a = coach.Answer{Sections: []coach.Section{{Text: s.desk.Words(err)}}}
	}
	return s.call(ses, "views.publish", "", func(api *slack.Client) error {
		_, err := api.PublishViewContext(ctx, slack.PublishViewContextRequest{UserID: sf.user, View: homeView(a)})
		return err
	})
}

// homeView is the App Home: each section under its heading, then the settings,
// then what can be done.
func homeView(a coach.Answer) slack.HomeTabViewRequest {
	k := newKit()
	for i, s := range a.Sections {
		if i > 0 {
			k.blocks = append(k.blocks, slack.NewDividerBlock())
		}
		if h := tidy(s.Heading); h != "" && utf8.RuneCountInString(h) <= maxLabelText {
			k.blocks = append(k.blocks, slack.NewHeaderBlock(plain(h, maxLabelText)))
			k.text("", s.Text)
		} else {
			k.text(s.Heading, s.Text)
		}
	}
	if len(a.Choices) > 0 {
		k.blocks = append(k.blocks, slack.NewDividerBlock())
	}
	for _, c := range a.Choices {
		k.choice(c)
	}
	k.buttons(a.Buttons)
	return slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: k.within(maxModalBlocks)}}
}

// homeOpened draws the App Home when somebody looks at it.
func (l *listener) homeOpened(ctx context.Context, team string, raw json.RawMessage) error {
	var e struct {
		User    string `json:"user"`
		Channel string `json:"channel"`
		Tab     string `json:"tab"`
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		return unreadable(err)
	}
	if e.Tab != "home" || !slackIDs.MatchString(e.User) || !slackIDs.MatchString(e.Channel) {
		return nil
	}
	sf := surface{team: team, user: e.User, thread: thread{team: team, channel: e.Channel}, home: true}
	return l.without(l.publishHome(ctx, sf), team)
}
