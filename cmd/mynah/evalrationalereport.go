package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/internal/agreement"
	"github.com/mynah-coach/mynah/internal/reader"
	"github.com/mynah-coach/mynah/prompts"
)

const rationaleSchema = "mynah.eval.rationale/1"

// rationaleReport is what an evaluation of replies found.
type rationaleReport struct {
	Schema     string                      `json:"schema"`
	Model      string                      `json:"model"` // whose labels were explained
	From       string                      `json:"from"`
	Utterances int                         `json:"utterances"`
	Speakers   int                         `json:"speakers"`
	Refused    int                         `json:"refused"`
	Explainers map[string]rationaleFigures `json:"explainers"`
}

// count is hits out of so many.
type count struct{ hits, of int }

func (c *count) add(hit bool) {
	c.of++
	if hit {
		c.hits++
	}
}

// share is a part of so many, with its interval over resampled speakers.
type share struct {
	Part float64    `json:"part"`
	Of   int        `json:"of"`
	CI95 [2]float64 `json:"ci95"`
}

func newShare(perSpeaker []count) share {
	part := func(draw []int) float64 {
		var sum count
		for _, i := range draw {
			sum.hits += perSpeaker[i].hits
			sum.of += perSpeaker[i].of
		}
		return float64(sum.hits) / float64(sum.of)
	}
	all := make([]int, len(perSpeaker))
	s := share{}
	for i, c := range perSpeaker {
		all[i] = i
		s.Of += c.of
	}
	if s.Of == 0 {
		return s
	}
	s.Part = part(all)
	s.CI95[0], s.CI95[1] = agreement.Bootstrap(len(perSpeaker), 500, part)
	return s
}

// rationaleFigures are what the replies of one explainer said, as reader read
// them.
type rationaleFigures struct {
	Rationales share            `json:"rationales"`         // utterances that have one
	Worded     share            `json:"worded"`             // by the endpoint or an answer, not plainly
	FirstTry   *share           `json:"first_try"`          // answers that broke no rule
	Agreement  map[string]share `json:"agreement"`          // claims that the labels bear out, by level
	ReadBack   share            `json:"read_back"`          // claims made that were read again in the text
	Unread     int              `json:"unread"`             // sentences that judge what could not be told
	Precision  map[string]share `json:"precision"`          // of fixes, by level: as experts say
	Unsure     map[string]share `json:"precision_not_sure"` // of those said to be not sure
	Praise     map[string]share `json:"praise"`             // of praise, by level: as experts say
	Polish     share            `json:"polish"`             // sounds said to be the least clear, without blame: experts put them below 2
	WorstNamed share            `json:"worst_sound_named"`  // utterances with a sound that experts put below .5: it, or its word, is named
	FlawNamed  share            `json:"flaw_named"`         // likewise, any sound below 1.5 or word below 8
	PoorPraise share            `json:"poor_praised"`       // utterances that experts put below 5: praised, with nothing to work on, nothing to polish, and no doubt
	PoorMixed  share            `json:"poor_mixed"`         // of these, praised as a whole beside it
	PoorDoubt  share            `json:"poor_doubted"`       // of these, with nothing to work on, but said to be in doubt
	PoorPolish share            `json:"poor_polished"`      // of these, with nothing to work on but a sound to polish
	GoodBlamed share            `json:"good_blamed"`        // utterances that experts put at 9 or more: something plainly to work on that experts found fine
	GoodDoubt  share            `json:"good_doubted"`       // of these, said to be in doubt
	Judge      *judgeFigures    `json:"judge"`              // what a language model read
	Words      figureSpread     `json:"words"`
	Grade      figureSpread     `json:"grade"`    // Flesch-Kincaid
	Texts      share            `json:"texts"`    // different texts of a learner's notes
	Openings   share            `json:"openings"` // different first three words
	Sentences  share            `json:"sentences"`

	odd []oddReply
}

// oddReply is what of a reply was not understood, not borne out, or not found.
type oddReply struct {
	ID   string   `json:"id"`
	Text string   `json:"text"`
	Odd  []string `json:"odd"`
}

type figureSpread struct {
	Mean float64 `json:"mean"`
	Max  float64 `json:"max"`
}

func spread(xs []float64) figureSpread {
	s := figureSpread{}
	for _, x := range xs {
		s.Mean += x / float64(len(xs))
		s.Max = max(s.Max, x)
	}
	return s
}

// tally holds counts by name and speaker.
type tally struct {
	speakers int
	of       map[string][]count
}

