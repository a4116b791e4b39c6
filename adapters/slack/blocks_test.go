package slack

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"
	"go.yaml.in/yaml/v3"

	"github.com/mynah-coach/mynah/adapters/slack/slacktest"
	"github.com/mynah-coach/mynah/coach"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name string, got json.RawMessage) {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, got, "", "  "); err != nil {
		t.Fatal(err)
	}
	b.WriteByte('\n')
	path := filepath.Join("testdata", name+".golden.json")
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), b.String()); d != "" {
		t.Errorf("%s (-want +got):\n%s", path, d)
	}
}

// The reply and the App Home, byte by byte as Slack is sent them.
func TestGolden(t *testing.T) {
	r := run(t)
	t.Run("reply", func(t *testing.T) {
		note := coach.NoteID("slack-T1-C1-1.1-F1")
		k := newKit()
		k.text("", "Your \"light\" was clear & easy to follow.\n\n✓ I  ✓ think  ! the  ~ light  ✓ is  ✗ on\n\nTo work on: the first sound of \"the\". Put your tongue lightly at your teeth, and use your voice.")
		k.buttons([]coach.Button{
			{Label: "Details", Action: coach.ActDetails, Note: note},
			{Label: "Try again", Action: coach.ActAgain, Note: note, Style: coach.StylePrimary},
			{Label: "Hear it", Action: coach.ActHear, Note: note},
			{Label: "That's wrong", Action: coach.ActDispute, Note: note, Style: coach.StyleDanger},
		})
		js, err := json.Marshal(k.blocks)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "reply", js)
		if wrong := r.ws.CheckBlocks("message", js); len(wrong) > 0 {
			t.Error(wrong)
		}
	})
	t.Run("home", func(t *testing.T) {
		js, err := json.Marshal(homeView(coach.Answer{
			Sections: []coach.Section{
				{Heading: "How you are getting on", Text: "In 12 recordings: accuracy went from 5.8 to 7.1 of 10."},
				{Heading: "Sounds to work on", Text: "• th as in think: clear 3 times of 9\n• r as in red: clear 5 times of 8"},
				{Heading: "Next", Text: "Thirty-three thick thistles."},
			},
			Choices: []coach.Choice{
				{Action: coach.ActSettings, Name: "explanations", Label: "Explanations", Value: "short", Options: []coach.Option{{Value: "short", Label: "Short"}, {Value: "full", Label: "Full"}}},
				{Action: coach.ActSettings, Name: "replies", Label: "Replies", Value: "private", Options: []coach.Option{{Value: "thread", Label: "In the thread"}, {Value: "private", Label: "Only to me"}}},
			},
			Buttons: []coach.Button{
				{Label: "Practise", Action: coach.ActPractice, Style: coach.StylePrimary},
				{Label: "Privacy", Action: coach.ActPrivacy},
				{Label: "Forget me", Action: coach.ActForget, Style: coach.StyleDanger},
			},
		}))
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "home", js)
	})
}

