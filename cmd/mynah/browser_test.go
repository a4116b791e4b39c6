package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/mynah-coach/mynah/internal/browser"
)

// TestLearnerInABrowser is the main job as a person does it: the whole service
// with its real model, real Chromium, and a microphone that plays a learner who
// said "leave" so that experts gave it 3 of 10.
//
// With MYNAH_SCREENSHOTS=DIR it leaves a picture of the page there.
func TestLearnerInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	needModel(t)
	const sentence = "Why leave me please tell me"
	s := serve(t, newProgram(t))
	page := newPage(t, s.url, "../../audio/testdata/adult-unclear.ogg")

	page.do(chromedp.Focus(browser.TestID("sentence")),
		chromedp.Evaluate[chromedp.Void](`document.getElementById("sentence").select()`),
		chromedp.KeyEvent(sentence),
		chromedp.Evaluate[chromedp.Void](`document.activeElement.blur()`),
		chromedp.Click(browser.TestID("record"), chromedp.NodeVisible))
	page.await(`document.getElementById("practice").dataset.state === "recording"`)
	page.do(chromedp.Sleep(5*time.Second), // the recording's length, in real time
		chromedp.Click(browser.TestID("record"), chromedp.NodeVisible),
		chromedp.Click(browser.TestID("send"), chromedp.NodeVisible))
	page.await(`document.querySelector("[data-testid=reply]")?.checkVisibility()`)

	words := page.texts("word")
	if len(words) != len(strings.Fields(sentence)) {
		t.Fatalf("%d words are marked: %q", len(words), words)
	}
	for i, word := range strings.Fields(sentence) {
		switch marked := strings.TrimPrefix(words[i], word+" "); word {
		case "leave":
			if marked != "! : work on this" {
				t.Errorf("the word that experts found wrong is marked %q", words[i])
			}
		case "please": // experts were of two minds
		default:
			if marked != "✓ : clear" {
				t.Errorf("a word that experts found right is marked %q", words[i])
			}
		}
	}
	if text := page.texts("reply-text"); len(text) != 1 || !strings.Contains(text[0], "“leave”") {
		t.Errorf("the reply reads %q", text)
	}
	if dir := os.Getenv("MYNAH_SCREENSHOTS"); dir != "" {
		page.do(chromedp.Sleep(500 * time.Millisecond)) // for what fades in
		page.do(browser.Send(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: 1000, Height: 900, DeviceScaleFactor: 1.5}))
		shot, err := chromedp.Run(page.ctx, chromedp.FullScreenshot(100))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "learner.png"), shot, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// page is a tab of Chromium that shows the playground.
type page struct {
	t   *testing.T
	ctx context.Context // to chromedp the context is the tab
}

// newPage opens url in Chromium, with a microphone that plays the recording.
func newPage(t *testing.T, url, recording string) *page {
	t.Helper()
	wav := filepath.Join(t.TempDir(), "microphone.wav")
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", "-nostdin", "-loglevel", "error", "-i", recording, "-ar", "48000", wav).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, out)
	}
	p := &page{t, browser.Start(t, wav)}
	p.do(browser.Send(cdpbrowser.SetPermission, cdpbrowser.SetPermissionParams{
		Permission: &cdpbrowser.PermissionDescriptor{Name: "microphone"},
		Setting:    cdpbrowser.PermissionSettingGranted, Origin: strings.TrimSuffix(url, "/"),
	}), chromedp.Navigate(url))
	p.await(`document.documentElement.dataset.ready === "yes" && document.getElementById("sentence").value !== ""`)
	return p
}

func (p *page) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, time.Minute)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		p.t.Fatal(err)
	}
}

// await waits until a JavaScript expression is true.
func (p *page) await(expression string) {
	p.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		ok, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool]("Boolean("+expression+")"))
		if err != nil {
			p.t.Fatalf("%s: %v", expression, err)
		}
		if ok {
			return
		}
		if time.Now().After(deadline) {
			text, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string](`document.body.innerText`))
			p.t.Fatalf("waited in vain for %s; the page reads:\n%s", expression, text)
		}
	}
}

// texts returns the text of all elements with a test ID.
func (p *page) texts(id string) []string {
	p.t.Helper()
	texts, err := chromedp.Run(p.ctx, chromedp.Evaluate[[]string](fmt.Sprintf(
		`[...document.querySelectorAll(%q)].map((e) => e.innerText.replace(/\s+/g, " ").trim())`, browser.TestID(id))))
	if err != nil {
		p.t.Fatal(err)
	}
	return texts
}
