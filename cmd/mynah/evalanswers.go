package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
	"github.com/mynah-coach/mynah/rationale"
)

// askedFor is a line of --requests: what an endpoint is asked for one utterance,
// the plain realiser having explained those before it, and what that would say.
type askedFor struct {
	ID     string            `json:"id"`
	System string            `json:"system"`
	User   string            `json:"user"`
	Schema json.RawMessage   `json:"schema"` // of the answer
	Claims []coach.Claim     `json:"claims"`
	Words  []string          `json:"words"`
	Plain  []prompts.Segment `json:"plain"`
}

func writeRequests(ctx context.Context, path string, learners []speaker) (err error) {
	lessons, err := plainLessons(ctx, learners)
	if err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriter(f)
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	for _, l := range learners {
		for _, n := range l.notes {
			earlier := lessons[n.expert.ID]
			claims := prompts.Choose(n.now, earlier)
			if err := lines.Encode(askedFor{
				n.expert.ID, prompts.System(), prompts.User(claims, n.now, earlier, false, nil), prompts.Schema(claims), claims, texted(n.now),
				prompts.Segments(claims, n.now, earlier),
			}); err != nil {
				return err
			}
		}
	}
	return w.Flush()
}

// plainLessons is, for each utterance by its ID, its speaker's lessons before it,
// newest first, as the plain realiser explains them.
func plainLessons(ctx context.Context, learners []speaker) (map[string][]coach.Lesson, error) {
	out := map[string][]coach.Lesson{}
	for _, l := range learners {
		var earlier []coach.Lesson
		for _, n := range l.notes {
			out[n.expert.ID] = earlier
			why, err := rationale.Plain{}.Explain(ctx, n.now, earlier)
			if err != nil {
				return nil, err
			}
			earlier = before(n.lesson(why), earlier)
		}
	}
	return out, nil
}

// answered explains with answers that were made elsewhere, held to the same
// rules as an endpoint's, without a second try.
type answered struct {
	first    map[answeredNote]firstAnswer
	whole    map[string]bool // whether the first answer broke no rule at all, by the utterance's ID
	verified []verifiedAnswer
}

// answeredNote tells a note by its labels and by the note before it, "" for a
// learner's first.
type answeredNote struct {
	labels string
	after  coach.NoteID
}

func newAnsweredNote(now coach.Assessment, earlier []coach.Lesson) answeredNote {
	n := answeredNote{labels: prompts.User(prompts.Choose(now, nil), now, nil, false, nil)}
	if len(earlier) > 0 {
		n.after = earlier[0].Note
	}
	return n
}

// firstAnswer is a note's first answer, and the lessons that it was asked with.
type firstAnswer struct {
	text    string
	earlier []coach.Lesson
}

// verifiedAnswer is what became of one answer, in the file's order.
type verifiedAnswer struct {
	ID     string           `json:"id"`
	Answer string           `json:"answer"`
	Whole  bool             `json:"whole"` // it makes every claim, and breaks no rule
	Broken []rationale.Rule `json:"broken,omitempty"`
}

// readAnswers reads --answers; an utterance without one gets the plain words.
func readAnswers(ctx context.Context, path string, learners []speaker) (*answered, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	lessons, err := plainLessons(ctx, learners)
	if err != nil {
		return nil, err
	}
	notes := map[string]coach.Assessment{}
	for _, l := range learners {
		for _, n := range l.notes {
			notes[n.expert.ID] = n.now
		}
	}
	out := &answered{first: map[answeredNote]firstAnswer{}, whole: map[string]bool{}}
	n := 0
	for line := range bytes.Lines(b) {
		n++
		var one verifiedAnswer
		if err := json.Unmarshal(line, &one); err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", path, n, err)
		}
		now, ok := notes[one.ID]
		if !ok {
			continue
		}
		earlier := lessons[one.ID]
		_, one.Whole, one.Broken, _ = rationale.Worded(one.Answer, now, earlier)
		out.verified = append(out.verified, one)
		if _, ok := out.whole[one.ID]; !ok {
			out.whole[one.ID] = one.Whole
			out.first[newAnsweredNote(now, earlier)] = firstAnswer{one.Answer, earlier}
		}
	}
	if len(out.whole) == 0 {
		return nil, fmt.Errorf("%s answers none of the utterances", path)
	}
	return out, nil
}

// save writes what became of each answer.
func (x *answered) save(dir string) error {
	var b bytes.Buffer
	lines := json.NewEncoder(&b)
	lines.SetEscapeHTML(false)
	for _, v := range x.verified {
		if err := lines.Encode(v); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "verified.jsonl"), b.Bytes(), 0o600)
}

// Explain implements coach.Explainer. What the earlier lessons were told is not
// looked at: an answer is held to the lessons that it was asked with.
func (x *answered) Explain(ctx context.Context, now coach.Assessment, earlier []coach.Lesson) (coach.Rationale, error) {
	if given, ok := x.first[newAnsweredNote(now, earlier)]; ok {
		if why, _, _, err := rationale.Worded(given.text, now, given.earlier); err == nil {
			return why, nil
		}
	}
	return rationale.Plain{}.Explain(ctx, now, earlier)
}

// firstTry is how many of the utterances' answers broke no rule at all.
func (x *answered) firstTry(learners []speaker) *share {
	per := make([]count, len(learners))
	for k, l := range learners {
		for _, n := range l.notes {
			if whole, ok := x.whole[n.expert.ID]; ok {
				per[k].add(whole)
			}
		}
	}
	s := newShare(per)
	return &s
}
