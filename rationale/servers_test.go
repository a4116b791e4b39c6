package rationale_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
	"github.com/mynah-coach/mynah/rationale"
)

// tokens is the most that a tokenizer makes of a request: the corpus's requests
// take one token of SmolLM2's for 2.9 bytes at least.
func tokens(r request) int {
	n := 0
	for _, m := range r.Messages {
		n += 8 + len(m.Content)*10/25
	}
	return n
}

// long is a sentence as long as any that is scored, with a flaw in every word.
func long() coach.Assessment {
	a := say(strings.Repeat("important weather measure asked three sheep think the red light ", 12))
	for i := range a.Words {
		a = wrong(a, i, 0, coach.Bad, "S")
	}
	return a
}

// The servers that people run answer in ways of their own. These stand-ins do as
// their documentation and sources say.
func TestEndpointKnowsItsServers(t *testing.T) {
	for name, c := range map[string]struct {
		notes []coach.Assessment
		cfg   rationale.Config
		serve func(t *testing.T) func(w http.ResponseWriter, r request)
		asked int // the most requests
	}{
		"llama.cpp's, while it loads": {[]coach.Assessment{flawed()}, rationale.Config{}, func(*testing.T) func(http.ResponseWriter, request) {
			var n atomic.Int32
			return func(w http.ResponseWriter, r request) {
				if n.Add(1) < 3 {
					refuse(w, 503, `{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}`)
					return
				}
				answer(w, faithful(r))
			}
		}, 3},
		"llama.cpp's, with a small slot": {[]coach.Assessment{long(), long(), long()}, rationale.Config{}, func(*testing.T) func(http.ResponseWriter, request) {
			return func(w http.ResponseWriter, r request) {
				if n := tokens(r); n > 1150 {
					refuse(w, 400, fmt.Sprintf(`{"error":{"code":400,"message":"request (%d tokens) exceeds the available context size (1150 tokens), try increasing it","type":"exceed_context_size_error","n_prompt_tokens":%d,"n_ctx":1150}}`, n, n))
					return
				}
				answer(w, faithful(r))
			}
		}, 4}, // it is tried in full once only
		"Ollama, which cuts the oldest of a prompt without a word": {[]coach.Assessment{long()}, rationale.Config{}, func(t *testing.T) func(http.ResponseWriter, request) {
			return func(w http.ResponseWriter, r request) {
				if n := tokens(r) + r.MaxTokens; n > 2048 {
					t.Errorf("%d tokens: the instruction would be cut", n)
				}
				answer(w, faithful(r))
			}
		}, 1},
		"vLLM, with its own field for thoughts": {[]coach.Assessment{flawed()}, rationale.Config{}, func(*testing.T) func(http.ResponseWriter, request) {
			return func(w http.ResponseWriter, r request) {
				w.Header().Set("Content-Type", "application/json")
				b, _ := json.Marshal(faithful(r))
				fmt.Fprintf(w, `{"id":"chatcmpl-1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","reasoning":"{\"segments\":[]}","content":%s,"tool_calls":[]},"finish_reason":"stop","stop_reason":null}],"prompt_logprobs":null}`, b)
			}
		}, 1},
		"LM Studio, which takes a schema or text, and no json_object": {[]coach.Assessment{flawed()}, rationale.Config{}, func(*testing.T) func(http.ResponseWriter, request) {
			return func(w http.ResponseWriter, r request) {
				if r.ResponseFormat != nil && r.ResponseFormat.Type != "json_schema" && r.ResponseFormat.Type != "text" {
					refuse(w, 400, `{"error":"'response_format.type' must be 'json_schema' or 'text'"}`)
					return
				}
				answer(w, faithful(r))
			}
		}, 1},
		"one that knows no schema": {[]coach.Assessment{flawed(), flawed()}, rationale.Config{}, func(*testing.T) func(http.ResponseWriter, request) {
			return func(w http.ResponseWriter, r request) {
				if r.ResponseFormat != nil {
					refuse(w, 422, `{"detail":[{"loc":["body","response_format","type"],"msg":"unexpected value"}]}`)
					return
				}
				answer(w, "Here you are:\n```json\n"+faithful(r)+"\n```")
			}
		}, 3}, // it is tried with a schema once only
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32
			h := c.serve(t)
			e := serve(t, c.cfg, func(w http.ResponseWriter, r request) {
				asked.Add(1)
				h(w, r)
			})
			for _, a := range c.notes {
				if r := explain(t, e, a); r.Source != coach.SourceEndpoint || !strings.Contains(r.Text, "Ready? ") {
					t.Errorf("%s: %q", r.Source, r.Text)
				}
			}
			if n := int(asked.Load()); n > c.asked {
				t.Errorf("%d requests, want %d", n, c.asked)
			}
		})
	}
}

