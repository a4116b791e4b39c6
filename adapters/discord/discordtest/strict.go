package discordtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// strict reads JSON that has no key that v hasn't.
func strict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if d.More() {
		return errors.New("more than one value")
	}
	return nil
}

// sent is a message as a bot makes it.
type sent struct {
	Content         *string           `json:"content"`
	Nonce           json.RawMessage   `json:"nonce"`
	EnforceNonce    bool              `json:"enforce_nonce"`
	TTS             bool              `json:"tts"`
	Embeds          []json.RawMessage `json:"embeds"`
	AllowedMentions *struct {
		Parse *[]string `json:"parse"`
	} `json:"allowed_mentions"`
	Reference *struct {
		Type            int    `json:"type"`
		MessageID       string `json:"message_id"`
		ChannelID       string `json:"channel_id"`
		FailIfNotExists *bool  `json:"fail_if_not_exists"`
	} `json:"message_reference"`
	Components  []json.RawMessage `json:"components"`
	Attachments *[]struct {
		ID          json.RawMessage `json:"id"`
		Filename    string          `json:"filename"`
		Description string          `json:"description"`
	} `json:"attachments"`
	Flags int `json:"flags"`

	components []Component
	nonce      string
	files      []blob
}

const (
	suppressEmbeds = 1 << 2
	ephemeral      = 1 << 6
	silent         = 1 << 12
	voice          = 1 << 13
)

// checkMessage reads a message that a bot sends and holds it to Discord's limits,
// and to ours: what is allowed to be mentioned is said, and is nothing.
func checkMessage(body []byte, files map[int]upload, flags int) (*sent, error) {
	var m sent
	if err := strict(body, &m); err != nil {
		return nil, err
	}
	if m.AllowedMentions == nil || m.AllowedMentions.Parse == nil || len(*m.AllowedMentions.Parse) > 0 {
		return nil, errors.New("allowed_mentions is not {parse: []}")
	}
	if m.Content != nil && len(utf16.Encode([]rune(*m.Content))) > 2000 {
		return nil, errors.New("content is longer than 2000")
	}
	if len(m.Embeds) > 0 || m.TTS {
		return nil, errors.New("embeds or tts: not what we send")
	}
	if m.Flags&^flags != 0 {
		return nil, fmt.Errorf("flags %d can't be set here", m.Flags&^flags)
	}
	if len(m.Nonce) > 0 {
		if err := json.Unmarshal(m.Nonce, &m.nonce); err != nil || len(m.nonce) > 25 || m.nonce == "" {
			return nil, errors.New("nonce")
		}
	}
	if err := m.checkFiles(files); err != nil {
		return nil, err
	}
	var err error
	if m.components, err = checkRows(m.Components); err != nil {
		return nil, err
	}
	if (m.Content == nil || strings.TrimSpace(*m.Content) == "") && len(m.files) == 0 && len(m.components) == 0 {
		return nil, errEmpty
	}
	return &m, nil
}

var errEmpty = errors.New("Cannot send an empty message") //nolint:staticcheck // Discord's own words

// checkFiles matches uploads with their descriptions.
func (m *sent) checkFiles(files map[int]upload) error {
	described := 0
	if m.Attachments != nil {
		if len(*m.Attachments) > 10 {
			return errors.New("more than 10 attachments")
		}
		for _, a := range *m.Attachments {
			n, err := strconv.Atoi(string(bytes.Trim(a.ID, `"`)))
			if err != nil {
				return errors.New("an attachment's id")
			}
			f, ok := files[n]
			if !ok {
				return fmt.Errorf("attachment %d has no file", n)
			}
			if len([]rune(a.Description)) > 1024 {
				return errors.New("a description is longer than 1024")
			}
			name := a.Filename
			if name == "" {
				name = f.name
			}
			m.files = append(m.files, blob{name: name, kind: f.kind, data: f.data, alt: a.Description})
			described++
		}
	}
	if described != len(files) {
		return errors.New("a file has no entry in attachments")
	}
	return nil
}

// Component is a button or a menu of a message.
type Component struct {
	Type        int
	CustomID    string
	Label       string // of a button
	Placeholder string // of a menu
	Style       int
	Options     []Option
	Chosen      []string // default values of a menu of channels
	MinValues   int
	MaxValues   int

	raw json.RawMessage // of a row
	in  []Component
}

// Option is one of a menu's.
type Option struct {
	Label, Value string
	Default      bool
}

// Kinds of component.
const (
	row           = 1
	button        = 2
	stringMenu    = 3
	textInput     = 4
	channelSelect = 8
)

func tooLong(s string, n int) bool { return len([]rune(s)) > n }