// Whatever an answer holds within what coach allows, and texts beyond it, Slack
// takes its blocks.
func TestEveryAnswerFits(t *testing.T) {
	ws := run(t).ws
	source := rand.New(rand.NewPCG(3, 14))
	texts := []string{"", " ", "\n\n", "é", "<!channel> & *bold*", "\x00\u202e\u200b", strings.Repeat("long word ", 900), strings.Repeat("x", 9000), "a\nb\nc", "🦜"}
	some := func(n int) string {
		s := texts[source.IntN(len(texts))]
		if n > 0 && utf8.RuneCountInString(s) > n {
			return string([]rune(s)[:n])
		}
		return s
	}
	label := func(n int) string { return "l" + some(n-1) }
	for i := range 500 {
		var a coach.Answer
		for range source.IntN(8) {
			a.Sections = append(a.Sections, coach.Section{Heading: some(0), Text: some(0)})
		}
		for n := range source.IntN(12) {
			a.Buttons = append(a.Buttons, coach.Button{
				Label: label(40), Action: coach.ActDispute, Note: coach.NoteID("slack-" + strings.Repeat("N", 122)), Name: "claim", Value: fmt.Sprint("c", n),
				Style: []coach.ButtonStyle{coach.StylePlain, coach.StylePrimary, coach.StyleDanger}[n%3],
			})
		}
		for n := range source.IntN(7) {
			c := coach.Choice{Action: coach.ActSetup, Name: fmt.Sprint("name", n), Label: label(80), Value: "v0", Channels: n == 2}
			for o := range 1 + source.IntN(25) {
				c.Options = append(c.Options, coach.Option{Value: fmt.Sprint("v", o), Label: label(70)})
			}
			a.Choices = append(a.Choices, c)
		}
		k := newKit()
		k.answer(a, "")
		for surface, blocks := range map[string]any{
			"message": k.content("x").blocks, "home": homeView(a).Blocks.BlockSet, "modal": infoView(a, surface{}).Blocks.BlockSet,
		} {
			js, err := json.Marshal(blocks)
			if err != nil {
				t.Fatal(err)
			}
			wrong := ws.CheckBlocks(surface, js)
			if surface != "modal" && string(js) == "null" || string(js) == "[]" {
				continue // nothing to say
			}
			if len(wrong) > 0 {
				t.Fatalf("answer %d, %s: %s\n%s", i, surface, wrong, js)
			}
			if n := utf8.RuneCountInString(k.spoken()); n > maxMessageText+100 {
				t.Fatalf("answer %d says %d characters", i, n)
			}
		}
	}
}

// spoken is all that the rich text of a kit says.
func (k *kit) spoken() string {
	var b strings.Builder
	for _, block := range k.blocks {
		if rich, ok := block.(*slack.RichTextBlock); ok {
			for _, e := range rich.Elements {
				for _, leaf := range e.(*slack.RichTextSection).Elements {
					b.WriteString(leaf.(*slack.RichTextSectionTextElement).Text)
				}
			}
		}
	}
	return b.String()
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"", "a. b", "<x|y> & *z*", "\u202e\x00", strings.Repeat("é ", 3000), "<@U1> <https://a|b>", "&amp;lt;"} {
		f.Add(s, 10)
	}
	f.Fuzz(func(t *testing.T, s string, n int) {
		if n < 1 || n > 5000 {
			return
		}
		c := clean(s)
		if !utf8.ValidString(c) {
			t.Errorf("clean(%q) is not UTF-8", s)
		}
		head, tail := split(c, n)
		if utf8.RuneCountInString(head) > n {
			t.Errorf("split(%q, %d) leaves %d", c, n, utf8.RuneCountInString(head))
		}
		if squeeze(head+tail) != squeeze(c) {
			t.Errorf("split(%q, %d) lost something: %q, %q", c, n, head, tail)
		}
		if strings.ContainsAny(escape(s), "<>") {
			t.Errorf("escape(%q) = %q", s, escape(s))
		}
		_ = said(message{Text: s})
		_, _ = parseNote(coach.NoteID(s))
		_, _ = parseThread(coach.ThreadID(s))
		_ = values(coach.Entry{Parameters: []coach.Parameter{{Name: "level", Options: []coach.Option{{Value: "a"}}}, {Name: "text"}}}, strings.Fields(s))
	})
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), "") }

func TestManifest(t *testing.T) {
	for name, tc := range map[string]struct {
		socket bool
		url    string
	}{"manifest-socket": {true, ""}, "manifest-http": {false, "https://mynah.example/"}} {
		js, err := Manifest(tc.socket, tc.url)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name, js)
		var m slack.Manifest
		if err := json.Unmarshal(js, &m); err != nil {
			t.Fatal(err)
		}
		if n := utf8.RuneCountInString(m.Display.LongDescription); n < 174 || n > 4000 {
			t.Errorf("a long description of %d characters, want 174 to 4,000", n)
		}
		if len(m.Display.Description) > 140 || len(m.Features.Shortcuts[0].Name) > 24 || len(m.Features.Shortcuts[0].Description) > 150 {
			t.Error("a text is longer than Slack takes")
		}
		if d := cmp.Diff(slacktest.AllScopes(), sorted(m.OAuthConfig.Scopes.Bot)); d != "" {
			t.Errorf("scopes (-want +got):\n%s", d)
		}
	}
	for _, url := range []string{"", "http://mynah.example", "mynah.example", "https://", "https://x/?a=b"} {
		if _, err := Manifest(false, url); err == nil {
			t.Errorf("the public URL %q was taken", url)
		}
	}
}

