package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/scorer"
)

// benchNotes are recordings of 3, 10 and 30 seconds. The last is one read three
// times: Ogg streams one after another are a recording too.
func benchNotes(b *testing.B) []struct {
	name, text string
	ogg        []byte
} {
	long := recording(b, longNote)
	return []struct {
		name, text string
		ogg        []byte
	}{
		{"3s", childText, recording(b, childNote)},
		{"10s", longText, long},
		{"30s", strings.Repeat(longText+". ", 3), bytes.Repeat(long, 3)},
	}
}

// BenchmarkNote takes a recording through all that one note costs, stage by
// stage, in milliseconds. "rest/model" is everything but the two model runs over
// those; "MiB" the peak of this process, "child-MiB" that of any decoding child.
func BenchmarkNote(b *testing.B) {
	needModel(b)
	p := newProgram(b)
	cfg, err := (&run{Main: p.Main, cli: &cli{}}).config()
	if err != nil {
		b.Fatal(err)
	}
	var mu sync.Mutex
	var spent map[string]time.Duration
	e, err := p.openEngine(cfg, slog.New(slog.DiscardHandler), func(s scorer.Stage, d time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		spent[string(s)] += d
	})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	for _, note := range benchNotes(b) {
		b.Run(note.name, func(b *testing.B) {
			spent = make(map[string]time.Duration)
			resetPeak(b)
			for b.Loop() {
				start := time.Now()
				sound, err := e.decoder.Decode(b.Context(), bytes.NewReader(note.ogg))
				if err != nil {
					b.Fatal(err)
				}
				spent["decode"] += time.Since(start)
				a, err := e.scorer.Score(b.Context(), coach.Utterance{Audio: sound, Text: note.text})
				if err != nil {
					b.Fatal(err)
				}
				start = time.Now()
				if _, err := e.explainer.Explain(b.Context(), a, nil); err != nil {
					b.Fatal(err)
				}
				spent["explain"] += time.Since(start)
			}
			model := spent[string(scorer.StageListen)] + spent[string(scorer.StageJudge)]
			var all time.Duration
			for _, stage := range slices.Sorted(maps.Keys(spent)) {
				all += spent[stage]
				b.ReportMetric(float64(spent[stage].Microseconds())/1e3/float64(b.N), stage+"-ms")
			}
			b.ReportMetric(float64(all-model)/float64(model), "rest/model")
			b.ReportMetric(peak(b), "MiB")
		})
	}
}

// BenchmarkAcceptedToReply is the time from a five second note's acknowledgement
// until its plain reply can be read, with everything real.
func BenchmarkAcceptedToReply(b *testing.B) {
	needModel(b)
	s := serve(b, newProgram(b, "--set", "limits.per_minute=0", "--set", "limits.per_day=0"))
	me := newLearner(b, s.url)
	ogg := recording(b, clearNote)
	var times []time.Duration
	resetPeak(b)
	for b.Loop() {
		note, err := me.send(b.Context(), uuid.New(), clearText, ogg)
		if err != nil {
			b.Fatal(err)
		}
		accepted := time.Now()
		if _, err := me.reply(b.Context(), note); err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(accepted))
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Milliseconds()), "p50-ms")
	b.ReportMetric(float64(times[len(times)*95/100].Milliseconds()), "p95-ms")
	b.ReportMetric(peak(b), "MiB")
}

// BenchmarkFiveHundredNotes sends 500 notes at once and waits for every reply:
// none lost, none posted twice.
func BenchmarkFiveHundredNotes(b *testing.B) {
	needModel(b)
	const notes = 500
	addr := freeAddr(b)
	s := serve(b, newProgram(b, "--set", "limits.per_minute=0", "--set", "limits.per_day=0", "--set", "metrics.addr="+addr))
	me := newLearner(b, s.url)
	ogg := recording(b, childNote)
	resetPeak(b)
	sent := 0
	for b.Loop() {
		ids := make(chan coach.NoteID, notes)
		var senders sync.WaitGroup
		for range 10 {
			senders.Go(func() {
				for range notes / 10 {
					id, err := me.send(b.Context(), uuid.New(), childText, ogg)
					if err != nil {
						b.Error(err)
						return
					}
					ids <- id
				}
			})
		}
		senders.Wait()
		close(ids)
		sent += len(ids)
		for id := range ids {
			ctx, cancel := context.WithTimeout(b.Context(), 10*time.Minute)
			reply, err := me.reply(ctx, id)
			cancel()
			if err != nil || reply.Note != id {
				b.Fatalf("lost %s: %v", id, err)
			}
		}
	}
	_, body, err := (&learner{http.DefaultClient, "http://" + addr}).do(b.Context(), http.MethodGet, "/metrics", "", nil)
	if err != nil {
		b.Fatal(err)
	}
	if want := fmt.Sprintf(`mynah_step_seconds_count{platform="playground",result="done",step="post"} %d`, sent); !strings.Contains(string(body), want+"\n") {
		b.Errorf("posted other than %d times", sent)
	}
	b.ReportMetric(float64(sent)/b.Elapsed().Seconds(), "notes/s")
	b.ReportMetric(peak(b), "MiB")
}

// resetPeak lets the process's peak of memory begin anew.
func resetPeak(b *testing.B) {
	b.Helper()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		b.Logf("the peak of memory counts from the start: %v", err)
	}
}

// peak is the most memory that the process held since resetPeak, in MiB.
func peak(b *testing.B) float64 {
	b.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	kib, _, _ := strings.Cut(strings.TrimSpace(after), " ")
	n, err := strconv.Atoi(kib)
	if err != nil {
		b.Fatal(err)
	}
	return float64(n) / 1024
}
