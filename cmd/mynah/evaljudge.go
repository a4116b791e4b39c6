package main

import (
	"cmp"
	"context"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/rationale"
)

// judgeFigures are what a language model read in the replies, by name: "answered"
// of all replies; of what it read, "sentence" and "word" as labelled; and of speech
// that experts put below 5, "poor praised" and "poor mixed" as a whole.
type judgeFigures map[string]share

// judgeAll has every reply read back by the judge. One that gets no answer is
// counted, and left out of the rest.
func judgeAll(ctx context.Context, r *run, parallel int, judge *rationale.Endpoint, learners []speaker) (*judgeFigures, error) {
	n := 0
	for _, l := range learners {
		n += len(l.notes)
	}
	bar := r.progress(n)
	t := &tally{speakers: len(learners), of: map[string][]count{}}
	var mu sync.Mutex
	work, working := errgroup.WithContext(ctx)
	work.SetLimit(parallel)
	for k, l := range learners {
		for _, note := range l.notes {
			work.Go(func() error {
				read, err := judge.Judge(working, texted(note.now), note.rationale.Text)
				if working.Err() != nil {
					return working.Err()
				}
				mu.Lock()
				defer mu.Unlock()
				if t.add("answered", k, err == nil); err == nil {
					note.judged(t, k, read)
				}
				// A bar that can't be drawn is no reason to stop.
				_ = bar.Add(1)
				return nil
			})
		}
	}
	err := cmp.Or(work.Wait(), ctx.Err())
	_ = bar.Clear()
	if err != nil {
		return nil, err
	}
	out := judgeFigures{}
	for name := range t.of {
		out[name] = t.share(name)
	}
	return &out, nil
}

// judged holds what the judge read against the labels that were explained.
func (n speakerNote) judged(t *tally, speaker int, read rationale.Judged) {
	for aspect, v := range read.Aspects {
		if j := n.now.Sentence.Of(aspect); j.Scored() && (v == rationale.VerdictGood || v == rationale.VerdictPoor) {
			t.add("sentence", speaker, j.Label.Clear() == (v == rationale.VerdictGood))
		}
	}
	for _, w := range read.Words {
		t.add("word", speaker, wordHasVerdict(n.now, w))
	}
	if n.expert.Scores[coach.Accuracy] < 5 {
		t.add("poor praised", speaker, read.Overall == rationale.VerdictGood)
		t.add("poor mixed", speaker, read.Overall == rationale.VerdictMixed)
	}
}

// wordHasVerdict reports that a word of that spelling, or a sound in it, has a
// label for what was read.
func wordHasVerdict(a coach.Assessment, read rationale.JudgedWord) bool {
	good := read.Verdict == rationale.VerdictGood
	for _, w := range a.Words {
		if !strings.EqualFold(w.Text, read.Word) {
			continue
		}
		if !w.Spoken && !good || w.Accuracy.Scored() && w.Accuracy.Label.Clear() == good || w.Stress.Scored() && w.Stress.Label.Clear() == good {
			return true
		}
		for _, p := range w.Phones {
			if p.Accuracy.Scored() && p.Accuracy.Label.Clear() == good {
				return true
			}
		}
	}
	return false
}
