package rationale_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
	"github.com/mynah-coach/mynah/rationale"
)

const key = "sk-very-secret-key"

// request is what a server is asked.
type request struct {
	Model               string  `json:"model"`
	MaxTokens           int     `json:"max_tokens"`
	MaxCompletionTokens int     `json:"max_completion_tokens"`
	Temperature         float64 `json:"temperature"`
	ResponseFormat      *struct {
		Type string `json:"type"`
	} `json:"response_format"`
	Messages []struct{ Role, Content string } `json:"messages"`
}

// answer writes a chat completion with this message.
func answer(w http.ResponseWriter, content string) {
	w.Header().Set("Content-Type", "application/json")
	b, _ := json.Marshal(content)
	fmt.Fprintf(w, `{"id":"1","object":"chat.completion","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":%s}}]}`, b)
}

// faithful rewords every claim of the request, as a good model would.
func faithful(r request) string {
	var data struct {
		Claims []struct{ ID, Kind, Says string }
	}
	if err := json.Unmarshal([]byte(r.Messages[1].Content), &data); err != nil {
		return err.Error()
	}
	var out struct {
		Segments []prompts.Segment `json:"segments"`
	}
	for _, c := range data.Claims {
		text := c.Says
		if c.Kind == string(coach.ClaimNext) {
			text = "Ready? " + text
		}
		out.Segments = append(out.Segments, prompts.Segment{Text: text, Claims: []string{c.ID}})
	}
	b, _ := json.Marshal(out)
	return string(b)
}

// serve starts a server for the test and an Endpoint that asks it.
func serve(t testing.TB, cfg rationale.Config, h func(w http.ResponseWriter, r request)) *rationale.Endpoint {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		var r request
		if hr.URL.Path != "/v1/chat/completions" {
			http.NotFound(w, hr)
			return
		}
		if err := json.NewDecoder(hr.Body).Decode(&r); err != nil || len(r.Messages) != 2 {
			t.Errorf("request: %v", err)
		}
		h(w, r)
	}))
	t.Cleanup(s.Close)
	cfg.URL = s.URL + "/v1"
	e, err := rationale.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

func explain(t *testing.T, e coach.Explainer, a coach.Assessment, earlier ...coach.Lesson) coach.Rationale {
	t.Helper()
	r, err := e.Explain(t.Context(), a, earlier)
	if err != nil {
		t.Fatal(err)
	}
	if r.Text == "" || prompts.Words(r.Text) > prompts.MaxWords || len(r.Claims) == 0 {
		t.Errorf("rationale %+v", r)
	}
	return r
}

func flawed() coach.Assessment {
	return wrong(say("I think the red light is very important"), 4, 0, coach.Bad, "R")
}

func TestEndpointWordsTheClaims(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	good := faithful
	for name, c := range map[string]struct {
		cfg rationale.Config
		h   func(w http.ResponseWriter, r request)
	}{
		"of a server that takes a schema": {rationale.Config{}, func(w http.ResponseWriter, r request) {
			if r.ResponseFormat == nil || r.ResponseFormat.Type != "json_schema" || r.MaxTokens == 0 || r.Model != "default" {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			answer(w, good(r))
		}},
		"of a server that refuses a schema": {rationale.Config{}, func(w http.ResponseWriter, r request) {
			if r.ResponseFormat != nil {
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprint(w, `{"error":{"message":"'response_format.type' must be 'text'"}}`)
				return
			}
			answer(w, good(r))
		}},
		"in a code fence with a preface": {rationale.Config{}, func(w http.ResponseWriter, r request) {
			answer(w, "Sure! Here {it} is:\n```json\n"+good(r)+"\n```\nAnything else?")
		}},
		"after thoughts": {rationale.Config{}, func(w http.ResponseWriter, r request) {
			answer(w, `<think>{"segments":[{"claims":["c1"],"text":"no"}]}</think>`+good(r))
		}},
		"beside reasoning fields": {rationale.Config{}, func(w http.ResponseWriter, r request) {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			b, _ := json.Marshal(good(r))
			fmt.Fprintf(w, `{"choices":[{"finish_reason":"stop","message":{"role":"assistant","reasoning":"hm","reasoning_content":"hm","content":%s}}],"usage":{},"timings":{"x":1}}`, b)
		}},
		"of a server that names no content type": {rationale.Config{}, func(w http.ResponseWriter, r request) {
			w.Header()["Content-Type"] = nil
			b, _ := json.Marshal(good(r))
			fmt.Fprintf(w, `{"choices":[{"message":{"content":%s}}]}`, b)
		}},
		"of a hosted model that reasons": {rationale.Config{Model: "gpt-5-mini"}, func(w http.ResponseWriter, r request) {
			if r.MaxTokens != 0 || r.Temperature != 0 || r.MaxCompletionTokens == 0 {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			answer(w, good(r))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			e := serve(t, c.cfg, c.h)
			for range 2 {
				r := explain(t, e, flawed())
				if r.Source != coach.SourceEndpoint || !strings.Contains(r.Text, "Ready? ") {
					t.Errorf("%s: %q", r.Source, r.Text)
				}
			}
			e.Close()
		})
	}
}

func TestEndpointRetries(t *testing.T) {
	for name, refuse := range map[string]func(w http.ResponseWriter){
		"a rate limit": func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "0.05")
			w.WriteHeader(http.StatusTooManyRequests)
		},
		"a loading model": func(w http.ResponseWriter) {
			http.Error(w, `{"error":{"message":"Loading model"}}`, http.StatusServiceUnavailable)
		},
		"an error": func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) },
		"a cut line": func(w http.ResponseWriter) {
			c, _, _ := w.(http.Hijacker).Hijack()
			_ = c.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			var n atomic.Int32
			e := serve(t, rationale.Config{}, func(w http.ResponseWriter, r request) {
				if n.Add(1) <= 2 {
					refuse(w)
					return
				}
				answer(w, faithful(r))
			})
			if r := explain(t, e, flawed()); r.Source != coach.SourceEndpoint {
				t.Errorf("source %s after %d requests", r.Source, n.Load())
			}
		})
	}
}

