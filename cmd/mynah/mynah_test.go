package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mynah-coach/mynah/audio"
	"github.com/mynah-coach/mynah/config"
)

var update = flag.Bool("update", false, "write the golden files")

// TestMain lets the test binary be the decoding child, as the program itself is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == audio.ChildCommand {
		os.Exit(audio.Child(os.Args[2:], os.Stdin, os.Stdout, os.Stderr))
	}
	code := m.Run()
	if builtIn != "" {
		_ = os.RemoveAll(builtIn)
	}
	os.Exit(code)
}

// buffer is a bytes.Buffer that may be read while it is written to.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// program is one run of the program, in this process.
type program struct {
	*Main
	stdout, stderr buffer
}

// newProgram returns the program with an environment that finds ONNX Runtime
// where `make runtime` puts it, and a data directory of its own.
func newProgram(t testing.TB, args ...string) *program {
	t.Helper()
	p := &program{}
	p.Main = NewMain(args, []string{
		"MYNAH_SCORER_RUNTIME=" + library(t),
		"MYNAH_DATA_DIR=" + filepath.Join(t.TempDir(), "data"),
	}, strings.NewReader(""), &p.stdout, &p.stderr)
	return p
}

// library is where `make runtime` puts ONNX Runtime.
func library(t testing.TB) string {
	t.Helper()
	path, err := filepath.Abs("../../build/onnxruntime/libonnxruntime.so")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// needModel skips the test where ONNX Runtime or the model is missing, except
// in continuous integration, which has to have both.
func needModel(t testing.TB) {
	t.Helper()
	for _, path := range []string{"../../build/onnxruntime/libonnxruntime.so", "../../scorer/model/manifest.json"} {
		if _, err := os.Stat(path); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("%v: `make runtime` fetches ONNX Runtime", err)
			}
			t.Skipf("%v: `make runtime` fetches ONNX Runtime", err)
		}
	}
}

// run runs the program to its end.
func (p *program) run(t *testing.T) (code int) {
	t.Helper()
	return p.Run(t.Context())
}

// golden compares with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (-update writes it)", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update accepts it):\n%s", name, diff)
	}
}

func TestHelp(t *testing.T) {
	for _, command := range []string{"", "serve", "assess", "config", "doctor", "eval", "eval speechocean762", "eval rationale", "queue", "queue dead", "queue dead retry", "version",
		"discord", "discord invite", "slack", "slack manifest", "disputes"} {
		t.Run(strings.TrimSpace("mynah "+command), func(t *testing.T) {
			t.Setenv("COLUMNS", "80")
			p := newProgram(t, append(strings.Fields(command), "--help")...)
			if code := p.run(t); code != exitOK {
				t.Errorf("exit code %d, standard error %q", code, p.stderr.String())
			}
			golden(t, strings.Join(append([]string{"help"}, strings.Fields(command)...), "-")+".txt", p.stdout.String())
		})
	}
}