func (t *tally) add(name string, speaker int, hit bool) {
	if t.of[name] == nil {
		t.of[name] = make([]count, t.speakers)
	}
	t.of[name][speaker].add(hit)
}

// share of a name, 0 of 0 where nothing was counted.
func (t *tally) share(name string) share { return newShare(t.of[name]) }

// shares of all names that begin alike, by what follows.
func (t *tally) shares(prefix string) map[string]share {
	out := map[string]share{}
	for name := range t.of {
		if rest, ok := strings.CutPrefix(name, prefix+" "); ok {
			out[rest] = t.share(name)
		}
	}
	return out
}

func newRationaleFigures(learners []speaker) rationaleFigures {
	t := &tally{speakers: len(learners), of: map[string][]count{}}
	var words, grades []float64
	f := rationaleFigures{}
	for k, l := range learners {
		var texts, openings, sentences []string
		for _, n := range l.notes {
			text := n.rationale.Text
			read := reader.Read(text, texted(n.now))
			f.Unread += len(read.Unread)
			t.add("rationale", k, text != "" && len(n.rationale.Claims) > 0)
			t.add("worded", k, n.rationale.Source == coach.SourceEndpoint)
			if odd := append(n.agree(t, k, read), read.Unread...); len(odd) > 0 {
				f.odd = append(f.odd, oddReply{n.expert.ID, text, odd})
			}
			n.judge(t, k, read)
			words = append(words, float64(prompts.Words(text)))
			grades = append(grades, grade(text))
			texts = append(texts, normal(text))
			openings = append(openings, strings.Join(strings.Fields(normal(text))[:min(3, len(strings.Fields(text)))], " "))
			for s := range strings.SplitSeq(normal(text), ". ") {
				sentences = append(sentences, s)
			}
		}
		for name, all := range map[string][]string{"texts": texts, "openings": openings, "sentences": sentences} {
			t.of[name] = append(t.of[name], count{distinct(all), len(all)})
		}
	}
	f.Rationales, f.Worded = t.share("rationale"), t.share("worded")
	f.Agreement, f.ReadBack = t.shares("agree"), t.share("read back")
	f.Precision, f.Unsure, f.Praise = t.shares("fix"), t.shares("unsure"), t.shares("praise")
	f.WorstNamed, f.FlawNamed = t.share("worst named"), t.share("flaw named")
	f.Polish = t.share("polish")
	f.PoorPraise, f.PoorMixed = t.share("poor praised"), t.share("poor mixed")
	f.PoorDoubt, f.PoorPolish = t.share("poor doubted"), t.share("poor polished")
	f.GoodBlamed, f.GoodDoubt = t.share("good blamed"), t.share("good doubted")
	f.Words, f.Grade = spread(words), spread(grades)
	f.Texts, f.Openings, f.Sentences = t.share("texts"), t.share("openings"), t.share("sentences")
	return f
}

func texted(a coach.Assessment) []string {
	out := make([]string, len(a.Words))
	for i, w := range a.Words {
		out[i] = w.Text
	}
	return out
}

// agree holds what was read against the labels that were explained, and what was
// claimed against what was read, and returns what doesn't fit.
func (n speakerNote) agree(t *tally, speaker int, read reader.Reading) (odd []string) {
	for _, c := range read.Claims {
		holds := bearsOut(n.now, c)
		t.add("agree "+string(c.Level), speaker, holds)
		t.add("agree all", speaker, holds)
		if !holds {
			odd = append(odd, fmt.Sprintf("not as labelled: %+v", c))
		}
	}
	for _, c := range n.rationale.Claims {
		doubt := c.Kind == coach.ClaimNext && c.Aspect != ""
		polish := c.Kind == coach.ClaimNext && c.Phone != nil
		if c.Kind == coach.ClaimCue || c.Kind == coach.ClaimNext && !doubt && !polish {
			continue
		}
		found := slices.ContainsFunc(read.Claims, func(r reader.Claim) bool {
			switch {
			case doubt || r.Doubt:
				return doubt && r.Doubt
			case polish || r.Least:
				return polish && r.Least && r.Word == *c.Word && r.Sound == string(c.Expected)
			case r.Good == prompts.IsFix(c):
				return false
			case c.Phone != nil:
				return r.Level == reader.Sound && r.Word == *c.Word && r.Sound == string(c.Expected) && r.Heard == string(c.Heard)
			case c.Word != nil:
				return r.Word == *c.Word
			}
			return r.Level == reader.Sentence && r.Aspect == string(c.Aspect)
		})
		if t.add("read back", speaker, found); !found {
			odd = append(odd, fmt.Sprintf("not read back: %s %s %s", c.ID, c.Kind, c.Expected))
		}
	}
	return odd
}

