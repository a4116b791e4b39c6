package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestReadSentences(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     map[string]string
		err      string
	}{
		{name: "lines", in: "\ufeffa.ogg\t Hello there. \r\n\n# a comment\nb c.ogg\tTab\tin it", want: map[string]string{"a.ogg": "Hello there.", "b c.ogg": "Tab\tin it"}},
		{name: "empty", in: "", want: map[string]string{}},
		{name: "no tab", in: "a.ogg\tx\nb.ogg Hello", err: "line 2 has no tab"},
		{name: "twice", in: "a\tx\na\ty", err: "line 2 names the recording of an earlier line"},
		{name: "a line without end", in: strings.Repeat("x", 1<<20), err: "too long"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := readSentences(strings.NewReader(tt.in))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want %q", err, tt.err)
				}
				return
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestJobs(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	note, other := filepath.Join(dir, "note.ogg"), filepath.Join(dir, "other.wav")
	file("note.txt", "Beside it.\n")
	list := file("list.tsv", "note.ogg\tBy its name.\n"+other+"\tBy its path.\n")
	for _, tt := range []struct {
		name string
		cmd  assessCmd
		want []job
		err  string
	}{
		{name: "one sentence for all", cmd: assessCmd{Recordings: []string{note, "-"}, Text: "Hello"}, want: []job{{note, "Hello"}, {"-", "Hello"}}},
		{name: "beside", cmd: assessCmd{Recordings: []string{note}}, want: []job{{note, "Beside it."}}},
		{name: "listed", cmd: assessCmd{Recordings: []string{other, note}, TextFile: list}, want: []job{{other, "By its path."}, {note, "By its name."}}},
		{name: "listed goes before beside", cmd: assessCmd{Recordings: []string{filepath.Join(dir, "x", "note.ogg")}, TextFile: list}, want: []job{{filepath.Join(dir, "x", "note.ogg"), "By its name."}}},
		{name: "none", cmd: assessCmd{Recordings: []string{other}}, err: "other.wav: no sentence"},
		{name: "a list that is missing", cmd: assessCmd{Recordings: []string{note}, TextFile: filepath.Join(dir, "none")}, err: "none: no such file or directory"},
		{name: "a list with a fault", cmd: assessCmd{Recordings: []string{note}, TextFile: filepath.Join(dir, "note.txt")}, err: "note.txt: line 1 has no tab"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.cmd.jobs()
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want %q", err, tt.err)
				}
				return
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(job{})); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestAssessAllKeepsOrderAndBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var jobs []job
		for i := range 20 {
			jobs = append(jobs, job{path: fmt.Sprint(i)})
		}
		var running, most atomic.Int32
		do := func(ctx context.Context, j job) (record, error) {
			n := running.Add(1)
			defer running.Add(-1)
			most.Store(max(most.Load(), n))
			time.Sleep(time.Duration(len(jobs)-len(j.path)*7) * time.Millisecond) // later ones are faster
			if j.path == "7" {
				return record{}, errors.New("seven")
			}
			return record{File: j.path}, nil
		}
		var got []string
		for i, res := range assessAll(t.Context(), jobs, 3, do) {
			if res.err != nil {
				got = append(got, fmt.Sprintf("%d:%v", i, res.err))
				continue
			}
			got = append(got, res.record.File)
		}
		want := strings.Fields("0 1 2 3 4 5 6 7:seven 8 9 10 11 12 13 14 15 16 17 18 19")
		if !slices.Equal(got, want) {
			t.Errorf("results %v", got)
		}
		if most.Load() != 3 {
			t.Errorf("%d at once, want 3", most.Load())
		}
	})
}

func TestAssessAllStopsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		started := 0
		results := 0
		for _, res := range assessAll(ctx, make([]job, 100), 1, func(ctx context.Context, _ job) (record, error) {
			if started++; started == 3 {
				cancel()
			}
			return record{}, ctx.Err()
		}) {
			if res.err != nil {
				break
			}
			results++
		}
		if results > 2 || started > 4 {
			t.Errorf("%d results, %d started", results, started)
		}
	})
}