func TestWrongUseExitsWithTwo(t *testing.T) {
	dir := t.TempDir()
	note := filepath.Join(dir, "note.ogg")
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"no command", nil, "`mynah --help` explains"},
		{"an unknown command", []string{"sing"}, "unexpected argument sing"},
		{"an unknown flag", []string{"assess", "--loud", note}, "`mynah assess --help` explains"},
		{"no recording", []string{"assess", "--text", "Hello"}, `expected "<recording> ..."`},
		{"no sentence", []string{"assess", note}, "note.ogg: no sentence: give --text or --text-file, or write it into " + filepath.Join(dir, "note.txt")},
		{"standard input without a sentence", []string{"assess", "-"}, "standard input needs --text"},
		{"standard input twice", []string{"assess", "-", "-", "--text", "Hello"}, "can be given only once"},
		{"two sentences", []string{"assess", note, "--text", "Hello", "--text-file", note}, "one too many"},
		{"a missing settings file", []string{"--config", filepath.Join(dir, "none.yaml"), "serve"}, "none.yaml: no such file; `mynah config sample`"},
		{"a wrong setting", []string{"--set", "scorer.device=gpu", "doctor"}, ""},
		{"a setting that does not exist", []string{"serve", "--set", "llm.urll=x"}, "did you mean llm.url?"},
		{"dead letters that are not named", []string{"queue", "dead", "retry"}, "or --all"},
		{"an invitation to nothing", []string{"discord", "invite"}, "set discord.token_file, or give --application ID"},
		{"an invitation to a name", []string{"discord", "invite", "--application", "mynah"}, "a number of 17 to 20 digits"},
		{"a manifest without an address", []string{"slack", "manifest", "--http"}, "give --url, or set slack.public_url"},
		{"a manifest with a plain address", []string{"slack", "manifest", "--http", "--url", "http://mynah.example"}, "https"},
		{"half of Slack", []string{"serve", "--set", "slack.bot_token=xoxb-1"}, "slack.app_token: is needed in socket mode"},
		{"a token that is none", []string{"serve", "--set", "discord.token=hunter2"}, "discord.token: is not a bot's token"},
		{"dead letters named twice", []string{"queue", "dead", "drop", "a", "--all"}, "or --all"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newProgram(t, tt.args...)
			want := exitUsage
			if tt.want == "" { // doctor reports it as a finding
				want = exitFailure
			}
			if code := p.run(t); code != want {
				t.Errorf("exit code %d, want %d", code, want)
			}
			if !strings.Contains(p.stderr.String(), tt.want) {
				t.Errorf("standard error %q, want %q", p.stderr.String(), tt.want)
			}
		})
	}
}

func TestSettingsCommands(t *testing.T) {
	t.Run("sample is a file that checks", func(t *testing.T) {
		p := newProgram(t, "config", "sample")
		if code := p.run(t); code != exitOK || p.stdout.String() != config.Sample() {
			t.Fatalf("exit code %d, output %q", code, p.stdout.String())
		}
		path := filepath.Join(t.TempDir(), "mynah.yaml")
		if err := os.WriteFile(path, []byte(p.stdout.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		check := newProgram(t, "config", "check", "--config", path)
		if code := check.run(t); code != exitOK || check.stdout.String() != "The settings are fine.\n" {
			t.Errorf("exit code %d, output %q, %q", code, check.stdout.String(), check.stderr.String())
		}
	})
	t.Run("the file can be named in the environment", func(t *testing.T) {
		p := newProgram(t, "config", "check")
		p.Env = append(p.Env, "MYNAH_CONFIG=/nowhere/mynah.yaml")
		if code := p.run(t); code != exitUsage || !strings.Contains(p.stderr.String(), "/nowhere/mynah.yaml: no such file") {
			t.Errorf("exit code %d, %q", code, p.stderr.String())
		}
	})
	t.Run("show says where each was set and no secret", func(t *testing.T) {
		p := newProgram(t, "--set", "llm.timeout=3s", "config", "show")
		p.Env = append(p.Env, "MYNAH_LLM_API_KEY=hunter2")
		if code := p.run(t); code != exitOK {
			t.Fatalf("exit code %d, %q", code, p.stderr.String())
		}
		out := p.stdout.String()
		for _, want := range []string{`timeout: "3s" # --set`, `api_key: "(set)" # MYNAH_LLM_API_KEY`, "per_minute: 6\n"} {
			if !strings.Contains(out, want) {
				t.Errorf("output lacks %q:\n%s", want, out)
			}
		}
		if strings.Contains(out, "hunter2") {
			t.Error("the secret is shown")
		}
	})
}

func TestInterruptEndsWithoutFuss(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := newProgram(t)
	if code := p.exit(ctx.Err()); code != exitFailure || p.stderr.String() != "mynah: interrupted\n" {
		t.Errorf("exit code %d, %q", code, p.stderr.String())
	}
}
