package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
)

// served is a program that serves, until the test ends or stop is called.
type served struct {
	*program
	url  string
	stop func() (code int, took time.Duration)
}

// serve starts the program and waits until it serves.
func serve(t testing.TB, p *program) *served {
	t.Helper()
	p.Args = append([]string{"serve", "--set", "playground.addr=127.0.0.1:0"}, p.Args...)
	url := make(chan string, 1)
	p.Serving = func(u string) { url <- u }
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() { ended <- p.Run(ctx) }()
	s := &served{program: p}
	stopped := false
	s.stop = func() (int, time.Duration) {
		stopped = true
		start := time.Now()
		cancel()
		return <-ended, time.Since(start)
	}
	t.Cleanup(func() {
		if !stopped {
			s.stop()
		}
		if t.Failed() {
			t.Logf("standard error:\n%s", p.stderr.String())
		}
	})
	select {
	case u := <-url:
		s.url = strings.TrimSuffix(u, "/")
	case code := <-ended:
		ended <- code
		t.Fatalf("serve ended with %d: %s", code, p.stderr.String())
	case <-time.After(time.Minute):
		t.Fatal("serve does not serve")
	}
	return s
}

// The whole path: a real recording is posted to the page's API and answered,
// the reply outlives the service, and nothing of the learner is logged.
func TestVoiceNoteBecomesAReply(t *testing.T) {
	needModel(t)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	p := newProgram(t, "--set", "log.level=debug", "--set", "log.format=json")
	s := serve(t, p)
	me := newLearner(t, s.url)
	id := uuid.New()
	note, err := me.send(t.Context(), id, clearText, recording(t, clearNote))
	if err != nil {
		t.Fatal(err)
	}
	again, err := me.send(t.Context(), id, clearText, recording(t, clearNote))
	if err != nil || again != note {
		t.Errorf("sent again it is %q, %v, want %q", again, err, note)
	}
	wrong, err := me.send(t.Context(), uuid.New(), "Seven purple elephants juggle flaming torches", recording(t, clearNote))
	if err != nil {
		t.Fatal(err)
	}
	broken, err := me.send(t.Context(), uuid.New(), clearText, []byte("%PDF-1.7 certainly no recording"))
	if err != nil {
		t.Fatal(err)
	}

	t.Run("assessed and explained", func(t *testing.T) {
		reply, err := me.reply(t.Context(), note)
		if err != nil {
			t.Fatal(err)
		}
		if reply.Kind != coach.ReplyCoaching || reply.Assessment == nil || reply.Rationale == nil {
			t.Fatalf("reply is %+v", reply)
		}
		var words []string
		for _, w := range reply.Assessment.Words {
			words = append(words, w.Text)
		}
		if got := strings.Join(words, " "); got != clearText {
			t.Errorf("words %q, want %q", got, clearText)
		}
		if reply.Text != reply.Rationale.Text || len(strings.Fields(reply.Text)) < 5 {
			t.Errorf("text %q", reply.Text)
		}
	})
	t.Run("another sentence is refused", func(t *testing.T) {
		reply, err := me.reply(t.Context(), wrong)
		if err != nil {
			t.Fatal(err)
		}
		if reply.Kind != coach.ReplyAdvice || reply.Reason != coach.ErrTextMismatch.Reason || reply.Text != prompts.Advice(coach.ErrTextMismatch) {
			t.Errorf("reply is %+v", reply)
		}
	})
	t.Run("what is no audio is refused", func(t *testing.T) {
		reply, err := me.reply(t.Context(), broken)
		if err != nil {
			t.Fatal(err)
		}
		if reply.Kind != coach.ReplyAdvice || reply.Reason != coach.ErrUnsupportedAudio.Reason {
			t.Errorf("reply is %+v", reply)
		}
	})
	t.Run("the operator is answered meanwhile", func(t *testing.T) {
		q := NewMain([]string{"queue", "show", "--json"}, p.Env, nil, &buffer{}, &p.stderr)
		out := &buffer{}
		q.Stdout = out
		if code := q.Run(t.Context()); code != exitOK {
			t.Fatalf("exit code %d: %s", code, p.stderr.String())
		}
		var d depth
		if err := json.Unmarshal([]byte(out.String()), &d); err != nil || d.Ready+d.Later != 0 || d.Dead != 0 {
			t.Errorf("depth %s, %v", out.String(), err)
		}
	})
	t.Run("another learner sees none of it", func(t *testing.T) {
		other := newLearner(t, s.url)
		if thread, err := other.thread(t.Context()); err != nil || len(thread) != 0 {
			t.Errorf("thread %v, %v", thread, err)
		}
	})
	code, took := s.stop()
	if code != exitOK || took > 5*time.Second {
		t.Errorf("ended with %d after %s", code, took)
	}
	t.Run("nothing of the learner's is logged", func(t *testing.T) {
		for _, secret := range []string{"lucky", "beautiful", "elephants", "certainly"} {
			if strings.Contains(p.stderr.String(), secret) {
				t.Errorf("the log holds %q", secret)
			}
		}
		for line := range strings.Lines(p.stderr.String()) {
			if !json.Valid([]byte(line)) {
				t.Errorf("not JSON: %s", line)
			}
		}
	})
	t.Run("the thread outlives the service", func(t *testing.T) {
		restarted := serve(t, &program{Main: NewMain(nil, p.Env, nil, io.Discard, &buffer{})})
		me.url = restarted.url
		thread, err := me.thread(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(thread) != 3 || thread[note] == nil || thread[note].Kind != coach.ReplyCoaching {
			t.Errorf("thread %v", thread)
		}
		restarted.stop()
	})
	me.http.CloseIdleConnections()
}

func TestMetricsCountStepsAndNotes(t *testing.T) {
	needModel(t)
	addr := freeAddr(t)
	s := serve(t, newProgram(t, "--set", "metrics.addr="+addr))
	me := newLearner(t, s.url)
	note, err := me.send(t.Context(), uuid.New(), childText, recording(t, childNote))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := me.reply(t.Context(), note); err != nil {
		t.Fatal(err)
	}
	if note, err = me.send(t.Context(), uuid.New(), childText, []byte("no recording")); err != nil {
		t.Fatal(err)
	}
	if _, err := me.reply(t.Context(), note); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`mynah_rationales_total{source="plain"} 1`,
		`mynah_refusals_total{platform="playground",reason="unsupported_audio"} 1`,
		`mynah_step_seconds_count{platform="playground",result="refused",step="decode"} 1`,
		`mynah_step_seconds_count{platform="playground",result="done",step="decode"} 1`,
		`mynah_step_seconds_count{platform="playground",result="done",step="post"} 2`,
		`mynah_scorer_stage_seconds_count{stage="listen"} 1`,
		`mynah_queue_notes{state="ready"} 0`,
		`mynah_build_info{version="`,
		`go_goroutines `, `process_resident_memory_bytes `,
	}
	for _, line := range want { // the last steps follow the post
		deadline := time.Now().Add(10 * time.Second)
		for {
			_, body, err := me.get(t, "http://"+addr+"/metrics")
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(body, line) {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("metrics lack %s:\n%s", line, body)
			}
		}
	}
	if status, _, err := me.get(t, "http://"+addr+"/debug/pprof/"); err != nil || status != http.StatusNotFound {
		t.Errorf("profiles answer %d, %v though they are off", status, err)
	}
}

