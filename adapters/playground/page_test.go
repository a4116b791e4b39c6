package playground

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/mynah-coach/mynah/coach"
)

// TestPage drives the page in a real browser whose microphone plays a real
// recording.
func TestPage(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	chromium := browser(t)

	t.Run("a recording with the microphone becomes a reply, word by word", func(t *testing.T) {
		s := serve(t, Config{}, nil)
		service := answerAll(t, s, coaching)
		b := openTab(t, chromium, s.url)
		b.typeSentence(spokenText)
		b.record(3600 * time.Millisecond)
		b.click("send")
		b.await(b.visible("reply"))

		if got := b.texts("reply-text"); len(got) != 1 || !strings.Contains(got[0], "clear and steady") {
			t.Errorf("the reply reads %q", got)
		}
		want := []string{"I ✓ : clear", "think ! : work on this", "that's ✓ : clear", "what ~ : nearly", "you ? : not sure", "want ✓ : clear", "to – : not heard", "be ✓ : clear"}
		if got := b.texts("word"); !slices.Equal(got, want) {
			t.Errorf("the words are marked %q, want %q", got, want)
		}
		if got := b.texts("pause"); len(got) != 1 || !strings.HasPrefix(got[0], "‖ 0.6 s") {
			t.Errorf("pauses %q, want one of 0.6 s", got)
		}
		if got := value[string](b, `document.querySelector("[data-testid=panel-word]").innerText`); got != "think" {
			t.Errorf("the open word is %q, want the one to work on, think", got)
		}
		if got := b.texts("heard"); len(got) != 1 || !strings.Contains(got[0], "sounded like s") {
			t.Errorf("heard instead: %q, want one sound like s", got)
		}
		if got := value[string](b, `document.querySelector("[data-testid=aspect-prosody]").innerText.replace(/\s+/g, " ").trim()`); !strings.EqualFold(got, "prosody not sure") {
			t.Errorf("an aspect with little confidence reads %q", got)
		}

		recording := service.last()
		if !bytes.HasPrefix(recording, []byte{0x1A, 0x45, 0xDF, 0xA3}) {
			t.Errorf("the recording begins with % x, want a WebM", recording[:min(4, len(recording))])
		}
		if seconds, peak := loudness(t, recording); seconds < 3 || seconds > 8 || peak < -30 {
			t.Errorf("the recording is %.1f s with a peak of %.0f dB, want the voice of about 3.6 s", seconds, peak)
		}

		screenshots(b)

		b.do(chromedp.Reload())
		b.await(b.visible("reply"))
		if got := b.texts("word"); !slices.Equal(got, want) {
			t.Errorf("after a reload the words are marked %q", got)
		}
		b.click("hear-note")
		b.await(`document.querySelector("[data-testid=hear-note]").dataset.playing === "yes" && document.querySelector(".word.now")`)
		b.await(`!document.querySelector("[data-testid=hear-note]").dataset.playing`)
	})
}

