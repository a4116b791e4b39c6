package playground

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/internal/browser"
)

// spoken is a real recording, which the fake microphone plays.
const (
	spoken     = "../../audio/testdata/adult-clear.wav"
	spokenText = "I think that's what you want to be"
)

// patience bounds what the page must do; only a failing test waits so long.
const patience = 30 * time.Second

// tab is a page of the playground in a browser profile of its own.
type tab struct {
	t      *testing.T
	ctx    context.Context // to chromedp the context is the tab
	origin string

	mu       sync.Mutex
	problems []string // exceptions, breaches of the page's own policy, requests to elsewhere
}

func openTab(t *testing.T, chromium context.Context, url string) *tab {
	t.Helper()
	b := &tab{t: t}
	ctx, cancel := chromedp.NewContext(chromium, chromedp.WithNewBrowserContext(), chromedp.WithListener(func(event any) {
		b.notice(event, url)
	}))
	t.Cleanup(cancel)
	b.ctx = ctx
	if err := chromedp.Do(ctx); err != nil { // the tab lives as long as the context of its first call
		t.Fatalf("open a tab: %v", err)
	}
	t.Cleanup(b.report)
	b.origin = strings.TrimSuffix(url, "/")
	b.allowMicrophone(cdpbrowser.PermissionSettingGranted)
	b.do(browser.Send(network.Enable, network.EnableParams{}), chromedp.Navigate(url))
	b.awaitReady()
	return b
}

// allowMicrophone is what the learner would answer to the browser's question.
func (b *tab) allowMicrophone(answer cdpbrowser.PermissionSetting) {
	b.t.Helper()
	b.do(browser.Send(cdpbrowser.SetPermission, cdpbrowser.SetPermissionParams{
		Permission: &cdpbrowser.PermissionDescriptor{Name: "microphone"}, Setting: answer,
		Origin: b.origin, BrowserContextID: chromedp.FromContext(b.ctx).BrowserContextID,
	}))
}

// awaitReady waits until the page has asked the server for all that it shows.
func (b *tab) awaitReady() {
	b.t.Helper()
	b.await(`document.documentElement.dataset.ready === "yes" && document.getElementById("sentence").value !== ""`)
}

// notice is called for everything that the browser reports of the page.
func (b *tab) notice(event any, url string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		what := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			what += " " + e.ExceptionDetails.Exception.Description
		}
		b.problems = append(b.problems, what)
	case *log.EventEntryAdded:
		if e.Entry.Source != log.EntrySourceNetwork { // a server that restarts is no problem
			b.problems = append(b.problems, fmt.Sprintf("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, url) && !strings.HasPrefix(e.Request.URL, "blob:"+url) {
			b.problems = append(b.problems, "asked for "+e.Request.URL)
		}
	}
}

// report fails the test for what went wrong in the page behind its back.
func (b *tab) report() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.problems {
		b.t.Errorf("the page has a problem: %s", p)
	}
	if b.t.Failed() {
		b.logState()
	}
}

// logState says what a failed test's page looked like.
func (b *tab) logState() {
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	if text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body.innerText`)); err == nil {
		b.t.Logf("the page reads:\n%s", text)
	}
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *tab) click(testID string) {
	b.t.Helper()
	b.do(chromedp.Click(browser.TestID(testID), chromedp.NodeVisible))
}

func (b *tab) press(key string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(key))
}

// await waits until a JavaScript expression is true. It asks again and again:
// chromedp's own polling needs eval, which the page's policy forbids.
func (b *tab) await(expression string) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); !value[bool](b, "Boolean("+expression+")"); time.Sleep(30 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("waited %s for %s", patience, expression)
		}
	}
}

// value returns what a JavaScript expression gives.
func value[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// texts returns the text of all elements with a test ID.
func (b *tab) texts(testID string) []string {
	b.t.Helper()
	return value[[]string](b, fmt.Sprintf(`[...document.querySelectorAll(%q)].map((e) => e.innerText.replace(/\s+/g, " ").trim())`, browser.TestID(testID)))
}

func (b *tab) visible(testID string) string {
	return fmt.Sprintf(`document.querySelector(%q)?.checkVisibility()`, browser.TestID(testID))
}

// typeSentence puts a sentence in the field, as a learner's typing would.
func (b *tab) typeSentence(text string) {
	b.t.Helper()
	b.do(chromedp.Focus(browser.TestID("sentence")))
	b.do(chromedp.Evaluate[chromedp.Void](`document.getElementById("sentence").select()`))
	b.do(chromedp.KeyEvent(text))
	b.do(chromedp.Evaluate[chromedp.Void](`document.activeElement.blur()`))
}

// record records for a while and stops.
func (b *tab) record(d time.Duration) {
	b.t.Helper()
	b.click("record")
	b.await(`document.getElementById("practice").dataset.state === "recording"`)
	b.do(chromedp.Sleep(d))
	b.click("record")
	b.await(b.visible("review"))
}

// upload chooses a file, as a learner does who recorded elsewhere.
func (b *tab) upload(name string) {
	b.t.Helper()
	path, err := filepath.Abs(name)
	if err != nil {
		b.t.Fatal(err)
	}
	b.do(chromedp.SetUploadFiles(browser.TestID("file"), []string{path}, chromedp.NodeReady))
	b.await(b.visible("review") + " || " + b.visible("notice"))
}

// answerer is the rest of the service: it reads each recording and answers.
type answerer struct {
	mu         sync.Mutex
	recordings [][]byte
	err        error
}

// answerAll answers every note of the service with what reply makes of it, until
// the test ends.
func answerAll(t *testing.T, s *service, reply func(n coach.VoiceNote) coach.Reply) *answerer {
	t.Helper()
	a := &answerer{}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var work sync.WaitGroup
	work.Go(func() {
		for {
			select {
			case n := <-s.inbox.accepted:
				if err := a.one(ctx, s.Playground, n, reply(n)); err != nil {
					a.mu.Lock()
					a.err = errors.Join(a.err, err)
					a.mu.Unlock()
				}
			case <-ctx.Done():
				return
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		work.Wait()
		if a.err != nil {
			t.Error(a.err)
		}
	})
	return a
}

func (a *answerer) one(ctx context.Context, p *Playground, n coach.VoiceNote, r coach.Reply) error {
	audio, err := p.Open(ctx, n)
	if err != nil {
		return err
	}
	b, err := io.ReadAll(audio)
	if err := errors.Join(err, audio.Close()); err != nil {
		return err
	}
	a.mu.Lock()
	a.recordings = append(a.recordings, b)
	a.mu.Unlock()
	return p.Post(ctx, n.Thread, r)
}

func (a *answerer) last() []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.recordings) == 0 {
		return nil
	}
	return a.recordings[len(a.recordings)-1]
}

// loudness returns the seconds and the peak, in dB, of what ffmpeg hears in a
// recording.
func loudness(t *testing.T, recording []byte) (seconds, peak float64) {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	name := filepath.Join(t.TempDir(), "recording")
	if err := os.WriteFile(name, recording, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-hide_banner", "-i", name, "-af", "volumedetect", "-f", "null", "-").CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	var samples float64
	for line := range strings.Lines(string(out)) {
		_, after, _ := strings.Cut(line, "] ")
		_, _ = fmt.Sscanf(after, "n_samples: %f", &samples)
		_, _ = fmt.Sscanf(after, "max_volume: %f dB", &peak)
	}
	return samples / 48000, peak
}
