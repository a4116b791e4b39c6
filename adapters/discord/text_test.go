package discord

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/mynah-coach/mynah/adapters/discord/discordtest"
	"github.com/mynah-coach/mynah/coach"
)

func TestEscapedTextIsReadAsItIs(t *testing.T) {
	for _, text := range []string{
		"Well read. ✓ clear ~ nearly ! work on ? not sure ✗ not heard",
		"/θ/ as in “think”: say *th*, not _s_; 5 × 3 = 15.",
		"# heading\n## another\n-# small\n> quote\n>>> all\n- list\n* list\n1. first\n  - nested\n  12. twelfth",
		"**b** __u__ ~~s~~ ||h|| `c` ```x``` *i* _i_ ***bi***",
		"[results](https://evil.example) <https://evil.example> https://evil.example/x_y discord.gg/abc steam://run/1",
		"@everyone @here <@1> <@!1> <@&1> <#1> <:e:1> <a:e:1> <t:1:R> </x:1> <id:browse>",
		`a \ b \* c \\`,
		"https:/\\/evil.example",
		"한국어 中文 ไทย فارسی 👩‍👩‍👧",
	} {
		read, active := discordtest.Render(escape(text))
		if read != text {
			t.Errorf("%q is read as %q", text, read)
		}
		if len(active) > 0 {
			t.Errorf("in %q Discord acts upon %q", text, active)
		}
	}
}

func TestWhatCannotBeSeenIsLeftOut(t *testing.T) {
	if got, want := escape("a\u200b\u202eb\u2066c\ufeff\U000E0041d\x00\x1b[0m\r\ne\tf"), "abcd\\[0m\ne f"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestTextIsCutWhereASentenceEnds(t *testing.T) {
	long := strings.Repeat("This is a sentence. ", 200)
	shown, rest := fit(long, maxContent)
	if !strings.HasSuffix(shown, "sentence. …") || !strings.HasPrefix(rest, "This") || length(escape(shown)) > maxContent {
		t.Errorf("shown ends %q, the rest begins %.20q", shown[len(shown)-20:], rest)
	}
	if shown, rest = fit("short", maxContent); shown != "short" || rest != "" {
		t.Errorf("%q and %q", shown, rest)
	}
	if shown, _ = fit(strings.Repeat("*", 5000), maxContent); length(escape(shown)) > maxContent {
		t.Errorf("%d units when escaped", length(escape(shown)))
	}
	if shown, _ = fit(strings.Repeat("😀", 1500), maxContent); length(shown) > maxContent || !utf8.ValidString(shown) {
		t.Errorf("%d units", length(shown))
	}
}

func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", "**a**", "1. x", "http://", "\\", "<@1>", "> a\n>>> b", "a\x00\u202e", "||*_~`"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		shown, rest := fit(visible(text), 200)
		got := escape(shown)
		if length(got) > 200 {
			t.Errorf("%d units", length(got))
		}
		if rest == "" && shown != visible(text) {
			t.Error("something is lost")
		}
		if !utf8.ValidString(got) {
			t.Error("not UTF-8")
		}
		read, active := discordtest.Render(got)
		if len(active) > 0 {
			t.Errorf("%q: Discord acts upon %q", got, active)
		}
		if read != shown {
			t.Errorf("%q is read as %q", shown, read)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"c-1-2", "discord-1", "discord-i1", "a|details|1|n|v", `{"f":"1"}`, "d-0-18446744073709551615"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if w, err := parseThread(coach.ThreadID(s)); err == nil {
			if again, err := parseThread(w.id()); err != nil || again != w {
				t.Errorf("%q reads %+v, then %+v", s, w, again)
			}
		}
		if a, ok := parseCustomID(s); ok {
			if id, err := a.customID(); err == nil {
				if again, ok := parseCustomID(id); !ok || again != a {
					t.Errorf("%q reads %+v, then %+v", s, a, again)
				}
			}
		}
		if r, err := parseRecording(s); err == nil {
			if again, err := parseRecording(r.ref()); err != nil || again != r {
				t.Errorf("%q reads %+v, then %+v", s, r, again)
			}
		}
		_ = plain(s)
	})
}