// coaching answers with a reply as the service makes them.
func coaching(n coach.VoiceNote) coach.Reply {
	j := func(l coach.Label, score, confidence float64) coach.Judgement {
		return coach.Judgement{Label: l, Score: score, Confidence: confidence}
	}
	phone := func(expected coach.Phoneme, ipa string, start, end float64, acc coach.Judgement) coach.Phone {
		return coach.Phone{Expected: expected, IPA: ipa, Accuracy: acc, Span: coach.Span{Start: start, End: end}}
	}
	fine := j(coach.Excellent, 2, 0.93)
	theta := phone("TH", "θ", 0.62, 0.74, j(coach.Bad, 0.6, 0.9))
	s := coach.Phoneme("S")
	theta.Heard = &s
	t := phone("T", "t", 1.72, 1.8, j(coach.Average, 1.2, 0.72))
	missing := coach.Missing
	t.Heard = &missing
	one, zero := 1, 0
	word := func(text string, start, end float64, acc coach.Judgement, phones ...coach.Phone) coach.Word {
		return coach.Word{Text: text, Spoken: true, Accuracy: acc, Stress: j(coach.Excellent, 10, 0.9), Phones: phones, Span: coach.Span{Start: start, End: end}}
	}
	text := "Your rhythm was clear and steady, and “want” came out very well.\n\n" +
		"One sound to work on: the first one of “think” sounded like s. Put the tip of your tongue lightly between your teeth and blow: th, think.\n\n" +
		"Next, say “I think so” three times slowly, then read the sentence again."
	return coach.Reply{
		Note: n.ID, Learner: n.Learner, Kind: coach.ReplyCoaching, Text: text,
		Assessment: &coach.Assessment{
			Model: "test", Seconds: 3.5, Text: n.Text,
			Sentence: coach.SentenceJudgements{
				Accuracy: j(coach.Average, 6.4, 0.71), Fluency: j(coach.Good, 8.1, 0.77),
				Prosody: j(coach.Good, 7.2, 0.41), Completeness: j(coach.Excellent, 9.6, 0.95),
			},
			Words: []coach.Word{
				word("I", 0.4, 0.6, j(coach.Excellent, 9.8, 0.9), phone("AY", "aɪ", 0.4, 0.6, fine)),
				word("think", 0.62, 1.02, j(coach.Bad, 4.1, 0.88), theta, phone("IH", "ɪ", 0.74, 0.84, fine), phone("NG", "ŋ", 0.84, 0.93, fine), phone("K", "k", 0.93, 1.02, j(coach.Good, 1.7, 0.44))),
				word("that's", 1.05, 1.4, j(coach.Good, 8.2, 0.8), phone("DH", "ð", 1.05, 1.12, fine), phone("AE", "æ", 1.12, 1.25, fine), phone("T", "t", 1.25, 1.3, fine), phone("S", "s", 1.3, 1.4, fine)),
				word("what", 1.5, 1.8, j(coach.Average, 6.3, 0.69), phone("W", "w", 1.5, 1.58, fine), phone("AH", "ʌ", 1.58, 1.72, fine), t),
				word("you", 2.4, 2.55, j(coach.Bad, 4.5, 0.38), phone("Y", "j", 2.4, 2.45, fine), phone("UW", "u", 2.45, 2.55, fine)),
				word("want", 2.55, 2.85, j(coach.Excellent, 9.7, 0.92), phone("W", "w", 2.55, 2.6, fine), phone("AA", "ɑ", 2.6, 2.7, fine), phone("N", "n", 2.7, 2.78, fine), phone("T", "t", 2.78, 2.85, fine)),
				{Text: "to", Phones: []coach.Phone{}},
				word("be", 2.95, 3.3, j(coach.Good, 8.7, 0.85), phone("B", "b", 2.95, 3.05, fine), phone("IY", "i", 3.05, 3.3, fine)),
			},
			Pauses: []coach.Pause{{After: 3, Span: coach.Span{Start: 1.8, End: 2.4}}},
		},
		Rationale: &coach.Rationale{Text: text, Source: coach.SourcePlain, Claims: []coach.Claim{
			{ID: "c1", Kind: coach.ClaimStrength, Aspect: coach.Fluency, Label: coach.Good, Confidence: 0.77},
			{ID: "c2", Kind: coach.ClaimPhone, Word: &one, Phone: &zero, Label: coach.Bad, Confidence: 0.9, Expected: "TH", Heard: "S"},
			{ID: "c3", Kind: coach.ClaimCue, Word: &one, Phone: &zero, Expected: "TH", Text: "Put the tip of your tongue lightly between your teeth and blow, without voice."},
		}},
	}
}

// screenshots are taken where MYNAH_SCREENSHOTS names a folder, to be looked at.
func screenshots(b *tab) {
	dir := os.Getenv("MYNAH_SCREENSHOTS")
	if dir == "" {
		return
	}
	take := func(name, scheme string, width, height int64, mobile bool) {
		b.do(
			send(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1.5, Mobile: mobile}),
			colours(scheme),
			chromedp.Sleep(400*time.Millisecond),
		)
		png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
		if err != nil {
			b.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600); err != nil {
			b.t.Error(err)
		}
	}
	take("light", "light", 1000, 900, false)
	take("dark", "dark", 1000, 900, false)
	take("mobile", "light", 390, 844, true)
	b.do(send(emulation.ClearDeviceMetricsOverride, cdp.Empty{}), colours(""))
}

// colours sets what the system prefers, light or dark.
func colours(scheme string) chromedp.Action[chromedp.Void] {
	return send(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
}