func checkRows(raw []json.RawMessage) ([]Component, error) {
	if len(raw) > 5 {
		return nil, errors.New("more than 5 rows of components")
	}
	var rows []Component
	seen := map[string]bool{}
	for _, r := range raw {
		var in struct {
			Type       int               `json:"type"`
			Components []json.RawMessage `json:"components"`
		}
		if err := strict(r, &in); err != nil {
			return nil, err
		}
		if in.Type != row || len(in.Components) < 1 || len(in.Components) > 5 {
			return nil, fmt.Errorf("a row of type %d with %d components", in.Type, len(in.Components))
		}
		c := Component{Type: row, raw: r}
		for _, raw := range in.Components {
			part, err := checkComponent(raw)
			if err != nil {
				return nil, err
			}
			if part.Type != button && len(in.Components) > 1 {
				return nil, errors.New("a menu shares its row")
			}
			if seen[part.CustomID] {
				return nil, fmt.Errorf("two components are called %q", part.CustomID)
			}
			seen[part.CustomID] = true
			c.in = append(c.in, *part)
		}
		rows = append(rows, c)
	}
	return rows, nil
}

func checkComponent(raw json.RawMessage) (*Component, error) {
	var kind struct {
		Type int `json:"type"`
	}
	if err := json.Unmarshal(raw, &kind); err != nil {
		return nil, err
	}
	switch kind.Type {
	case button:
		return checkButton(raw)
	case stringMenu, channelSelect:
		return checkMenu(raw)
	}
	return nil, fmt.Errorf("a component of type %d in a message", kind.Type)
}

func checkButton(raw json.RawMessage) (*Component, error) {
	var b struct {
		Type     int    `json:"type"`
		Style    int    `json:"style"`
		Label    string `json:"label"`
		CustomID string `json:"custom_id"`
		Disabled bool   `json:"disabled"`
	}
	if err := strict(raw, &b); err != nil {
		return nil, err
	}
	if b.Style < 1 || b.Style > 4 || b.Label == "" || tooLong(b.Label, 80) || b.CustomID == "" || tooLong(b.CustomID, 100) {
		return nil, fmt.Errorf("button %q", b.Label)
	}
	return &Component{Type: button, CustomID: b.CustomID, Label: b.Label, Style: b.Style}, nil
}

func checkMenu(raw json.RawMessage) (*Component, error) {
	var m struct {
		Type        int    `json:"type"`
		CustomID    string `json:"custom_id"`
		Placeholder string `json:"placeholder"`
		MinValues   *int   `json:"min_values"`
		MaxValues   *int   `json:"max_values"`
		Disabled    bool   `json:"disabled"`
		Options     []struct {
			Label       string `json:"label"`
			Value       string `json:"value"`
			Description string `json:"description"`
			Default     bool   `json:"default"`
		} `json:"options"`
		ChannelTypes []int `json:"channel_types"`
		Defaults     []struct {
			ID   string `json:"id"`
			Type string `json:"type"`
		} `json:"default_values"`
	}
	if err := strict(raw, &m); err != nil {
		return nil, err
	}
	c := &Component{Type: m.Type, CustomID: m.CustomID, Placeholder: m.Placeholder, MinValues: 1, MaxValues: 1}
	if m.MinValues != nil {
		c.MinValues = *m.MinValues
	}
	if m.MaxValues != nil {
		c.MaxValues = *m.MaxValues
	}
	if m.CustomID == "" || tooLong(m.CustomID, 100) || tooLong(m.Placeholder, 150) ||
		c.MinValues < 0 || c.MinValues > 25 || c.MaxValues < 1 || c.MaxValues > 25 {
		return nil, fmt.Errorf("menu %q", m.Placeholder)
	}
	if (m.Type == stringMenu) != (len(m.Options) > 0) || len(m.Options) > 25 || len(m.Defaults) > c.MaxValues {
		return nil, fmt.Errorf("menu %q has %d options", m.Placeholder, len(m.Options))
	}
	defaults := 0
	values := map[string]bool{}
	for _, o := range m.Options {
		if o.Label == "" || tooLong(o.Label, 100) || o.Value == "" || tooLong(o.Value, 100) || tooLong(o.Description, 100) || values[o.Value] {
			return nil, fmt.Errorf("option %q of menu %q", o.Label, m.Placeholder)
		}
		values[o.Value] = true
		if o.Default {
			defaults++
		}
		c.Options = append(c.Options, Option{o.Label, o.Value, o.Default})
	}
	if defaults > c.MaxValues {
		return nil, fmt.Errorf("menu %q has %d defaults", m.Placeholder, defaults)
	}
	for _, d := range m.Defaults {
		if d.Type != "channel" {
			return nil, fmt.Errorf("a default of type %q", d.Type)
		}
		c.Chosen = append(c.Chosen, d.ID)
	}
	return c, nil
}

