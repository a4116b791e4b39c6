package voice_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/internal/endpoint"
	"github.com/mynah-coach/mynah/voice"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const key = "sk-very-secret-key"

// request is what the API's reference says of a request for speech.
type request struct {
	Model  string  `json:"model"`
	Input  string  `json:"input"`
	Voice  string  `json:"voice"`
	Format string  `json:"response_format"`
	Speed  float64 `json:"speed"`
}

func hello(t testing.TB, ext string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "hello."+ext))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// server is a stand-in of the API: it refuses what the API would, and speaks
// with h.
type server struct {
	*httptest.Server
	asked atomic.Int32
}

func serve(t testing.TB, h func(w http.ResponseWriter, r request)) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		if hr.Method != http.MethodPost || hr.URL.Path != "/v1/audio/speech" {
			http.NotFound(w, hr)
			return
		}
		s.asked.Add(1)
		var r request
		d := json.NewDecoder(hr.Body)
		d.DisallowUnknownFields()
		if err := d.Decode(&r); err != nil || r.Model == "" || r.Voice == "" || r.Input == "" || len(r.Input) > 4096 {
			t.Errorf("request %+v: %v", r, err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if hr.Header.Get("Authorization") != "Bearer "+key {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintf(w, `{"error":{"message":"Incorrect API key provided: %s"}}`, hr.Header.Get("Authorization"))
			return
		}
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) voice(t testing.TB, cfg voice.Config) *voice.Voice {
	t.Helper()
	cfg.URL = s.URL + "/v1"
	if cfg.APIKey == "" {
		cfg.APIKey = key
	}
	v, err := voice.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

func speaks(contentType string, b []byte) func(w http.ResponseWriter, r request) {
	return func(w http.ResponseWriter, _ request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(b)
	}
}

func TestSpeak(t *testing.T) {
	for _, tt := range []struct{ said, ext, contentType string }{
		{"audio/mpeg", "mp3", "audio/mpeg"},
		{"audio/mpeg", "wav", "audio/wav"}, // a server that has one format
		{"audio/ogg", "ogg", "audio/ogg"},
		{"application/octet-stream", "mp3", "audio/mpeg"},
	} {
		t.Run(tt.ext+" called "+tt.said, func(t *testing.T) {
			var asked request
			s := serve(t, func(w http.ResponseWriter, r request) {
				asked = r
				speaks(tt.said, hello(t, tt.ext))(w, r)
			})
			f, err := s.voice(t, voice.Config{Model: "small", Name: "clear"}).Speak(t.Context(), "  I think it is\nimportant. ")
			if err != nil {
				t.Fatal(err)
			}
			if f.Name != "sentence."+tt.ext || f.ContentType != tt.contentType || !bytes.Equal(f.Data, hello(t, tt.ext)) {
				t.Errorf("%s, %s, %d bytes", f.Name, f.ContentType, len(f.Data))
			}
			if want := (request{Model: "small", Input: "I think it is important.", Voice: "clear", Format: "mp3"}); asked != want {
				t.Errorf("asked %+v, want %+v", asked, want)
			}
		})
	}
}

func TestSpeakAgainAsksOnceWhileItIsRemembered(t *testing.T) {
	size := len(hello(t, "mp3"))
	s := serve(t, speaks("audio/mpeg", hello(t, "mp3")))
	v := s.voice(t, voice.Config{Cache: 3*size + 1})
	say := func(text string, asked int32) {
		t.Helper()
		if _, err := v.Speak(t.Context(), text); err != nil {
			t.Error(err)
		}
		if got := s.asked.Swap(0); got != asked {
			t.Errorf("%q: asked %d times, want %d", text, got, asked)
		}
	}
	say("one", 1)
	say("two", 1)
	say("three", 1)
	say("one", 0)
	say("four", 1) // in place of two, which was not asked for the longest
	say("one", 0)
	say("three", 0)
	say("two", 1)
	t.Run("nothing that is larger than all there is", func(t *testing.T) {
		v := s.voice(t, voice.Config{Cache: size - 1})
		for range 2 {
			if _, err := v.Speak(t.Context(), "one"); err != nil {
				t.Error(err)
			}
		}
		if got := s.asked.Swap(0); got != 2 {
			t.Errorf("asked %d times", got)
		}
	})
	t.Run("by many at once", func(t *testing.T) {
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				if f, err := v.Speak(t.Context(), fmt.Sprint("sentence ", i%5)); err != nil || len(f.Data) != size {
					t.Errorf("%d bytes, %v", len(f.Data), err)
				}
			})
		}
		wg.Wait()
	})
}

