package endpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sashabaranov/go-openai"
	"github.com/sony/gobreaker/v2"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const key = "sk-very-secret"

// serve starts a server for the test, and an Endpoint that asks it.
func serve(t *testing.T, cfg Config, h http.HandlerFunc) *Endpoint[string] {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	cfg.Name, cfg.URL = "llm", s.URL+"/v1"
	e, err := New[string](cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// once asks a single time, as callers do in Ask.
func once(ctx context.Context, e *Endpoint[string]) (string, error) {
	a, err := e.API.CreateChatCompletion(ctx, openai.ChatCompletionRequest{
		Model: "m", Messages: []openai.ChatCompletionMessage{{Role: "user", Content: "a learner's sentence"}},
	})
	if err != nil {
		return "", Cause(ctx, err)
	}
	return a.Choices[0].Message.Content, nil
}

// answer is a chat completion of some bytes in all.
func answer(size int) string {
	const around = `{"choices":[{"message":{"content":""}}]}`
	return strings.Replace(around, `""`, `"`+strings.Repeat("a", size-len(around))+`"`, 1)
}

func TestKeyIsSentWhereThereIsOne(t *testing.T) {
	for given, want := range map[string][]string{"": nil, key: {"Bearer " + key}} {
		var seen http.Header
		e := serve(t, Config{APIKey: given}, func(w http.ResponseWriter, r *http.Request) {
			seen = r.Header
			fmt.Fprint(w, answer(100))
		})
		if _, err := once(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		if got := seen.Values("Authorization"); strings.Join(got, ",") != strings.Join(want, ",") || len(got) != len(want) {
			t.Errorf("with the key %q: Authorization %q", given, got)
		}
	}
}

// A redirect would send key and sentence to where nobody meant them to go.
func TestRedirectsAreRefused(t *testing.T) {
	var asked atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		fmt.Fprint(w, answer(100))
	}))
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, to := range []string{elsewhere.URL + "/v1/chat/completions", "/again"} {
			e := serve(t, Config{APIKey: key}, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/again" {
					asked.Add(1)
				}
				http.Redirect(w, r, to, status)
			})
			if _, err := once(t.Context(), e); !errors.Is(err, ErrRefused) {
				t.Errorf("%d to %s: %v", status, to, err)
			}
			if _, err := e.API.ListModels(t.Context()); !errors.Is(Cause(t.Context(), err), ErrRefused) {
				t.Errorf("%d to %s: list of models: %v", status, to, err)
			}
		}
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("%d redirects were followed", n)
	}
}

func TestNoMoreIsReadThanTheLimit(t *testing.T) {
	const limit = 1000
	size := 0
	e := serve(t, Config{MaxBody: limit}, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answer(size)) })
	for s, want := range map[int]error{100: nil, limit: nil, limit + 1: ErrTooLarge, 1 << 20: ErrTooLarge} {
		size = s
		if _, err := once(t.Context(), e); !errors.Is(err, want) {
			t.Errorf("%d bytes: %v, want %v", s, err, want)
		}
	}
	// Nor of a refusal, which may go on for ever.
	left := make(chan struct{})
	e = serve(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
		defer close(left)
		w.WriteHeader(http.StatusInternalServerError)
		for r.Context().Err() == nil {
			_, _ = w.Write(make([]byte, 8<<10))
		}
	})
	if _, err := once(t.Context(), e); !errors.Is(err, ErrDown) {
		t.Errorf("a refusal without an end: %v", err)
	}
	<-left
}

// What an endpoint answers is told apart by status and by what servers are known
// to say, and none of its words are in the error.
func TestAnswersAreToldApart(t *testing.T) {
	for _, tt := range []struct {
		status    int
		kind      string
		body      string
		want      error
		after     string
		wantAfter time.Duration
	}{
		{200, "application/json", answer(100), nil, "", 0},
		{200, "", answer(100), nil, "", 0},
		{200, "text/html; charset=utf-8", answer(100), ErrGarbage, "", 0},
		{200, "application/json", "{", ErrGarbage, "", 0},
		{400, "application/json", "no " + key, ErrRefused, "", 0},
		{401, "application/json", `{"error":{"message":"Incorrect API key provided: ` + key + `"}}`, ErrRefused, "", 0},
		{400, "application/json", `{"error":{"type":"exceed_context_size_error"}}`, ErrContext, "", 0},
		{400, "application/json", `{"error":{"code":"context_length_exceeded"}}`, ErrContext, "", 0},
		{400, "application/json", `{"message":"This model's maximum Context Length is 2048 tokens"}`, ErrContext, "", 0},
		{404, "application/json", `{"error":{"message":"model 'x' not found"}}`, ErrModel, "", 0},
		{400, "application/json", `{"error":{"code":"model_not_found"}}`, ErrModel, "", 0},
		{404, "text/html", "nothing here", ErrRefused, "", 0},
		{408, "", "", ErrDown, "", 0},
		{429, "", "", ErrBusy, "2.5", 2500 * time.Millisecond},
		{429, "", "", ErrBusy, "1e99", time.Hour},
		{429, "", "", ErrBusy, "Wed, 21 Oct 2099 07:28:00 GMT", 0},
		{429, "", "", ErrBusy, "NaN", 0},
		{503, "", `{"error":{"message":"Loading model"}}`, ErrBusy, "-1", 0},
		{500, "", "context length", ErrDown, "", 0},
		{302, "", "", ErrRefused, "", 0},
	} {
		e := serve(t, Config{APIKey: key, Media: func(m string) bool { return m == "application/json" }}, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			if tt.kind != "" {
				w.Header().Set("Content-Type", tt.kind)
			}
			w.Header().Set("Retry-After", tt.after)
			w.WriteHeader(tt.status)
			fmt.Fprint(w, tt.body)
		})
		_, err := once(t.Context(), e)
		if !errors.Is(err, tt.want) {
			t.Errorf("%d %q: %v, want %v", tt.status, tt.body, err, tt.want)
		}
		var s *StatusError
		if errors.As(err, &s) && (s.Status != tt.status || s.after != tt.wantAfter) || tt.wantAfter > 0 && s == nil {
			t.Errorf("%d after %q: %+v", tt.status, tt.after, s)
		}
		if err != nil && (strings.Contains(err.Error(), key) || strings.Contains(err.Error(), "127.0.0.1") || strings.Contains(err.Error(), "sentence")) {
			t.Errorf("%d: the error says %q", tt.status, err)
		}
	}
}