// get reads any URL.
func (l *learner) get(t *testing.T, url string) (int, string, error) {
	t.Helper()
	other := &learner{l.http, url}
	status, body, err := other.do(t.Context(), http.MethodGet, "", "", nil)
	return status, string(body), err
}

// metricsOf reads the metrics.
func metricsOf(t *testing.T, addr string) string {
	t.Helper()
	l := &learner{&http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}, ""}
	_, body, err := l.get(t, "http://"+addr+"/metrics")
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// occupy listens at an address.
func occupy(t *testing.T, addr string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// freeAddr is an address that nothing listened at a moment ago.
func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestServeFailsEarlyAndSaysWhy(t *testing.T) {
	t.Run("without ONNX Runtime", func(t *testing.T) {
		needModel(t)
		p := newProgram(t, "serve", "--set", "scorer.runtime=/nowhere/libonnxruntime.so", "--set", "playground.addr=127.0.0.1:0")
		if code := p.run(t); code != exitFailure {
			t.Errorf("exit code %d", code)
		}
		for _, want := range []string{"/nowhere/libonnxruntime.so", "make runtime"} {
			if !strings.Contains(p.stderr.String(), want) {
				t.Errorf("standard error lacks %q: %s", want, p.stderr.String())
			}
		}
	})
	t.Run("with a model folder that is none", func(t *testing.T) {
		p := newProgram(t, "serve", "--set", "scorer.model="+t.TempDir(), "--set", "playground.addr=127.0.0.1:0")
		if code := p.run(t); code != exitFailure || !strings.Contains(p.stderr.String(), "manifest.json") {
			t.Errorf("exit code %d: %s", code, p.stderr.String())
		}
	})
	t.Run("with its port taken", func(t *testing.T) {
		needModel(t)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		p := newProgram(t, "serve", "--set", "playground.addr="+l.Addr().String())
		if code := p.run(t); code != exitFailure {
			t.Errorf("exit code %d", code)
		}
		for _, want := range []string{l.Addr().String(), "address already in use", "playground.addr"} {
			if !strings.Contains(p.stderr.String(), want) {
				t.Errorf("standard error lacks %q: %s", want, p.stderr.String())
			}
		}
	})
	t.Run("with the metrics' port taken", func(t *testing.T) {
		needModel(t)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		p := newProgram(t, "serve", "--set", "playground.enabled=false", "--set", "metrics.addr="+l.Addr().String())
		if code := p.run(t); code != exitFailure || !strings.Contains(p.stderr.String(), "metrics.addr: ") {
			t.Errorf("exit code %d: %s", code, p.stderr.String())
		}
	})
	t.Run("with its data directory in use", func(t *testing.T) {
		needModel(t)
		first := serve(t, newProgram(t))
		second := NewMain([]string{"serve", "--set", "playground.addr=127.0.0.1:0"}, first.Env, nil, io.Discard, &buffer{})
		stderr := &buffer{}
		second.Stderr = stderr
		if code := second.Run(t.Context()); code != exitFailure {
			t.Errorf("exit code %d", code)
		}
		if ok := regexp.MustCompile(`in use by another process: .*process \d+.*data\.dir`).MatchString(stderr.String()); !ok {
			t.Errorf("standard error %q", stderr.String())
		}
	})
}

// An endpoint that is down, or lies, costs the learner nothing.
func TestPlainRationaleStandsInForTheEndpoint(t *testing.T) {
	needModel(t)
	liar := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"choices":[{"message":{"role":"assistant","content":"{\"segments\":[{\"claims\":[\"c99\"],\"text\":\"You sound like a native!\"}]}"}}]}`)
	}))
	defer liar.Close()
	for name, url := range map[string]string{"down": "http://" + freeAddr(t) + "/v1", "lying": liar.URL + "/v1"} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, newProgram(t, "--set", "llm.url="+url, "--set", "llm.timeout=2s"))
			me := newLearner(t, s.url)
			note, err := me.send(t.Context(), uuid.New(), clearText, recording(t, clearNote))
			if err != nil {
				t.Fatal(err)
			}
			reply, err := me.reply(t.Context(), note)
			if err != nil {
				t.Fatal(err)
			}
			if reply.Kind != coach.ReplyCoaching || reply.Rationale.Source != coach.SourcePlain || strings.Contains(reply.Text, "native") {
				t.Errorf("reply is %+v", reply)
			}
		})
	}
}

func TestLearnerOverTheLimitIsToldToWait(t *testing.T) {
	needModel(t)
	s := serve(t, newProgram(t, "--set", "limits.per_minute=2"))
	me := newLearner(t, s.url)
	id := uuid.New()
	for _, id := range []uuid.UUID{id, uuid.New(), id} { // the same again is not counted
		if _, err := me.send(t.Context(), id, childText, recording(t, childNote)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := me.send(t.Context(), uuid.New(), childText, recording(t, childNote)); err == nil || !strings.Contains(err.Error(), "status 429") {
		t.Errorf("the third note: %v", err)
	}
	if _, err := newLearner(t, s.url).send(t.Context(), uuid.New(), childText, recording(t, childNote)); err != nil {
		t.Errorf("another learner: %v", err)
	}
}

func TestServeWithoutThePlayground(t *testing.T) {
	needModel(t)
	s := serve(t, newProgram(t, "--set", "playground.enabled=false"))
	if s.url != "" || strings.Contains(s.stdout.String(), "playground") {
		t.Errorf("url %q, output %q", s.url, s.stdout.String())
	}
	if code, _ := s.stop(); code != exitOK || !strings.Contains(s.stderr.String(), "nobody can send voice notes") {
		t.Errorf("exit code %d: %s", code, s.stderr.String())
	}
}

func TestServeWithADirectoryTooDeepForASocket(t *testing.T) {
	needModel(t)
	p := newProgram(t, "--set", "data.dir="+filepath.Join(t.TempDir(), strings.Repeat("deep/", 30)))
	s := serve(t, p)
	if code, _ := s.stop(); code != exitOK || !strings.Contains(p.stderr.String(), "works only while this is stopped") {
		t.Errorf("exit code %d: %s", code, p.stderr.String())
	}
}

// A killed process leaves its socket behind.
func TestControlSocketReplacesAStaleOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sock")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := newControl(t.Context(), path, &fakeOperator{})
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.serve(ctx); err != nil {
		t.Error(err)
	}
}
