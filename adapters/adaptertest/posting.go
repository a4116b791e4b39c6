package adaptertest

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/mynah-coach/mynah/coach"
)

// kinds are the kinds of reply that the platform gets.
func (h Harness) kinds() []coach.ReplyKind {
	all := []coach.ReplyKind{coach.ReplyCoaching, coach.ReplyAdvice, coach.ReplyApology}
	if h.Desk != nil {
		all = append(all, coach.ReplyNotice, coach.ReplyQuestion)
	}
	return all
}

func everyKindIsShown(t *testing.T, h Harness) {
	s := listen(t, h, &inbox{})
	for _, kind := range h.kinds() {
		n := s.deliver(clip(string(kind)))
		text := "This is what the " + string(kind) + " says."
		s.post(h.Adapter, n, reply(n, kind, text))
		if got := s.seenOne(n).Text; !strings.Contains(got, text) {
			t.Errorf("%s: the learner sees %q, want it to hold %q", kind, got, text)
		}
	}
}

func postedAgainShownOnce(t *testing.T, h Harness) {
	s := listen(t, h, &inbox{})
	n := s.deliver(clip("a"))
	r := reply(n, coach.ReplyCoaching, "Well read.")
	s.post(h.Adapter, n, r)
	s.post(h.Adapter, n, r)
	s.post(h.Another, n, r)
	if got := s.seenOne(n).Text; !strings.Contains(got, r.Text) {
		t.Errorf("the learner sees %q, want it to hold %q", got, r.Text)
	}
}

func failedPostMayBeRepeated(t *testing.T, h Harness) {
	s := listen(t, h, &inbox{})
	for name, after := range map[string]bool{"before it took effect": false, "after it took effect": true} {
		n := s.deliver(clip(name))
		r := reply(n, coach.ReplyCoaching, "Well read.")
		h.FailPost(after)
		err := h.Adapter.Post(s.ctx(), n.Thread, r)
		if err == nil {
			t.Fatalf("a Post that failed %s returned nil", name)
		}
		var snooze *coach.Snooze
		if coach.ReasonOf(err) != "" || errors.As(err, &snooze) {
			t.Errorf("a Post that failed %s is a plain error of ours, got %v", name, err)
		}
		if strings.Contains(err.Error(), r.Text) || strings.Contains(err.Error(), n.Text) {
			t.Errorf("the error of a Post that failed %s holds the learner's text", name)
		}
		s.post(h.Adapter, n, r)
		s.seenOne(n)
	}
}

func rateLimitIsSnooze(t *testing.T, h Harness) {
	if h.LimitPost == nil {
		t.Skip("this platform has no rate limit")
	}
	s := listen(t, h, &inbox{})
	n := s.deliver(clip("a"))
	r := reply(n, coach.ReplyCoaching, "Well read.")
	const limit = 2 * time.Second
	h.LimitPost(limit)
	err := h.Adapter.Post(s.ctx(), n.Thread, r)
	var snooze *coach.Snooze
	if !errors.As(err, &snooze) {
		t.Fatalf("Post under a rate limit: %v, want a *coach.Snooze", err)
	}
	if snooze.For < limit/2 || snooze.For > 2*limit {
		t.Errorf("snoozes for %s, the platform asked for %s", snooze.For, limit)
	}
	if got := len(s.seen(n)); got != 0 {
		t.Errorf("the learner sees %d replies of the limited Post", got)
	}
	time.Sleep(snooze.For) // an adapter may keep to it by itself
	s.post(h.Adapter, n, r)
	s.seenOne(n)
}

// marker is in every hostile text, and must stay readable.
const marker = "marker-5813"

// hostile are texts that platforms have been made to act upon.
var hostile = map[string]string{
	"script":        `<script>document.title="owned"</script><img src=x onerror="document.title='owned'"> ` + marker,
	"markup":        `<b>bold</b> </p></div> &lt;b&gt; &amp; ` + marker,
	"mass mention":  "@everyone @here <!channel> <!here> <!everyone> " + marker,
	"user mention":  "<@123456789012345678> <@!123456789012345678> <@&123456789012345678> <@U012AB3CD> <!subteam^S012AB3CD> " + marker,
	"channel":       "<#123456789012345678> <#C012AB3CD|general> " + marker,
	"masked link":   "[your results](https://evil.example/x) <https://evil.example/x|your results> " + marker,
	"markdown":      "# big\n> quote\n```\ncode " + marker + " ~~gone~~ ||hidden|| **bold** __under__",
	"bidi":          "safe \u202egnp.exe\u202c \u2066isolate\u2069 \u200f " + marker,
	"invisible":     "zero\u200bwidth\u2060joined\ufeff " + marker + " tags \U000E0041\U000E0042",
	"control":       "bell\a escape\x1b[31m null\x00 " + marker,
	"quotes":        `"]}'"; -- ` + "`" + ` \u003cb\u003e \ ` + marker,
	"custom emoji":  "<:name:123456789012345678> :wave: " + marker,
	"timestamp":     "<t:1618953630:R> <!date^1392734382^{date}^https://evil.example|x> " + marker,
	"another write": "متن " + marker + " 文字 текст ไทย",
}

func hostileTextIsHarmless(t *testing.T, h Harness) {
	s := listen(t, h, &inbox{})
	for name, text := range hostile {
		for _, kind := range h.kinds() {
			c := clip(name + " " + string(kind))
			n := s.deliver(c)
			r := reply(n, kind, text)
			if r.Assessment != nil { // the sentence is the learner's own
				r.Assessment.Text = text
				r.Assessment.Words[0].Text = text
			}
			s.post(h.Adapter, n, r)
			shown := s.seenOne(n)
			if len(shown.Active) > 0 {
				t.Errorf("%s, %s: the platform would act upon %q", name, kind, shown.Active)
			}
			if !strings.Contains(shown.Text, marker) {
				t.Errorf("%s, %s: the harmless part can't be read in %q", name, kind, shown.Text)
			}
			if !utf8.ValidString(shown.Text) {
				t.Errorf("%s, %s: what is shown is not UTF-8", name, kind)
			}
		}
	}
	t.Run("very long text", func(t *testing.T) {
		n := s.deliver(clip("long"))
		text := marker + strings.Repeat(" é", 2500)
		s.post(h.Adapter, n, reply(n, coach.ReplyAdvice, text))
		shown := s.seenOne(n)
		if !strings.Contains(shown.Text, marker) || utf8.RuneCountInString(shown.Text) < 1000 || !utf8.ValidString(shown.Text) {
			t.Errorf("of 5,000 characters the learner sees %d", utf8.RuneCountInString(shown.Text))
		}
	})
}

func replyStaysInThread(t *testing.T, h Harness) {
	s := listen(t, h, &inbox{})
	mine := s.deliver(clip("a"))
	c := clip("b")
	c.Learner, c.Thread = "bob", "other lesson"
	theirs := s.deliver(c)
	s.post(h.Adapter, mine, reply(mine, coach.ReplyCoaching, "Well read, first."))
	if got := s.seen(theirs); len(got) != 0 {
		t.Errorf("another learner sees %d replies", len(got))
	}
	s.post(h.Adapter, theirs, reply(theirs, coach.ReplyCoaching, "Well read, second."))
	if got := s.seenOne(mine).Text; strings.Contains(got, "second") {
		t.Errorf("a learner sees another's reply: %q", got)
	}
}