func refuse(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprint(w, body)
}

// A name that the server doesn't know is the operator's mistake: it is asked once,
// and the log says what is wrong.
func TestEndpointSaysThatTheModelIsUnknown(t *testing.T) {
	for name, body := range map[string]string{
		"by vLLM":         `{"object":"error","message":"The model ` + "`tiny`" + ` does not exist.","type":"NotFoundError","param":null,"code":404}`,
		"by Ollama":       `{"error":{"message":"model \"tiny\" not found, try pulling it first","type":"api_error","param":null,"code":null}}`,
		"by a hosted one": `{"error":{"message":"The model does not exist or you do not have access to it.","type":"invalid_request_error","param":null,"code":"model_not_found"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			var asked atomic.Int32
			e := serve(t, rationale.Config{Model: "tiny", Log: slog.New(slog.NewTextHandler(&log, nil))}, func(w http.ResponseWriter, _ request) {
				asked.Add(1)
				refuse(w, 404, body)
			})
			if r := explain(t, e, flawed()); r.Source != coach.SourcePlain || asked.Load() != 1 {
				t.Errorf("%s after %d requests", r.Source, asked.Load())
			}
			if !strings.Contains(log.String(), "doesn't know the model") || strings.Contains(log.String(), "tiny") {
				t.Errorf("log: %s", log.String())
			}
		})
	}
}

// What broke a rule is asked for once more, alone, and with the rule's name.
func TestEndpointHasBrokenClaimsRepaired(t *testing.T) {
	for name, c := range map[string]struct {
		spoil   func(string) string
		problem string
	}{
		"a fix that was praised": {func(s string) string {
			return replaceAny(s, "was perfect, not", "sounded closer to", "came out more like", "was nearer to")
		}, "praised"},
		"another word":                {func(s string) string { return strings.ReplaceAll(s, "“light”", "“banana”") }, "quoted"},
		"an emoji":                    {func(s string) string { return strings.ReplaceAll(s, "“light”", "“light” 🎉") }, "emoji"},
		"prose in the place of JSON":  {func(string) string { return "You did well!" }, "missing"},
		"only the first of its words": {func(s string) string { return s[:strings.Index(s, `},{`)+1] + "]}" }, "missing"},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []request
			e := serve(t, rationale.Config{}, func(w http.ResponseWriter, r request) {
				asked = append(asked, r)
				if len(asked) == 1 {
					time.Sleep(time.Millisecond) // a server takes some time
					answer(w, c.spoil(faithful(r)))
					return
				}
				answer(w, faithful(r))
			})
			r := explain(t, e, flawed())
			if r.Source != coach.SourceEndpoint || len(asked) != 2 || !strings.Contains(r.Text, "“light”") || !strings.Contains(r.Text, "“r”") {
				t.Fatalf("%s after %d requests: %q", r.Source, len(asked), r.Text)
			}
			if again := asked[1].Messages[1].Content; !strings.Contains(again, c.problem) || name == "another word" && strings.Contains(again, `"c1"`) {
				t.Errorf("asked again: %s", again)
			}
		})
	}
	t.Run("once only", func(t *testing.T) {
		var asked atomic.Int32
		e := serve(t, rationale.Config{}, func(w http.ResponseWriter, r request) {
			asked.Add(1)
			answer(w, strings.ReplaceAll(faithful(r), "“light”", "“banana”"))
		})
		if r := explain(t, e, flawed()); r.Source != coach.SourcePlain || asked.Load() != 2 {
			t.Errorf("%s after %d requests", r.Source, asked.Load())
		}
	})
}

func replaceAny(s, by string, olds ...string) string {
	for _, o := range olds {
		s = strings.ReplaceAll(s, o, by)
	}
	return s
}

// However long the sentence, the prompt stays within its bounds, and what a claim
// is about is in it.
func TestPromptIsBounded(t *testing.T) {
	a := long()
	claims := prompts.Choose(a, nil)
	full, short := prompts.User(claims, a, nil, false, nil), prompts.User(claims, a, nil, true, nil)
	if n := len(prompts.System()) + len(full); n > 3250 {
		t.Errorf("%d bytes", n)
	}
	if usual := prompts.User(prompts.Choose(flawed(), nil), flawed(), nil, false, nil); len(short) > len(full) || len(short) >= len(usual) {
		t.Errorf("the short form has %d bytes, of %d, or %d of a usual one", len(short), len(full), len(usual))
	}
	for _, c := range claims {
		if !strings.Contains(full, `"`+c.ID+`"`) || !strings.Contains(short, `"`+c.ID+`"`) {
			t.Errorf("%s is not asked for", c.ID)
		}
	}
}