func TestSpeakFails(t *testing.T) {
	for _, tt := range []struct {
		name string
		h    func(w http.ResponseWriter, r request)
		want error
	}{
		{"of a web page", speaks("text/html", []byte("<html>sorry</html>")), endpoint.ErrGarbage},
		{"of an error with status 200", speaks("application/json", []byte(`{"error":"no such voice"}`)), endpoint.ErrGarbage},
		{"of something else that is called audio", speaks("audio/mpeg", []byte("<html>sorry</html>")), endpoint.ErrGarbage},
		{"of nothing", speaks("audio/mpeg", nil), endpoint.ErrGarbage},
		{"of too much", speaks("audio/mpeg", append([]byte("ID3"), make([]byte, 200<<10)...)), endpoint.ErrTooLarge},
		{"of a refusal", func(w http.ResponseWriter, _ request) { w.WriteHeader(http.StatusBadRequest) }, endpoint.ErrRefused},
		{"of a redirect", func(w http.ResponseWriter, _ request) {
			w.Header().Set("Location", "http://127.0.0.1:1/steal")
			w.WriteHeader(http.StatusTemporaryRedirect)
		}, endpoint.ErrRefused},
		{"of a line that is cut again and again", func(w http.ResponseWriter, _ request) {
			w.Header().Set("Content-Length", "100000")
			_, _ = w.Write([]byte("ID3"))
		}, endpoint.ErrDown},
		{"of a server that does not come to an end", func(w http.ResponseWriter, _ request) {
			_, _ = w.Write([]byte("ID3"))
			w.(http.Flusher).Flush()
			time.Sleep(2 * time.Second)
		}, context.DeadlineExceeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := serve(t, tt.h).voice(t, voice.Config{Timeout: 1500 * time.Millisecond, MaxBytes: 100 << 10})
			begin := time.Now()
			f, err := v.Speak(t.Context(), "I think so.")
			if !errors.Is(err, tt.want) && !errors.Is(err, context.DeadlineExceeded) || err == nil || len(f.Data) > 0 {
				t.Errorf("%d bytes, %v; want %v", len(f.Data), err, tt.want)
			}
			if took := time.Since(begin); took > 4*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
	t.Run("of a key that is refused, and does not show it", func(t *testing.T) {
		v := serve(t, nil).voice(t, voice.Config{APIKey: key + "-wrong"})
		_, err := v.Speak(t.Context(), "A sentence of a learner.")
		if !errors.Is(err, endpoint.ErrRefused) || strings.Contains(err.Error(), key) || strings.Contains(err.Error(), "learner") || strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("of a sentence that is none", func(t *testing.T) {
		s := serve(t, nil)
		v := s.voice(t, voice.Config{})
		if _, err := v.Speak(t.Context(), strings.Repeat("word ", 300)); !errors.Is(err, voice.ErrTooLong) {
			t.Errorf("error %v", err)
		}
		if _, err := v.Speak(t.Context(), " \n "); err == nil {
			t.Error("nothing was read aloud")
		}
		if n := s.asked.Load(); n > 0 {
			t.Errorf("asked %d times", n)
		}
	})
}

func TestSpeakTriesAgain(t *testing.T) {
	for name, refuse := range map[string]func(w http.ResponseWriter){
		"after a rate limit": func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "0.05")
			w.WriteHeader(http.StatusTooManyRequests)
		},
		"after an error": func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) },
	} {
		t.Run(name, func(t *testing.T) {
			var n atomic.Int32
			s := serve(t, func(w http.ResponseWriter, r request) {
				if n.Add(1) <= 2 {
					refuse(w)
					return
				}
				speaks("audio/mpeg", hello(t, "mp3"))(w, r)
			})
			if f, err := s.voice(t, voice.Config{}).Speak(t.Context(), "one"); err != nil || len(f.Data) == 0 {
				t.Errorf("%d bytes, %v after %d requests", len(f.Data), err, n.Load())
			}
		})
	}
}

func TestAFailingEndpointIsLeftAlone(t *testing.T) {
	var broken atomic.Bool
	broken.Store(true)
	s := serve(t, func(w http.ResponseWriter, r request) {
		if broken.Load() {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		speaks("audio/mpeg", hello(t, "mp3"))(w, r)
	})
	v := s.voice(t, voice.Config{Failures: 2, Rest: 300 * time.Millisecond})
	for i := range 5 {
		if _, err := v.Speak(t.Context(), "one"); err == nil {
			t.Errorf("%d: spoke", i)
		}
	}
	if n := s.asked.Load(); n != 2 {
		t.Errorf("asked %d times, want 2", n)
	}
	broken.Store(false)
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if _, err := v.Speak(t.Context(), "one"); err == nil {
			break
		} else if time.Now().After(end) {
			t.Fatalf("it is still left alone: %v", err)
		}
	}
}

func TestNewRefusesABadURL(t *testing.T) {
	for _, url := range []string{"", "localhost:8880", "ftp://a/v1", "http://user:hunter2@a/v1", "http://a/v1?key=hunter2", ":hunter2"} {
		if _, err := voice.New(voice.Config{URL: url}); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func TestCheck(t *testing.T) {
	s := serve(t, speaks("audio/mpeg", hello(t, "wav")))
	v := s.voice(t, voice.Config{})
	for range 2 {
		if kind, err := v.Check(t.Context()); err != nil || kind != "audio/wav" {
			t.Errorf("%s, %v", kind, err)
		}
	}
	if n := s.asked.Load(); n != 2 {
		t.Errorf("asked %d times", n)
	}
}

var _ interface {
	Speak(context.Context, string) (coach.File, error)
} = (*voice.Voice)(nil)