// A server that says nothing holds nobody beyond their time, before or in its
// answer; a connection that breaks is a server that failed.
func TestSilence(t *testing.T) {
	for name, begin := range map[string]func(w http.ResponseWriter){
		"of the whole answer": func(http.ResponseWriter) {},
		"in the body": func(w http.ResponseWriter) {
			fmt.Fprint(w, `{"choices":`)
			_ = http.NewResponseController(w).Flush()
		},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32
			e := serve(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				_, _ = io.Copy(io.Discard, r.Body) // else net/http doesn't notice who leaves
				begin(w)
				<-r.Context().Done()
			})
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			_, err := e.Ask(ctx, func(ctx context.Context) (string, error) { return once(ctx, e) })
			if !errors.Is(err, context.DeadlineExceeded) || asked.Load() != 1 {
				t.Errorf("%v after %d requests", err, asked.Load())
			}
		})
	}
	e := serve(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = conn.Close()
		}
	})
	if _, err := once(t.Context(), e); !errors.Is(err, ErrDown) || strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("a connection that breaks: %v", err)
	}
}

// failing answers with an error until it has none left.
func failing(asked *int, errs ...error) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		if *asked++; *asked <= len(errs) {
			return "", errs[*asked-1]
		}
		return "well", nil
	}
}

func TestWhatMayPassIsTriedAgain(t *testing.T) {
	busy := func(d time.Duration) error { return &StatusError{Status: 429, after: d} }
	for name, tt := range map[string]struct {
		errs  []error
		tries int
		want  error
		min   time.Duration // of the time that it takes
		max   time.Duration
	}{
		"nothing":                     {nil, 1, nil, 0, 0},
		"a busy server":               {[]error{ErrBusy, ErrBusy, ErrDown}, 4, nil, 400 * time.Millisecond, 3 * time.Second},
		"a server that stays so":      {[]error{ErrDown, ErrDown, ErrDown, ErrBusy}, 4, ErrBusy, 400 * time.Millisecond, 3 * time.Second},
		"a time that it asks for":     {[]error{busy(4 * time.Second)}, 2, nil, 4 * time.Second, 4 * time.Second},
		"a time that nobody has":      {[]error{busy(time.Minute)}, 1, ErrBusy, 0, 0},
		"a refusal":                   {[]error{ErrRefused}, 1, ErrRefused, 0, 0},
		"an answer that is none":      {[]error{ErrGarbage}, 1, ErrGarbage, 0, 0},
		"a request that is too long":  {[]error{ErrContext}, 1, ErrContext, 0, 0},
		"one that asks to come again": {[]error{&StatusError{Status: 400, after: time.Second}}, 1, ErrRefused, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e, err := New[string](Config{URL: "http://llm.example/v1"})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
				defer cancel()
				asked, start := 0, time.Now()
				v, err := e.Ask(ctx, failing(&asked, tt.errs...))
				if !errors.Is(err, tt.want) || (v == "well") != (tt.want == nil) || asked != tt.tries {
					t.Errorf("%q, %v after %d tries", v, err, asked)
				}
				if took := time.Since(start); took < tt.min || took > tt.max {
					t.Errorf("took %s, want %s to %s", took, tt.min, tt.max)
				}
			})
		})
	}
}

// An endpoint that keeps failing is left alone for a while. The caller's going
// away, and a request that is too long, say nothing about it.
func TestLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, err := New[string](Config{URL: "http://llm.example/v1"})
		if err != nil {
			t.Fatal(err)
		}
		asked := 0
		ask := func(err error) error {
			_, err = e.Ask(t.Context(), failing(&asked, err))
			return err
		}
		for range 4 {
			asked = 0
			if err := ask(ErrRefused); !errors.Is(err, ErrRefused) {
				t.Fatal(err)
			}
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		for range 10 {
			asked = 0
			if err := ask(ErrContext); !errors.Is(err, ErrContext) {
				t.Fatal(err)
			}
			if _, err := e.Ask(gone, func(ctx context.Context) (string, error) { return "", ctx.Err() }); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
		asked = 0
		if err := ask(ErrRefused); !errors.Is(err, ErrRefused) { // the fifth
			t.Fatal(err)
		}
		asked = 0
		if err := ask(nil); !errors.Is(err, gobreaker.ErrOpenState) || asked != 0 {
			t.Errorf("after five failures: %v, asked %d times", err, asked)
		}
		time.Sleep(31 * time.Second)
		asked = 1
		if err := ask(nil); err != nil || asked != 2 {
			t.Errorf("after its rest: %v, asked %d times", err, asked)
		}
	})
}