// Modal is a form that was opened.
type Modal struct {
	CustomID, Title    string
	Field              string // custom_id of its one text
	Label, Placeholder string
	MinLength          int
	MaxLength          int
	Required           bool
}

func checkModal(raw json.RawMessage) (*Modal, error) {
	var m struct {
		CustomID   string `json:"custom_id"`
		Title      string `json:"title"`
		Components []struct {
			Type       int `json:"type"`
			Components []struct {
				Type        int    `json:"type"`
				CustomID    string `json:"custom_id"`
				Style       int    `json:"style"`
				Label       string `json:"label"`
				MinLength   int    `json:"min_length"`
				MaxLength   *int   `json:"max_length"`
				Required    *bool  `json:"required"`
				Value       string `json:"value"`
				Placeholder string `json:"placeholder"`
			} `json:"components"`
		} `json:"components"`
	}
	if err := strict(raw, &m); err != nil {
		return nil, err
	}
	if m.CustomID == "" || tooLong(m.CustomID, 100) || m.Title == "" || tooLong(m.Title, 45) || len(m.Components) != 1 ||
		m.Components[0].Type != row || len(m.Components[0].Components) != 1 {
		return nil, fmt.Errorf("modal %q", m.Title)
	}
	f := m.Components[0].Components[0]
	out := &Modal{CustomID: m.CustomID, Title: m.Title, Field: f.CustomID, Label: f.Label, Placeholder: f.Placeholder, MinLength: f.MinLength, MaxLength: 4000, Required: f.Required == nil || *f.Required}
	if f.MaxLength != nil {
		out.MaxLength = *f.MaxLength
	}
	if f.Type != textInput || f.CustomID == "" || tooLong(f.CustomID, 100) || f.Style < 1 || f.Style > 2 || f.Label == "" ||
		tooLong(f.Label, 45) || tooLong(f.Placeholder, 100) || f.MinLength < 0 || f.MinLength > 4000 || out.MaxLength < 1 || out.MaxLength > 4000 {
		return nil, fmt.Errorf("text input %q", f.Label)
	}
	return out, nil
}

// registered is a command that a bot has registered.
type registered struct {
	Name        string  `json:"name"`
	Type        int     `json:"type"`
	Description string  `json:"description"`
	Members     *string `json:"default_member_permissions"`
	Types       []int   `json:"integration_types"`
	Contexts    []int   `json:"contexts"`
	Options     []struct {
		Name        string `json:"name"`
		Type        int    `json:"type"`
		Description string `json:"description"`
		Required    bool   `json:"required"`
		MaxLength   int    `json:"max_length"`
		Choices     []struct {
			Name  string `json:"name"`
			Value string `json:"value"`
		} `json:"choices"`
	} `json:"options"`
}

// typedName is what Discord allows, in the letters that we use.
var typedName = regexp.MustCompile(`^[-_a-z0-9]{1,32}$`)

func checkCommand(raw json.RawMessage) (*registered, error) {
	var c registered
	if err := strict(raw, &c); err != nil {
		return nil, err
	}
	switch {
	case c.Type == 1 && (!typedName.MatchString(c.Name) || c.Description == "" || tooLong(c.Description, 100)),
		c.Type != 1 && (c.Name == "" || tooLong(c.Name, 32) || c.Description != "" || len(c.Options) > 0),
		c.Type < 1 || c.Type > 3, len(c.Options) > 25:
		return nil, fmt.Errorf("command %q", c.Name)
	}
	optional := false
	for _, o := range c.Options {
		if !typedName.MatchString(o.Name) || o.Description == "" || tooLong(o.Description, 100) || len(o.Choices) > 25 || o.MaxLength > 6000 ||
			!slices.Contains([]int{3, 4, 5, 6, 7, 8, 9, 10, 11}, o.Type) {
			return nil, fmt.Errorf("option %q of %q", o.Name, c.Name)
		}
		if o.Required && optional {
			return nil, fmt.Errorf("required option %q of %q comes after an optional one", o.Name, c.Name)
		}
		optional = optional || !o.Required
		for _, choice := range o.Choices {
			if choice.Name == "" || tooLong(choice.Name, 100) || choice.Value == "" || tooLong(choice.Value, 100) {
				return nil, fmt.Errorf("choice %q of %q", choice.Name, c.Name)
			}
		}
	}
	return &c, nil
}
