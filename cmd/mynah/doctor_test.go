package main

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// examined runs doctor and returns its findings by name.
func examined(t *testing.T, code int, settings ...string) map[string]finding {
	t.Helper()
	return examinedBy(t, newProgram(t), code, settings...)
}

// examinedBy does so with a program of one's own.
func examinedBy(t *testing.T, p *program, code int, settings ...string) map[string]finding {
	t.Helper()
	p.Args = []string{"doctor", "--json"}
	for _, s := range append([]string{"playground.addr=127.0.0.1:0"}, settings...) {
		p.Args = append(p.Args, "--set", s)
	}
	if got := p.run(t); got != code {
		t.Errorf("exit code %d, want %d: %s%s", got, code, p.stdout.String(), p.stderr.String())
	}
	var report struct {
		OK       bool
		Findings []finding
	}
	if err := json.Unmarshal([]byte(p.stdout.String()), &report); err != nil {
		t.Fatalf("%v in %s", err, p.stdout.String())
	}
	if report.OK != (code == exitOK) {
		t.Errorf("ok is %t", report.OK)
	}
	byName := make(map[string]finding)
	for _, f := range report.Findings {
		byName[f.Name] = f
	}
	return byName
}

func (f finding) expect(t *testing.T, s state, detail string) {
	t.Helper()
	if f.State != s || !strings.Contains(f.Detail, detail) {
		t.Errorf("found %+v, want %s and %q", f, s, detail)
	}
	if (f.State == stateMissing || f.State == stateWarning) && f.Fix == "" && detail != "not tried" {
		t.Errorf("%s is %s, and nothing says what to do", f.Name, f.State)
	}
}

func TestDoctorFindsEverything(t *testing.T) {
	needModel(t)
	found := examined(t, exitOK)
	found["ONNX Runtime"].expect(t, stateOK, "libonnxruntime.so")
	found["device"].expect(t, stateOK, "cpu")
	found["model"].expect(t, stateOK, "39 phonemes")
	found["decoder"].expect(t, stateOK, "confined by")
	found["data"].expect(t, stateOK, "will be made")
	found["playground"].expect(t, stateOK, "http://127.0.0.1:0")
	found["endpoint"].expect(t, stateOff, "llm.url is not set")
}

func TestDoctorSaysWhatIsMissing(t *testing.T) {
	t.Run("ONNX Runtime", func(t *testing.T) {
		found := examined(t, exitFailure, "scorer.runtime=/nowhere/libonnxruntime.so")
		found["ONNX Runtime"].expect(t, stateMissing, "/nowhere/libonnxruntime.so")
		found["model"].expect(t, stateWarning, "not tried")
		if !strings.Contains(found["ONNX Runtime"].Fix, "make runtime") {
			t.Errorf("fix %q", found["ONNX Runtime"].Fix)
		}
	})
	t.Run("settings", func(t *testing.T) {
		examined(t, exitFailure, "scorer.device=gpu")["settings"].expect(t, stateMissing, "must be one of auto, cpu, cuda")
	})
	t.Run("the model", func(t *testing.T) {
		needModel(t)
		examined(t, exitFailure, "scorer.model="+t.TempDir())["model"].expect(t, stateMissing, "manifest.json")
	})
	t.Run("a changed model", func(t *testing.T) {
		needModel(t)
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS("../../scorer/model")); err != nil {
			t.Fatal(err)
		}
		judge := filepath.Join(dir, "judge.onnx")
		b, err := os.ReadFile(judge)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)/2] ^= 1
		if err := os.WriteFile(judge, b, 0o600); err != nil {
			t.Fatal(err)
		}
		examined(t, exitFailure, "scorer.model="+dir)["model"].expect(t, stateMissing, "SHA-256")
	})
	t.Run("the decoder", func(t *testing.T) {
		p := newProgram(t)
		p.Executable = "/nowhere/mynah"
		cfg, err := (&run{Main: p.Main, cli: &cli{}}).config()
		if err != nil {
			t.Fatal(err)
		}
		(&run{Main: p.Main}).probeDecoder(t.Context(), cfg)[0].expect(t, stateMissing, "/nowhere/mynah")
	})
	t.Run("ffmpeg", func(t *testing.T) {
		needModel(t)
		examined(t, exitOK, "audio.ffmpeg=/nowhere/ffmpeg")["ffmpeg"].expect(t, stateWarning, "M4A, MP3")
	})
	t.Run("a data directory that can be written", func(t *testing.T) {
		needModel(t)
		examined(t, exitFailure, "data.dir=/proc/mynah/data")["data"].expect(t, stateMissing, "/proc/mynah")
	})
	t.Run("a cluster that answers", func(t *testing.T) {
		needModel(t)
		examined(t, exitFailure, "nats.url=nats://"+freeAddr(t))["data"].expect(t, stateMissing, "NATS")
	})
	t.Run("a free port", func(t *testing.T) {
		needModel(t)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		examined(t, exitOK, "playground.addr="+l.Addr().String())["playground"].expect(t, stateWarning, "is in use")
	})
	t.Run("a loopback address", func(t *testing.T) {
		needModel(t)
		examined(t, exitOK, "playground.addr=0.0.0.0:0")["playground"].expect(t, stateWarning, "https")
	})
}

func TestDoctorFindsARunningMynah(t *testing.T) {
	needModel(t)
	s := serve(t, newProgram(t))
	d := NewMain([]string{"doctor", "--json", "--set", "playground.addr=127.0.0.1:0"}, s.Env, nil, &buffer{}, &buffer{})
	out := &buffer{}
	d.Stdout = out
	if code := d.Run(t.Context()); code != exitOK || !strings.Contains(out.String(), "in use by another process") {
		t.Errorf("exit code %d: %s", code, out.String())
	}
}

func TestDoctorAsksTheEndpoint(t *testing.T) {
	needModel(t)
	var keys []string
	status := http.StatusOK
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		keys = append(keys, r.Header.Get("Authorization"))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"object":"list","data":[{"id":"small","object":"model"}]}`))
	}))
	defer endpoint.Close()
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte("hunter2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	settings := []string{"llm.url=" + endpoint.URL + "/v1", "llm.model=small", "llm.api_key_file=" + key}
	found := examined(t, exitOK, settings...)
	found["endpoint"].expect(t, stateOK, endpoint.URL+"/v1, model small")
	found["llm.api_key_file"].expect(t, stateWarning, "mode 0644")
	if len(keys) != 1 || keys[0] != "Bearer hunter2" {
		t.Errorf("keys sent: %q", keys)
	}
	status = http.StatusUnauthorized
	found = examined(t, exitOK, settings...)
	found["endpoint"].expect(t, stateWarning, "401")
	for _, f := range found {
		if strings.Contains(f.Detail+f.Fix, "hunter2") {
			t.Errorf("the key is shown: %+v", f)
		}
	}
}

func TestDoctorForPeople(t *testing.T) {
	p := newProgram(t, "doctor", "--set", "scorer.device=gpu")
	if code := p.run(t); code != exitFailure {
		t.Errorf("exit code %d", code)
	}
	golden(t, "doctor-settings.txt", p.stdout.String())
}
