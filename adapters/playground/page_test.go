package playground

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/internal/browser"
)

// TestPage drives the page in a real browser whose microphone plays a real
// recording.
func TestPage(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	chromium := browser.Start(t, spoken)

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
		want := []string{"I ✓ : clear", "think ! : work on this", "that's ✓ : clear", "what ~ : nearly", "you ? : not sure", "want ✓ : clear", "to ✗ : not heard", "be ✓ : clear"}
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
	t.Run("a server that restarts loses nothing, and neither does a reload", func(t *testing.T) {
		s := serve(t, Config{}, nil)
		b := openTab(t, chromium, s.url)
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		b.upload("../../audio/testdata/adult-errors.ogg")
		b.click("send")
		b.await(`document.querySelector("[data-state=waiting]")`)
		if got := b.texts("connection"); !strings.Contains(got[0], "try again by itself") {
			t.Errorf("the learner is told %q", got)
		}
		again := serve(t, Config{Addr: strings.TrimSuffix(strings.TrimPrefix(s.url, "http://"), "/")}, s)
		answerAll(t, again, coaching)
		b.await(b.visible("reply"))
		if n := len(s.inbox.all()); n != 1 {
			t.Errorf("%d notes were accepted, want one", n)
		}
	})
	t.Run("a recording that was not sent yet is sent after a reload", func(t *testing.T) {
		s := serve(t, Config{}, nil)
		s.inbox.refuseNext(&coach.Busy{For: time.Hour, Cause: errors.New("too many")})
		b := openTab(t, chromium, s.url)
		b.upload("../../audio/testdata/adult-errors.ogg")
		b.click("send")
		b.await(`document.querySelector(".state[data-state=busy]")`)
		if got := b.texts("connection"); !strings.Contains(got[0], "60 minutes") {
			t.Errorf("the learner is told %q", got)
		}
		b.do(chromedp.Reload())
		b.await(`document.querySelector(".state[data-state=listening]")`)
		answerAll(t, s, coaching)
		b.await(b.visible("reply"))
	})
	t.Run("the keyboard does all of it", func(t *testing.T) {
		s := serve(t, Config{}, nil)
		answerAll(t, s, coaching)
		b := openTab(t, chromium, s.url)
		recording := `document.getElementById("practice").dataset.state === "recording"`
		b.press(" ")
		b.await(recording)
		b.press(kb.Escape)
		b.await(`document.getElementById("practice").dataset.state === "ready" && document.activeElement.id === "record"`)
		b.press(" ") // the button has the focus
		b.await(recording)
		b.do(chromedp.Sleep(time.Second))
		b.press(" ")
		b.await(`document.activeElement.id === "send"`)
		b.press("\r")
		b.await(b.visible("reply"))
		if n := len(s.inbox.all()); n != 1 {
			t.Errorf("%d notes were sent, want one: what was cancelled stays here", n)
		}
		if got := b.texts("announce"); !strings.HasPrefix(got[0], "mynah replied: ") {
			t.Errorf("listeners are told %q", got)
		}
	})
	t.Run("a refused microphone is explained, and a file does as well", func(t *testing.T) {
		s := serve(t, Config{}, nil)
		service := answerAll(t, s, coaching)
		b := openTab(t, chromium, s.url)
		b.allowMicrophone(cdpbrowser.PermissionSettingDenied)
		b.click("record")
		b.await(b.visible("notice"))
		if got := b.texts("notice"); !strings.Contains(got[0], "microphone") || !strings.Contains(got[0], "Allow it") {
			t.Errorf("the learner is told %q", got)
		}
		b.upload("../../audio/testdata/adult-clear.m4a")
		b.click("send")
		b.await(b.visible("reply"))
		want, err := os.ReadFile("../../audio/testdata/adult-clear.m4a")
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(service.last(), want) {
			t.Error("the file that arrived is not the one that was chosen")
		}
	})
	t.Run("a computer without a microphone is told so", func(t *testing.T) {
		s := serve(t, Config{}, nil)
		b := openTab(t, chromium, s.url)
		b.do(chromedp.Evaluate[chromedp.Void](`navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("", "NotFoundError"); }; undefined`))
		b.click("record")
		b.await(b.visible("notice"))
		if got := b.texts("notice"); !strings.Contains(got[0], "No microphone was found") {
			t.Errorf("the learner is told %q", got)
		}
	})
	t.Run("advice is shown kindly, whether it comes at once or later", func(t *testing.T) {
		s := serve(t, Config{MaxBytes: 30_000}, nil)
		answerAll(t, s, func(n coach.VoiceNote) coach.Reply {
			return coach.Reply{Note: n.ID, Kind: coach.ReplyAdvice, Reason: coach.ErrNoSpeech.Reason, Text: "I could not hear anyone speak."}
		})
		b := openTab(t, chromium, s.url)
		b.upload("../../audio/testdata/adult-errors.ogg")
		b.click("send")
		b.await(b.visible("reply"))
		s.inbox.refuseNext(coach.ErrUnsupportedText)
		b.upload("../../audio/testdata/child.ogg")
		b.click("send")
		b.await(`document.querySelectorAll("[data-testid=reply]").length === 2`)
		if got := b.texts("reply-text"); !slices.Equal(got, []string{"advice: unsupported_text", "I could not hear anyone speak."}) {
			t.Errorf("the learner reads %q", got)
		}
		b.upload("../../audio/testdata/adult-long.ogg")
		b.await(b.visible("notice"))
		if got := b.texts("notice"); !strings.Contains(got[0], "larger than") {
			t.Errorf("of a file that is too large the learner is told %q", got)
		}
	})
	t.Run("hostile text is only text", func(t *testing.T) {
		s := serve(t, Config{}, nil)
		evil := `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>` + "\u202etxt.exe\u202c \u2066x\u2069 \u200bend \x00\x1b[31m"
		answerAll(t, s, func(n coach.VoiceNote) coach.Reply {
			r := coaching(n)
			r.Text = evil + strings.Repeat("a", 5000)
			r.Assessment.Text = evil + " " + n.Text
			r.Assessment.Words[1].Text = evil
			r.Assessment.Words[1].Phones[0].IPA = evil
			h := coach.Phoneme(evil)
			r.Assessment.Words[1].Phones[0].Heard = &h
			r.Rationale.Claims[2].Text = evil
			return r
		})
		b := openTab(t, chromium, s.url)
		before := value[int](b, `document.querySelectorAll("script, img").length`)
		b.typeSentence("<b>bold</b> & <i>thin</i>")
		b.upload("../../audio/testdata/adult-errors.ogg")
		b.click("send")
		b.await(b.visible("reply"))
		if title := value[string](b, `document.title`); strings.Contains(title, "owned") {
			t.Error("a reply's script was run")
		}
		if n := value[int](b, `document.querySelectorAll("script, img:not(.face)").length`); n != before {
			t.Errorf("the page has %d scripts and images more", n-before)
		}
		if n := value[int](b, `document.querySelectorAll("#thread b, #thread :not(.dots) > i:not(.meter > i)").length`); n != 0 {
			t.Errorf("%d elements were made of text", n)
		}
		shown := value[string](b, `document.querySelector("[data-testid=entry]").textContent`)
		if strings.ContainsAny(shown, "\u202e\u2066\u200b\x00\x1b") {
			t.Error("characters that turn text around or hide it are shown")
		}
		for _, want := range []string{"<img src=x onerror=", "<b>bold</b> & <i>thin</i>"} {
			if !strings.Contains(shown, want) {
				t.Errorf("%q is not shown as it was written", want)
			}
		}
		if wide := value[bool](b, `document.documentElement.scrollWidth > document.documentElement.clientWidth`); wide {
			t.Error("a long word makes the page scroll sideways")
		}
	})
	t.Run("choosing a sentence, and trying one again", func(t *testing.T) {
		s := serve(t, Config{}, nil)
		answerAll(t, s, coaching)
		b := openTab(t, chromium, s.url)
		b.click("choose")
		b.await(b.visible("choice"))
		all := len(b.texts("choice"))
		b.do(chromedp.SetValue(browser.TestID("level"), "Challenge"), chromedp.Evaluate[chromedp.Void](`document.getElementById("level").dispatchEvent(new Event("change")); undefined`))
		if n := len(b.texts("choice")); n == 0 || n >= all {
			t.Errorf("%d of %d sentences are for the level", n, all)
		}
		b.click("choice")
		first := value[string](b, `document.getElementById("sentence").value`)
		b.upload("../../audio/testdata/adult-errors.ogg")
		b.click("send")
		b.await(b.visible("reply"))
		b.click("another")
		if got := value[string](b, `document.getElementById("sentence").value`); got == first || got == "" {
			t.Errorf("another sentence is %q", got)
		}
		b.click("try-again")
		if got := value[string](b, `document.getElementById("sentence").value`); got != first {
			t.Errorf("tried again is %q, want %q", got, first)
		}
	})
	t.Run("what is said of privacy is true", func(t *testing.T) {
		for elsewhere, want := range map[bool]string{false: "Nothing leaves this machine", true: "Your voice stays on this machine"} {
			b := openTab(t, chromium, serve(t, Config{WordsElsewhere: elsewhere}, nil).url)
			b.await(`document.querySelector(".privacy-line").textContent === "` + want + `"`)
			b.click("privacy")
			if got := value[bool](b, `document.getElementById("words-elsewhere").checkVisibility()`); got != elsewhere {
				t.Errorf("a model elsewhere is mentioned: %t, want %t", got, elsewhere)
			}
		}
	})
	t.Run("forgetting empties the thread, here and on the server", func(t *testing.T) {
		s := serve(t, Config{}, nil)
		answerAll(t, s, coaching)
		b := openTab(t, chromium, s.url)
		b.upload("../../audio/testdata/adult-errors.ogg")
		b.click("send")
		b.await(b.visible("reply"))
		b.click("privacy")
		b.click("forget")
		b.click("forget")
		b.await(b.visible("empty"))
		b.do(chromedp.Reload())
		b.awaitReady()
		b.await(b.visible("empty"))
		if n := value[int](b, `document.querySelectorAll("[data-testid=entry]").length`); n != 0 {
			t.Errorf("%d notes are left", n)
		}
	})
	t.Run("text can be read in light and in dark, and buttons be hit", func(t *testing.T) {
		s := serve(t, Config{}, nil)
		answerAll(t, s, coaching)
		b := openTab(t, chromium, s.url)
		b.typeSentence(spokenText)
		b.upload("../../audio/testdata/adult-errors.ogg")
		b.click("send")
		b.await(b.visible("reply"))
		for _, scheme := range []string{"light", "dark"} {
			b.do(colours(scheme), chromedp.Sleep(300*time.Millisecond))
			for _, found := range value[[]string](b, faint) {
				t.Errorf("%s: %s", scheme, found)
			}
		}
		for _, found := range value[[]string](b, unnamed) {
			t.Error(found)
		}
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
			browser.Send(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1.5, Mobile: mobile}),
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
	b.do(browser.Send(emulation.ClearDeviceMetricsOverride, cdp.Empty{}), colours(""))
}

// colours sets what the system prefers, light or dark.
func colours(scheme string) chromedp.Action[chromedp.Void] {
	return browser.Send(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
}

// faint lists the visible texts whose contrast with their ground is below
// WCAG 2.2's 4.5:1 (1.4.3), 3:1 for large ones.
const faint = `(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] / 255 + under[i] * (1 - top[3] / 255)).concat(255);
  const ground = (e) => {
    const own = e ? rgba(getComputedStyle(e).backgroundColor) : [255, 255, 255, 255];
    return own[3] === 255 ? own : over(own, ground(e.parentElement));
  };
  const luminance = (c) => {
    const [r, g, b] = c.map((x) => (x /= 255) <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = texts.nextNode()); ) {
    const e = node.parentElement;
    if (!node.data.trim() || !e.checkVisibility() || e.closest(".hidden, noscript")) continue;
    const style = getComputedStyle(e);
    const under = ground(e);
    const [a, b] = [luminance(over(rgba(style.color), under)), luminance(under)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) found.push("“" + node.data.trim().slice(0, 30) + "” has a contrast of " + ratio.toFixed(2));
  }
  return found;
})()`

// unnamed lists visible controls without a name, or smaller than WCAG 2.2's
// 24 by 24 pixels (2.5.8), and IDs that are there twice.
const unnamed = `(() => {
  const found = [];
  for (const e of document.querySelectorAll("button, select, textarea, input:not([type=file])")) {
    if (!e.checkVisibility()) continue;
    const name = e.getAttribute("aria-label") || e.textContent.trim() || [...(e.labels ?? [])].map((l) => l.textContent).join("");
    const box = e.getBoundingClientRect();
    if (!name) found.push("a control has no name: " + e.outerHTML.slice(0, 80));
    if (e.type !== "checkbox" && (box.width < 24 || box.height < 24)) found.push("“" + name + "” is " + box.width + " by " + box.height);
  }
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of new Set(ids.filter((id, i) => ids.indexOf(id) !== i))) found.push("#" + id + " is there twice");
  return found;
})()`