// Every scope is explained where owners read about it, and no other.
func TestScopesAreExplained(t *testing.T) {
	b, err := os.ReadFile("../../docs/slack.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scopes() {
		if !strings.Contains(string(b), "| `"+s.name+"` |") {
			t.Errorf("docs/slack.md does not explain %s", s.name)
		}
	}
	if rows := strings.Count(string(b), ":read` |") + strings.Count(string(b), ":write` |") + strings.Count(string(b), ":history` |") + strings.Count(string(b), "| `commands` |"); rows != len(scopes()) {
		t.Errorf("docs/slack.md explains %d scopes, want %d", rows, len(scopes()))
	}
}

// The walk-through's settings are those that there are, and the troubles that it
// names those that are logged.
func TestWalkThroughIsTrue(t *testing.T) {
	page, err := os.ReadFile("../../docs/slack.md")
	if err != nil {
		t.Fatal(err)
	}
	sample, err := os.ReadFile("../../config/mynah.sample.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var known map[string]map[string]any
	if err := yaml.Unmarshal(sample, &known); err != nil {
		t.Fatal(err)
	}
	snippets := strings.Split(string(page), "```yaml\n")[1:]
	if len(snippets) < 3 {
		t.Errorf("%d snippets of settings", len(snippets))
	}
	for _, s := range snippets {
		body, _, _ := strings.Cut(strings.ReplaceAll(s, "\n   ", "\n"), "```")
		var settings map[string]map[string]any
		if err := yaml.Unmarshal([]byte(body), &settings); err != nil {
			t.Fatalf("%v in:\n%s", err, body)
		}
		for key := range settings["slack"] {
			if _, ok := known["slack"][key]; !ok {
				t.Errorf("there is no setting slack.%s", key)
			}
		}
	}
	var sources strings.Builder
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(f, "_test.go") {
			sources.Write(b)
		}
	}
	for _, said := range []string{"the bot token is refused", "the app-level token is refused", "socket mode can't connect", "I can't open that recording from here", "/slack/install"} {
		if !strings.Contains(string(page), said) || !strings.Contains(sources.String(), said) {
			t.Errorf("%q is not both in the page and in the code", said)
		}
	}
}

func TestProbe(t *testing.T) {
	p := newPlatform(t, false)
	all := p.config().Probe(t.Context())
	for _, f := range all {
		if !f.OK || f.Fix != "" {
			t.Errorf("with everything in order: %+v", f)
		}
	}
	p.ws.SetScopes("chat:write", "files:write", "channels:history", "groups:history", "im:history", "im:write", "app_mentions:read", "users:read", "commands", "admin")
	missing := map[string]bool{}
	for _, f := range p.config().Probe(t.Context()) {
		if strings.HasPrefix(f.Name, "slack scope ") {
			missing[strings.TrimPrefix(f.Name, "slack scope ")] = f.OK
		}
		if f.Name == "slack scopes" && !strings.Contains(f.Detail, "admin") {
			t.Errorf("%+v", f)
		}
	}
	if d := cmp.Diff(map[string]bool{"files:read": false, "reactions:write": true}, missing); d != "" {
		t.Errorf("missing scopes, and whether that is well (-want +got):\n%s", d)
	}
	c := p.config()
	c.BotToken, c.AppToken = "xoxb-wrong", "xapp-wrong"
	bad := 0
	for _, f := range c.Probe(t.Context()) {
		if !f.OK {
			bad++
			if f.Fix == "" || !strings.Contains(f.Detail, "invalid_auth") {
				t.Errorf("%+v", f)
			}
		}
		if strings.Contains(f.Detail+f.Fix, "wrong") {
			t.Errorf("a token is in %+v", f)
		}
	}
	if bad != 2 {
		t.Errorf("%d things are wrong, want 2", bad)
	}
}
