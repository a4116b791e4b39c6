package bots

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
)

// trendNotes is of how many of the latest notes progress and practice are made.
const trendNotes = 20

func (d *Desk) trend(ctx context.Context, learner coach.LearnerID) (prompts.Trend, error) {
	lessons, err := d.history.Earlier(ctx, learner, trendNotes)
	return prompts.TrendOf(lessons, trendNotes), err
}

// practise gives a sentence to read aloud, and keeps it as the open prompt.
func (d *Desk) practise(ctx context.Context, c coach.Command) (coach.Answer, error) {
	level, sound := strings.ToLower(c.Values[valueLevel]), coach.Phoneme(strings.ToUpper(c.Values[valueSound]))
	if _, known := prompts.SoundOf(sound); level != "" && !isOption(prompts.Levels(), level) || sound != "" && !known {
		return say(prompts.NoSuchPractice()), nil
	}
	r, err := d.learner(ctx, c.Learner)
	if err != nil {
		return coach.Answer{}, err
	}
	t, err := d.trend(ctx, c.Learner)
	if err != nil {
		return coach.Answer{}, err
	}
	weights := t.Weights()
	if sound != "" {
		weights = map[coach.Phoneme]float64{sound: 1}
	}
	hard := level
	for _, l := range []string{r.Level, t.Level()} {
		if hard == "" {
			hard = l
		}
	}
	s := prompts.Pick(hard, weights, func(text string) bool { return slices.Contains(r.Recent, hashed(text)[:recentHash]) }, rand.Uint64())
	a, err := d.open(ctx, c, s.Text, promptOpen)
	if err != nil {
		return coach.Answer{}, err
	}
	a.Sections = prompts.Practice(s, wanted(weights), sound == "")
	another := button(prompts.ButtonAnother, coach.ActPractice)
	switch {
	case sound != "":
		another.Name, another.Value = valueSound, strings.ToLower(string(sound))
	case level != "":
		another.Name, another.Value = valueLevel, level
	}
	a.Buttons = append(a.Buttons, another)
	return a, nil
}

// recentHash is how much of a sentence's hash tells it from the other ones.
const recentHash = 8

// wanted lists what has a weight, the heaviest first.
func wanted(weights map[coach.Phoneme]float64) []coach.Phoneme {
	return slices.SortedFunc(maps.Keys(weights), func(p, q coach.Phoneme) int {
		switch x, y := weights[p], weights[q]; {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return strings.Compare(string(p), string(q))
	})
}

// open makes a sentence the asker's open prompt, and the answer that shows it.
func (d *Desk) open(ctx context.Context, c coach.Command, sentence string, last time.Duration) (coach.Answer, error) {
	rules, err := d.Rules(ctx, c.Place)
	if err != nil {
		return coach.Answer{}, err
	}
	r, err := d.changeAsker(ctx, c, func(r *record) error {
		r.open(sentence, last)
		return nil
	})
	a := coach.Answer{Public: !r.private(rules), Sentence: sentence}
	if d.Voice != nil {
		a.Buttons = []coach.Button{button(prompts.ButtonHear, coach.ActHear)}
	}
	return a, err
}

// open makes a sentence the open prompt.
func (r *record) open(sentence string, last time.Duration) {
	r.Prompt = &prompt{Sentence: sentence, Until: time.Now().Add(last)}
	h := hashed(sentence)[:recentHash]
	r.Recent = append(slices.DeleteFunc(r.Recent, func(o string) bool { return o == h }), h)
	r.Recent = r.Recent[max(0, len(r.Recent)-mostRecent):]
}

// again gives another try at the sentence of a note.
func (d *Desk) again(ctx context.Context, c coach.Command) (coach.Answer, error) {
	l, refused, err := d.lesson(ctx, c)
	if err != nil || refused != "" {
		return say(refused), err
	}
	a, err := d.open(ctx, c, l.Assessment.Text, promptOpen)
	a.Sections = prompts.Again(l.Assessment.Text)
	return a, err
}

// hear speaks the sentence of a note, or of the open prompt, in the model voice.
func (d *Desk) hear(ctx context.Context, c coach.Command) (coach.Answer, error) {
	if d.Voice == nil {
		return say(prompts.NoVoice()), nil
	}
	var sentence string
	if c.Note != "" {
		l, refused, err := d.lesson(ctx, c)
		if err != nil || refused != "" {
			return say(refused), err
		}
		sentence = l.Assessment.Text
	} else {
		var err error
		if sentence, err = d.Prompt(ctx, c.Learner); err != nil {
			return coach.Answer{}, err
		}
		if sentence == "" {
			return say(prompts.NothingYet()), nil
		}
	}
	f, err := d.Voice.Speak(ctx, sentence)
	if err != nil {
		if ctx.Err() != nil {
			return coach.Answer{}, errors.Join(err, ctx.Err())
		}
		d.log().Warn("the model voice does not speak", "error", err)
		return say(prompts.NoVoice()), nil
	}
	a := say(prompts.Hear(sentence))
	a.Files = []coach.File{f}
	return a, nil
}

// lesson returns the lesson of a command's note, or why the asker can't have
// it: it is looked for among their own alone.
func (d *Desk) lesson(ctx context.Context, c coach.Command) (l coach.Lesson, refused string, err error) {
	lessons, err := d.history.Earlier(ctx, c.Learner, -1)
	if err != nil {
		return l, "", err
	}
	at := slices.IndexFunc(lessons, func(l coach.Lesson) bool { return l.Note == c.Note })
	if at < 0 {
		return l, prompts.NoteGone(), nil
	}
	return lessons[at], "", nil
}

// isOption reports whether a value is one of the options'.
func isOption(options []coach.Option, value string) bool {
	return slices.ContainsFunc(options, func(o coach.Option) bool { return o.Value == value })
}