// bearsOut reports that the labels say what a claim does.
func bearsOut(a coach.Assessment, c reader.Claim) bool {
	fits := func(j coach.Judgement) bool {
		return j.Scored() && (j.Label.Clear() == c.Good || c.Good && c.Change && j.Label == coach.Average)
	}
	if c.Doubt {
		return mayBeUnclear(a)
	}
	switch c.Level {
	case reader.Overall:
		return !slices.ContainsFunc(a.Words, func(w coach.Word) bool {
			return !w.Spoken || w.Accuracy.Scored() && !w.Accuracy.Label.Clear()
		})
	case reader.Sentence:
		switch j := a.Sentence.Of(coach.Aspect(c.Aspect)); {
		case c.Aspect == string(coach.Completeness):
			return c.Good == !slices.ContainsFunc(a.Words, func(w coach.Word) bool { return !w.Spoken })
		case c.Word >= 0 && !c.Good: // a pause
			return fits(j) && slices.ContainsFunc(a.Pauses, func(p coach.Pause) bool { return p.After == c.Word })
		default:
			return fits(j)
		}
	case reader.Word:
		w := a.Words[c.Word]
		switch {
		case c.Aspect == string(coach.Stress):
			return fits(w.Stress)
		case !w.Spoken:
			return !c.Good
		case c.Best:
			return w.Accuracy.Label >= coach.Average && !slices.ContainsFunc(a.Words, func(o coach.Word) bool { return o.Spoken && o.Accuracy.Score > w.Accuracy.Score })
		default:
			return fits(w.Accuracy)
		}
	case reader.Sound:
		p, ok := meant(a.Words[c.Word], c)
		if c.Least {
			return ok && leastClear(a, p)
		}
		if !ok || !fits(p.Accuracy) {
			return false
		}
		return c.Heard == "" || p.Heard != nil && string(*p.Heard) == c.Heard
	}
	return false
}

// mayBeUnclear reports labels of which doubt is true: the accuracy is not Good
// beyond one in twenty, or a word is below.
func mayBeUnclear(a coach.Assessment) bool {
	j := a.Sentence.Accuracy
	return !j.Label.Clear() || j.Confidence < .95 ||
		slices.ContainsFunc(a.Words, func(w coach.Word) bool { return w.Accuracy.Scored() && !w.Accuracy.Label.Clear() })
}

// leastClear reports that no phone of a word that is no function word has a lower
// score.
func leastClear(a coach.Assessment, least coach.Phone) bool {
	return !slices.ContainsFunc(a.Words, func(w coach.Word) bool {
		return w.Spoken && !prompts.FunctionWord(w.Text) && slices.ContainsFunc(w.Phones, func(p coach.Phone) bool {
			return p.Accuracy.Scored() && p.Accuracy.Score < least.Accuracy.Score
		})
	})
}

// meant is the phone of a word that a claim about a sound means.
func meant(w coach.Word, c reader.Claim) (coach.Phone, bool) {
	nth := 0
	for i, p := range w.Phones {
		if string(p.Expected) != c.Sound {
			continue
		}
		if nth++; c.Place == reader.Final && i < len(w.Phones)-1 || c.Place > 0 && nth != int(c.Place) {
			continue
		}
		return p, true
	}
	return coach.Phone{}, false
}

// What experts call right: a sound from 1.5 of 2, a word from 8 of 10, an aspect
// of the sentence from 7.
const (
	soundRight  = 1.5
	wordRight   = 8
	aspectRight = 7
)

