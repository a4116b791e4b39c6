package ort

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/mynah-coach/mynah/scorer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// libraryPath is the library that `make runtime` fetches. Without it tests are
// skipped, except where CI must have it.
func libraryPath(tb testing.TB) string {
	tb.Helper()
	plain, _ := libraryNames("linux")
	path, err := filepath.Abs(filepath.Join("../../build/onnxruntime", plain))
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") != "" {
			tb.Fatalf("%v; run `make runtime`", err)
		}
		tb.Skipf("%v; run `make runtime`", err)
	}
	return path
}

// openTones opens the tiny model of testdata/make_tones.py.
func openTones(tb testing.TB) *Model {
	tb.Helper()
	m, err := Open(Config{Dir: os.DirFS("testdata/tones"), Library: libraryPath(tb), Device: CPU})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := m.Close(); err != nil {
			tb.Error(err)
		}
	})
	return m
}

// tones makes one 20 ms frame for each class: a sine, or silence for 0.
func tones(classes ...int) []float32 {
	out := make([]float32, 0, 320*len(classes))
	for _, c := range classes {
		for n := range 320 {
			v := 0.0
			if c > 0 {
				v = .8 * math.Sin(2*math.Pi*350*float64(c)*float64(n)/16000)
			}
			out = append(out, float32(v))
		}
	}
	return out
}

// heardClasses are the likeliest class of each frame.
func heardClasses(f scorer.Frames) []int {
	out := make([]int, f.T)
	for t := range out {
		for c := range f.Classes {
			if f.LogPost[t*f.Classes+c] > f.LogPost[t*f.Classes+out[t]] {
				out[t] = c
			}
		}
	}
	return out
}

func TestListenAndJudge(t *testing.T) {
	m := openTones(t)
	said := []int{0, 3, 3, 0, 1, 7, 0, 5, 0}
	f, err := m.Listen(t.Context(), tones(said...))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(said, heardClasses(f)); diff != "" {
		t.Errorf("classes heard (-said +heard):\n%s", diff)
	}

	// Words 3 1 | 7 6: the last phone is wrong.
	s, err := m.Judge(t.Context(), f, []scorer.AlignedPhone{
		{Class: 3, Word: 0, First: 1, Last: 2}, {Class: 1, Stress: 1, Word: 0, First: 4, Last: 4},
		{Class: 7, Word: 1, First: 5, Last: 5}, {Class: 6, Word: 1, First: 7, Last: 7},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, good := range []bool{true, true, true, false} {
		if got := s.Phone[i] > 1.9; got != good {
			t.Errorf("phone %d has score %v, good is %v", i, s.Phone[i], good)
		}
		var sum float32
		for _, p := range s.PhoneProbs[i*5 : i*5+5] {
			sum += p
		}
		if math.Abs(float64(sum)-1) > 1e-5 {
			t.Errorf("phone %d: probabilities add up to %v", i, sum)
		}
	}
	if len(s.Word) != 2 || s.Word[0] < 9.5 || s.Word[1] > 6 {
		t.Errorf("words have scores %v, want the first excellent, the second average", s.Word)
	}
	if heard := s.Heard[3*f.Classes : 4*f.Classes]; heard[5] < .9 {
		t.Errorf("last phone was 5, heard says %v", heard)
	}
}

func TestListenRefusesNoSamples(t *testing.T) {
	m := openTones(t)
	if _, err := m.Listen(t.Context(), nil); err == nil {
		t.Error("no error")
	}
}

func TestGuess(t *testing.T) {
	m := openTones(t)
	got, err := m.Guess(t.Context(), "abd")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]scorer.Pronunciation{{{Phoneme: "AA", Stress: 1}, {Phoneme: "IY", Stress: 1}, {Phoneme: "M"}}}, got); diff != "" {
		t.Errorf("pronunciation (-want +got):\n%s", diff)
	}
	for _, word := range []string{"", "xyz", strings.Repeat("a", 1000)} {
		if p, err := m.Guess(t.Context(), word); err == nil {
			t.Errorf("a word of %d letters is %v", len(word), p)
		}
	}
}

func TestParallelRunsAgree(t *testing.T) {
	m := openTones(t)
	said := make([]int, 600)
	for i := range said {
		said[i] = i % 9
	}
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			want := said[:100+30*i]
			f, err := m.Listen(t.Context(), tones(want...))
			if err != nil {
				t.Error(err)
				return
			}
			if diff := cmp.Diff(want, heardClasses(f)); diff != "" {
				t.Errorf("run %d (-said +heard):\n%s", i, diff)
			}
		})
	}
	wg.Wait()
}

func TestRunsEndWithTheirContext(t *testing.T) {
	m := openTones(t)
	gone := errors.New("the learner left")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	if _, err := m.Listen(ctx, tones(1, 2)); !errors.Is(err, gone) {
		t.Errorf("Listen after cancel: %v", err)
	}
	// Waiting for a turn ends too.
	for range cap(m.turns) {
		m.turns <- struct{}{}
	}
	defer func() {
		for range cap(m.turns) {
			<-m.turns
		}
	}()
	waiting, cancel := context.WithCancelCause(t.Context())
	done := make(chan error)
	go func() {
		_, err := m.Listen(waiting, tones(1, 2))
		done <- err
	}()
	cancel(gone)
	if err := <-done; !errors.Is(err, gone) {
		t.Errorf("Listen while it waits: %v", err)
	}
}