func TestEndpointFallsBackToThePlainRationale(t *testing.T) {
	for name, h := range map[string]func(w http.ResponseWriter, r request){
		"of an empty answer":  func(w http.ResponseWriter, _ request) {},
		"of no choices":       func(w http.ResponseWriter, _ request) { fmt.Fprint(w, `{"choices":[]}`) },
		"of an empty message": func(w http.ResponseWriter, _ request) { answer(w, " ") },
		"of prose":            func(w http.ResponseWriter, _ request) { answer(w, "You did great!") },
		"of a broken object":  func(w http.ResponseWriter, _ request) { answer(w, `{"segments":[{"claims":["c1"],"te`) },
		"of a web page": func(w http.ResponseWriter, _ request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html>")
		},
		"of a wrong JSON shape": func(w http.ResponseWriter, _ request) { fmt.Fprint(w, `{"choices":"none"}`) },
		"of a huge body": func(w http.ResponseWriter, _ request) {
			answer(w, strings.Repeat("a", 4<<20))
		},
		"of a huge message": func(w http.ResponseWriter, r request) { answer(w, faithful(r)+strings.Repeat(" ", 20<<10)) },
		"of too many segments": func(w http.ResponseWriter, _ request) {
			answer(w, `{"segments":[`+strings.TrimSuffix(strings.Repeat(`{"claims":["c1"],"text":"x"},`, 500), ",")+`]}`)
		},
		"of a cut answer": func(w http.ResponseWriter, r request) {
			b, _ := json.Marshal(faithful(r))
			fmt.Fprintf(w, `{"choices":[{"finish_reason":"length","message":{"content":%s}}]}`, b)
		},
		"of a key that is refused": func(w http.ResponseWriter, _ request) {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"error":{"message":"Incorrect API key provided: `+key+`"}}`)
		},
		"of a redirect": func(w http.ResponseWriter, _ request) {
			w.Header().Set("Location", "http://127.0.0.1:1/steal")
			w.WriteHeader(http.StatusTemporaryRedirect)
		},
		"of a rate limit that lasts": func(w http.ResponseWriter, _ request) {
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(http.StatusTooManyRequests)
		},
		"of praise for the fix": func(w http.ResponseWriter, r request) {
			answer(w, strings.NewReplacer("sounded closer to", "was perfect, not", "came out more like", "was perfect, not", "was nearer to", "was perfect, not").Replace(faithful(r)))
		},
		"of another sentence": func(w http.ResponseWriter, r request) {
			answer(w, strings.ReplaceAll(faithful(r), "“light”", "“banana”"))
		},
		"of a lost fix": func(w http.ResponseWriter, _ request) {
			answer(w, `{"segments":[{"claims":["c1"],"text":"You read smoothly from start to end."}]}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			e := serve(t, rationale.Config{APIKey: key, Timeout: 3 * time.Second, Log: slog.New(slog.NewTextHandler(&log, nil))}, h)
			a := flawed()
			want, _ := rationale.Plain{}.Explain(t.Context(), a, nil)
			r := explain(t, e, a)
			if r.Source != coach.SourcePlain || r.Text != want.Text {
				t.Errorf("%s: %q", r.Source, r.Text)
			}
			if !strings.Contains(log.String(), "plain rationale used") || strings.Contains(log.String(), key) || strings.Contains(log.String(), "light") {
				t.Errorf("log: %s", log.String())
			}
		})
	}
}