// judge holds what was read against the experts.
func (n speakerNote) judge(t *tally, speaker int, read reader.Reading) {
	u := n.expert
	if len(u.Words) != len(n.now.Words) {
		return // the sentence was split otherwise
	}
	named, fixes, general, unjust, doubt, polish := map[int]bool{}, 0, false, false, false, false
	for _, c := range read.Claims {
		if c.Doubt {
			doubt = true
			continue
		}
		if c.Least {
			polish, named[c.Word] = true, true
			if score, _, known := n.expertScore(c); known {
				t.add("polish", speaker, score < 2)
			}
			continue
		}
		score, right, known := n.expertScore(c)
		kind := "fix "
		switch {
		case c.Good:
			kind = "praise "
			general = general || c.Level == reader.Overall || c.Level == reader.Sentence && c.Aspect == string(coach.Accuracy)
		case c.Unsure:
			kind = "unsure "
		}
		if !c.Good {
			fixes++
			if c.Word >= 0 {
				named[c.Word] = true
			}
			unjust = unjust || known && !c.Unsure && score >= right
		}
		if known && !c.Best && !c.Change {
			t.add(kind+string(c.Level), speaker, score >= right == c.Good)
		}
	}
	worst, flawed := map[int]bool{}, map[int]bool{}
	for i, w := range u.Words {
		if w.Accuracy < wordRight {
			flawed[i] = true
		}
		for _, s := range w.PhoneScores {
			if s < .5 {
				worst[i] = true
			}
			if s < soundRight {
				flawed[i] = true
			}
		}
	}
	for name, in := range map[string]map[int]bool{"worst named": worst, "flaw named": flawed} {
		if len(in) > 0 {
			t.add(name, speaker, slices.ContainsFunc(slices.Collect(maps.Keys(named)), func(i int) bool { return in[i] }))
		}
	}
	switch overall := u.Scores[coach.Accuracy]; {
	case overall < 5:
		t.add("poor praised", speaker, fixes == 0 && !doubt && !polish)
		t.add("poor mixed", speaker, (fixes > 0 || doubt || polish) && general)
		t.add("poor doubted", speaker, fixes == 0 && doubt)
		t.add("poor polished", speaker, fixes == 0 && polish)
	case overall >= 9:
		t.add("good blamed", speaker, unjust)
		t.add("good doubted", speaker, doubt)
	}
}

// expertScore is what experts gave to what a claim is about, and from where on
// that is right; false for what they gave no score to.
func (n speakerNote) expertScore(c reader.Claim) (score, right float64, known bool) {
	u := n.expert
	switch {
	case c.Level == reader.Overall:
		return u.Scores[coach.Accuracy], aspectRight, true
	case c.Level == reader.Sentence:
		score, known = u.Scores[coach.Aspect(c.Aspect)]
		return score, aspectRight, known
	case c.Aspect == string(coach.Stress):
		return 0, 0, false
	case c.Level == reader.Word:
		return u.Words[c.Word].Accuracy, wordRight, true
	}
	p, ok := meant(n.now.Words[c.Word], c)
	at := slices.IndexFunc(n.now.Words[c.Word].Phones, func(o coach.Phone) bool {
		return ok && o.Span == p.Span && o.Expected == p.Expected && o.Accuracy == p.Accuracy
	})
	if scores := u.Words[c.Word].PhoneScores; at >= 0 && at < len(scores) {
		return scores[at], soundRight, true
	}
	return 0, 0, false
}

// grade is the school year that a text is for (Kincaid et al., 1975), its quotes
// and phonetic symbols aside; syllables are counted by groups of vowels.
func grade(text string) float64 {
	words, syllables, sentences := 0.0, 0.0, 0.0
	for w := range strings.FieldsSeq(text) {
		if strings.ContainsAny(w, "“”/") {
			continue
		}
		words++
		if strings.ContainsAny(w, ".!?") {
			sentences++
		}
		vowel, n := false, 0.0
		letters := strings.Trim(strings.ToLower(w), ".,;:!?'()")
		for _, r := range strings.TrimSuffix(letters, "e") {
			is := strings.ContainsRune("aeiouy", r)
			if is && !vowel {
				n++
			}
			vowel = is
		}
		syllables += max(n, 1)
	}
	if words == 0 {
		return 0
	}
	return .39*words/max(sentences, 1) + 11.8*syllables/words - 15.59
}

// save leaves what doesn't fit, an explainer a file.
func (r rationaleReport) save(dir string) error {
	for name, f := range r.Explainers {
		var b bytes.Buffer
		lines := json.NewEncoder(&b)
		lines.SetEscapeHTML(false)
		for _, o := range f.odd {
			if err := lines.Encode(o); err != nil {
				return err
			}
		}
		if err := os.WriteFile(filepath.Join(dir, "odd-"+name+".jsonl"), b.Bytes(), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// count fills in whose replies they were.
func (r *rationaleReport) count(learners []speaker, done []evaluated) {
	r.Utterances, r.Speakers = len(done), len(learners)
	for _, d := range done {
		if d.Assessment == nil {
			r.Refused++
		}
	}
}