func TestCloseFreesAndReopens(t *testing.T) {
	lib := libraryPath(t)
	open := func() *Model {
		m, err := Open(Config{Dir: os.DirFS("testdata/tones"), Library: lib, Device: CPU})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for range 5 {
		a, b := open(), open()
		for _, m := range []*Model{a, a, b} { // twice is harmless
			if err := m.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := a.Listen(t.Context(), tones(1)); err == nil {
			t.Error("a closed model listens")
		}
	}
	if library.users != 0 {
		t.Errorf("the library still has %d users", library.users)
	}
}

func TestOpenRefuses(t *testing.T) {
	lib := libraryPath(t)
	tonesDir := func() fstest.MapFS {
		out := fstest.MapFS{}
		for _, name := range []string{"manifest.json", "acoustic.onnx", "judge.onnx", "g2p.onnx"} {
			b, err := os.ReadFile("testdata/tones/" + name)
			if err != nil {
				t.Fatal(err)
			}
			out[name] = &fstest.MapFile{Data: b}
		}
		return out
	}
	for _, tt := range []struct {
		name string
		dir  func() fs.FS
		want string
	}{
		{"no folder", func() fs.FS { return nil }, "no folder"},
		{"an empty folder", func() fs.FS { return fstest.MapFS{} }, "manifest.json"},
		{"a changed file", func() fs.FS {
			d := tonesDir()
			d["judge.onnx"].Data = append(d["judge.onnx"].Data, 0)
			return d
		}, "SHA-256"},
		{"a missing file", func() fs.FS {
			d := tonesDir()
			delete(d, "acoustic.onnx")
			return d
		}, "acoustic.onnx"},
		{"another format", func() fs.FS {
			d := tonesDir()
			d["manifest.json"].Data = bytes.Replace(d["manifest.json"].Data, []byte(`"format": 1`), []byte(`"format": 2`), 1)
			return d
		}, "format 2"},
		{"a graph of another size", func() fs.FS {
			d := tonesDir()
			d["manifest.json"].Data = bytes.Replace(d["manifest.json"].Data, []byte(`"hidden_size": 6`), []byte(`"hidden_size": 7`), 1)
			return d
		}, "want [1 T 9] and [1 T 7]"},
		{"a graph that takes other inputs", func() fs.FS {
			d := tonesDir()
			var m scorer.Manifest
			if err := json.Unmarshal(d["manifest.json"].Data, &m); err != nil {
				t.Fatal(err)
			}
			m.Files["acoustic"], m.Files["judge"] = m.Files["judge"], m.Files["acoustic"]
			var err error
			if d["manifest.json"].Data, err = json.Marshal(m); err != nil {
				t.Fatal(err)
			}
			return d
		}, "acoustic graph"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := Open(Config{Dir: tt.dir(), Library: lib, Device: CPU})
			if err == nil {
				err = m.Close()
				t.Fatal("opened", err)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q does not say %q", err, tt.want)
			}
		})
	}
	if library.users != 0 {
		t.Errorf("the library still has %d users", library.users)
	}
}

func TestOpenSaysHowToGetTheLibrary(t *testing.T) {
	notALibrary := filepath.Join(t.TempDir(), "libonnxruntime.so")
	if err := os.WriteFile(notALibrary, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/nowhere/libonnxruntime.so", notALibrary} {
		_, err := Open(Config{Dir: os.DirFS("testdata/tones"), Library: path})
		if !errors.Is(err, ErrNoLibrary) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "make runtime") {
			t.Errorf("error is %v", err)
		}
		if _, err := Probe(path, Auto); !errors.Is(err, ErrNoLibrary) {
			t.Errorf("Probe: %v", err)
		}
	}
}

func TestCPUDoesWhereCUDAIsMissing(t *testing.T) {
	lib := libraryPath(t)
	probe, err := Probe(lib, CUDA)
	if err != nil {
		t.Fatal(err)
	}
	if probe.Device == CUDA {
		t.Skip("there is a CUDA device")
	}
	var log bytes.Buffer
	m, err := Open(Config{Dir: os.DirFS("testdata/tones"), Library: lib, Device: CUDA, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if i := m.Info(); i.Device != CPU || i.Fallback == "" || i.Library != lib || i.Version == "" {
		t.Errorf("info %+v", i)
	}
	if !strings.Contains(log.String(), "CUDA was asked for") {
		t.Errorf("log %q", log.String())
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestProbe(t *testing.T) {
	lib := libraryPath(t)
	i, err := Probe(lib, CPU)
	if err != nil {
		t.Fatal(err)
	}
	if i.Library != lib || !strings.HasPrefix(i.Version, "1.") || i.Providers[0] != CPU || i.Device != CPU || i.Fallback != "" {
		t.Errorf("info %+v", i)
	}
}

func TestParseDevice(t *testing.T) {
	for in, want := range map[string]Device{"": Auto, "auto": Auto, "cpu": CPU, "cuda": CUDA} {
		if got, err := ParseDevice(in); err != nil || got != want {
			t.Errorf("%q is %v, %v", in, got, err)
		}
	}
	if _, err := ParseDevice("gpu"); err == nil {
		t.Error("gpu is a device")
	}
}