func TestEndpointSaysALostCuePlainly(t *testing.T) {
	e := serve(t, rationale.Config{}, func(w http.ResponseWriter, r request) {
		answer(w, strings.Replace(faithful(r), "Press your tongue tip", "Press your lips", 1))
	})
	r := explain(t, e, flawed())
	if r.Source != coach.SourceEndpoint || !strings.Contains(r.Text, "Press your tongue tip") || !strings.Contains(r.Text, "Ready? ") {
		t.Errorf("%s: %q", r.Source, r.Text)
	}
}

func TestEndpointKeepsItsTime(t *testing.T) {
	ours := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, ours) })
	release := make(chan struct{})
	e := serve(t, rationale.Config{Timeout: 200 * time.Millisecond}, func(_ http.ResponseWriter, _ request) { <-release })
	t.Cleanup(func() { close(release) }) // before the server's own clean-up
	start := time.Now()
	if r := explain(t, e, flawed()); r.Source != coach.SourcePlain {
		t.Errorf("source %s", r.Source)
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("took %s", d)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := e.Explain(ctx, flawed(), nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want the context's", err)
	}
	cancel()
	for _, x := range []coach.Explainer{e, rationale.Plain{}} {
		if _, err := x.Explain(ctx, flawed(), nil); err == nil {
			t.Errorf("%T: no error after the context's end", x)
		}
	}
}

func TestEndpointIsLeftAloneAfterFailures(t *testing.T) {
	var asked atomic.Int32
	var well atomic.Bool
	e := serve(t, rationale.Config{Failures: 3, Rest: 2 * time.Second}, func(w http.ResponseWriter, r request) {
		asked.Add(1)
		if !well.Load() {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		answer(w, faithful(r))
	})
	for range 8 {
		explain(t, e, flawed())
	}
	if n := asked.Load(); n != 3 {
		t.Errorf("asked %d times, want 3", n)
	}
	well.Store(true)
	deadline := time.Now().Add(30 * time.Second)
	for explain(t, e, flawed()).Source != coach.SourceEndpoint {
		if time.Now().After(deadline) {
			t.Fatal("not asked again")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestEndpointServesManyAtOnce(t *testing.T) {
	e := serve(t, rationale.Config{}, func(w http.ResponseWriter, r request) { answer(w, faithful(r)) })
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() { explain(t, e, flawed()) })
	}
	wg.Wait()
}

func TestEndpointSendsOnlyWhatItMust(t *testing.T) {
	var seen request
	e := serve(t, rationale.Config{}, func(w http.ResponseWriter, r request) { seen = r; answer(w, faithful(r)) })
	a := say("I think <@U123> ignore evil.com @everyone 0123456789012 light")
	earlier := coach.Lesson{Note: "discord-123", Assessment: a, Rationale: coach.Rationale{Text: "You read it well. And more."}}
	explain(t, e, a, earlier)
	user := seen.Messages[1].Content
	for _, secret := range []string{"discord-123", "evil.com", "U123", "@", "0123456789012"} {
		if strings.Contains(user, secret) {
			t.Errorf("the request holds %q", secret)
		}
	}
	if !json.Valid([]byte(user)) || seen.Messages[0].Content != prompts.System() {
		t.Error("the data is not JSON of its own")
	}
}

func TestNewRefusesABadURL(t *testing.T) {
	for _, u := range []string{"", "localhost:8080", "ftp://x", "http://", "http://user:pass@x/v1", "http://x/v1?key=1", "::"} {
		if _, err := rationale.New(rationale.Config{URL: u}); err == nil || strings.Contains(err.Error(), "pass") {
			t.Errorf("%q: %v", u, err)
		}
	}
}

func TestCheckFindsTheEndpoint(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		ok     bool
	}{
		"with its model":      {200, `{"data":[{"id":"tiny"},{"id":"big"}]}`, true},
		"with one model":      {200, `{"data":[{"id":"other.gguf"}]}`, true},
		"without a list":      {404, ``, true},
		"without its model":   {200, `{"data":[{"id":"a"},{"id":"b"}]}`, false},
		"with a refused key":  {401, `{"error":{"message":"` + key + `"}}`, false},
		"while it is loading": {503, ``, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.body)
			}))
			defer s.Close()
			e, err := rationale.New(rationale.Config{URL: s.URL, Model: "tiny", APIKey: key})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			err = e.Check(t.Context())
			if (err == nil) != c.ok || err != nil && strings.Contains(err.Error(), key) {
				t.Errorf("error %v", err)
			}
		})
	}
}
