package ort

import (
	"bufio"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mynah-coach/mynah/scorer"
	"github.com/mynah-coach/mynah/scorer/model"
)

// openShipped opens the model that mynah ships.
func openShipped(tb testing.TB) *Model {
	tb.Helper()
	m, err := Open(Config{Dir: model.Files(), Library: libraryPath(tb), Device: CPU})
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

// noise is something to listen to.
func noise(seconds float64) []float32 {
	r := rand.New(rand.NewPCG(1, 1))
	out := make([]float32, int(seconds*16000))
	for i := range out {
		out[i] = float32(.1 * r.NormFloat64())
	}
	return out
}

// oneWord is a word of two phones somewhere in the frames.
func oneWord(f scorer.Frames) []scorer.AlignedPhone {
	return []scorer.AlignedPhone{{Class: 3, First: f.T / 3, Last: f.T / 3}, {Class: 5, First: f.T / 2, Last: f.T/2 + 1}}
}

func TestShippedModelTakesEveryLength(t *testing.T) {
	m := openShipped(t)
	man := m.Manifest()
	for _, seconds := range []float64{man.MinSeconds, man.MinSeconds + .0131, 1, 1.2345, 7.77, man.MaxSeconds} {
		samples := noise(seconds)
		f, err := m.Listen(t.Context(), samples)
		if err != nil {
			t.Fatalf("%v s: %v", seconds, err)
		}
		if want := len(samples) / 320; f.T < want || f.T > want+1 {
			t.Errorf("%v s: %d frames, want %d or one more", seconds, f.T, want)
		}
		if _, err := m.Judge(t.Context(), f, oneWord(f)); err != nil {
			t.Errorf("%v s: %v", seconds, err)
		}
	}
}

func TestARunStopsWithItsContext(t *testing.T) {
	m := openShipped(t)
	samples := noise(12)
	started := time.Now()
	if _, err := m.Listen(t.Context(), samples); err != nil {
		t.Fatal(err)
	}
	whole := time.Since(started)
	ctx, cancel := context.WithTimeout(t.Context(), whole/10)
	defer cancel()
	started = time.Now()
	_, err := m.Listen(ctx, samples)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("error %v, want the deadline", err)
	}
	if took := time.Since(started); took > whole*3/4 {
		t.Errorf("stopped after %v of %v", took, whole)
	}
}

// TestMemoryStaysFlat runs the graphs over many lengths, two at a time: memory
// must not grow with the lengths seen.
func TestMemoryStaysFlat(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	// Forget the peak of the tests before (proc(5): clear_refs).
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o200); err != nil {
		t.Skip(err)
	}
	m := openShipped(t)
	r := rand.New(rand.NewPCG(5, 5))
	lengths := make(chan float64)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for seconds := range lengths {
				f, err := m.Listen(t.Context(), noise(seconds))
				if err == nil {
					_, err = m.Judge(t.Context(), f, oneWord(f))
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	const runs = 200
	var early, late int64
	for i := range runs {
		seconds := .3 + 2*r.Float64()
		if i%20 == 0 {
			seconds = 12 // the most that the scorer asks for
		}
		lengths <- seconds
		switch i {
		case runs / 3:
			early = memory(t, "VmRSS")
		case runs - 1:
			late = memory(t, "VmRSS")
		}
	}
	close(lengths)
	wg.Wait()
	peak := memory(t, "VmHWM")
	t.Logf("memory after a third of the runs %d MB, after all %d MB, peak %d MB", early>>20, late>>20, peak>>20)
	if late > early+32<<20 {
		t.Errorf("memory grew from %d to %d MB", early>>20, late>>20)
	}
	if !underRace && peak > 400<<20 {
		t.Errorf("peak of %d MB", peak>>20)
	}
}

func TestCloseGivesMemoryBack(t *testing.T) {
	lib := libraryPath(t)
	var first int64
	for i := range 4 {
		m, err := Open(Config{Dir: model.Files(), Library: lib, Device: CPU})
		if err != nil {
			t.Fatal(err)
		}
		open := memory(t, "RssAnon")
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		closed := memory(t, "RssAnon")
		if closed > open-60<<20 {
			t.Errorf("open %d MB, closed %d MB: the weights alone are 80 MB", open>>20, closed>>20)
		}
		if i == 0 {
			first = closed
		} else if closed > first+50<<20 {
			t.Errorf("after closing %d times %d MB are left, after the first %d MB", i+1, closed>>20, first>>20)
		}
	}
}

// memory reads a line of /proc/self/status, in bytes.
func memory(t *testing.T, field string) int64 {
	t.Helper()
	f, err := os.Open("/proc/self/status")
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), field+":"); ok {
			kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kb << 10
		}
	}
	t.Fatalf("no %s in /proc/self/status", field)
	return 0
}

func BenchmarkListen(b *testing.B) {
	m := openShipped(b)
	for _, seconds := range []float64{3, 6, 12} {
		b.Run(strconv.FormatFloat(seconds, 'f', -1, 64)+"s", func(b *testing.B) {
			samples := noise(seconds)
			for b.Loop() {
				if _, err := m.Listen(b.Context(), samples); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/seconds, "RTF")
		})
	}
}
