package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/stat"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/internal/agreement"
	"github.com/mynah-coach/mynah/scorer"
)

// What learners and developers report of products like this one, held against
// the shipped model on the recordings of testdata. Each figure is logged (-v);
// the bounds leave room for another model as good as this one.

// readers are the recordings of testdata/eval, decoded and scored.
type readers struct {
	*engine
	utterances []expertUtterance
	sounds     []coach.Audio
	scored     []coach.Assessment
}

func newReaders(t *testing.T) *readers {
	t.Helper()
	needModel(t)
	if testing.Short() {
		t.Skip("scores some hundred recordings")
	}
	p := newProgram(t)
	cfg, err := (&run{Main: p.Main, cli: &cli{}}).config()
	if err != nil {
		t.Fatal(err)
	}
	r := &readers{}
	if r.engine, err = p.openEngine(cfg, slog.New(slog.DiscardHandler), nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	if r.utterances, err = (&evalCorpusCmd{Labels: filepath.Join(evalFixture, "train.jsonl")}).utterances(); err != nil {
		t.Fatal(err)
	}
	r.sounds, r.scored = make([]coach.Audio, len(r.utterances)), make([]coach.Assessment, len(r.utterances))
	r.each(t, r.utterances, func(ctx context.Context, i int, u expertUtterance) error {
		u.classify(r.model.Manifest().Rubric)
		r.utterances[i] = u
		b, err := os.ReadFile(filepath.Join(evalFixture, u.Wav))
		if err != nil {
			return err
		}
		if r.sounds[i], err = r.decoder.Decode(ctx, bytes.NewReader(b)); err != nil {
			return err
		}
		r.scored[i], err = r.scoreAsExperts(ctx, r.sounds[i], u, scorer.Options{})
		return err
	})
	return r
}

// each works on the utterances, as many at once as there are cores.
func (r *readers) each(t *testing.T, us []expertUtterance, do func(ctx context.Context, i int, u expertUtterance) error) {
	t.Helper()
	work, ctx := errgroup.WithContext(t.Context())
	work.SetLimit(r.parallel())
	for i, u := range us {
		work.Go(func() error {
			if err := do(ctx, i, u); err != nil {
				return fmt.Errorf("%s: %w", u.ID, err)
			}
			return nil
		})
	}
	if err := work.Wait(); err != nil {
		t.Fatal(err)
	}
}

func TestProduct(t *testing.T) {
	r := newReaders(t)
	t.Run("one wrong sound stays where it is", r.wrongSound)
	t.Run("a wrong sentence is not praised", r.wrongSentence)
	t.Run("better readers get higher scores", r.ranking)
	t.Run("how it was sent and where it was said hardly matter", r.robustness)
	t.Run("every accepted pronunciation is accepted", r.pronunciations)
}

// phones are an assessment's phones in a row, as labels; those of a word that
// was not heard are Worst.
func labelsOf(a coach.Assessment) (labels []coach.Label, scores []float64) {
	for _, w := range a.Words {
		for _, p := range w.Phones {
			if !w.Spoken {
				p.Accuracy = coach.Judgement{Label: coach.Worst}
			}
			labels, scores = append(labels, p.Accuracy.Label), append(scores, p.Accuracy.Score)
		}
	}
	return labels, scores
}

// wrongSound expects another phoneme than was said, in one place of each
// recording: so it was said wrong there. Only there, and next to it, may labels
// move by more than one class.
func (r *readers) wrongSound(t *testing.T) {
	consonants := strings.Fields("B D F G K L M N P R S SH T TH V W Z")
	vowels := strings.Fields("AA AE AH AY EH EY IH IY OW UW")
	const places = 6 // in each recording
	type outcome struct{ local, lowest, below bool }
	outcomes := make([][places]outcome, len(r.utterances))
	r.each(t, r.utterances, func(ctx context.Context, i int, u expertUtterance) error {
		random := rand.New(rand.NewPCG(7, uint64(i)))
		before, _ := labelsOf(r.scored[i])
		for k := range places {
			word, at := place(random, u)
			old := u.Words[word].Phones[at]
			plain := strings.TrimRight(old, "012")
			others := consonants
			if plain != old {
				others = vowels
			}
			said := plain
			for said == plain {
				said = others[random.IntN(len(others))]
			}
			changed := u
			changed.Words = slices.Clone(u.Words)
			changed.Words[word].Phones = slices.Clone(u.Words[word].Phones)
			changed.Words[word].Phones[at] = said + old[len(plain):]
			a, err := r.scoreAsExperts(ctx, r.sounds[i], changed, scorer.Options{})
			if coach.ReasonOf(err) != "" { // all labels are gone
				t.Logf("%s with %s for %s in %s: %v", u.ID, said, plain, u.Words[word].Text, err)
				continue
			}
			if err != nil {
				return err
			}
			after, scores := labelsOf(a)
			if len(after) != len(before) {
				return fmt.Errorf("%d phones, then %d", len(before), len(after))
			}
			first := 0
			for _, w := range u.Words[:word] {
				first += len(w.Phones)
			}
			o := outcome{local: true, lowest: true, below: after[first+at] < coach.Good}
			for j := range after {
				if moved := int(after[j]) - int(before[j]); (moved > 1 || moved < -1) && (j < first+at-1 || j > first+at+1) {
					o.local = false
				}
			}
			for _, s := range scores[first : first+len(u.Words[word].Phones)] {
				o.lowest = o.lowest && scores[first+at] <= s
			}
			outcomes[i][k] = o
		}
		return nil
	})
	var local, lowest, below, n float64
	for _, os := range outcomes {
		for _, o := range os {
			n++
			local += one(o.local)
			lowest += one(o.lowest)
			below += one(o.below)
		}
	}
	t.Logf("of %.0f recordings with one wrong sound, in %.1f %% no label but its own and its neighbours' moves by more than one; it is below Good in %.1f %%, the lowest of its word in %.1f %%", n, 100*local/n, 100*below/n, 100*lowest/n)
	atLeast(t, "share in which all else stays", local/n, .95)
	atLeast(t, "share in which it is the lowest of its word", lowest/n, .8)
}

// place picks a word that the sentence has once and that experts found right,
// and a phone of it.
func place(random *rand.Rand, u expertUtterance) (word, phone int) {
	var words []int
	for i, w := range u.Words {
		once := !slices.ContainsFunc(u.Words[i+1:], func(o expertWord) bool { return strings.EqualFold(o.Text, w.Text) }) &&
			!slices.ContainsFunc(u.Words[:i], func(o expertWord) bool { return strings.EqualFold(o.Text, w.Text) })
		if once && len(w.Phones) > 1 && len(w.Phones) == len(w.PhoneScores) {
			words = append(words, i)
		}
	}
	word = words[random.IntN(len(words))]
	return word, random.IntN(len(u.Words[word].Phones))
}

// wrongSentence scores every recording as if other sentences had been asked
// for. One in fifty may slip through, with Average at most; where a word of it
// was really said, that part may be scored, with its completeness.
func (r *readers) wrongSentence(t *testing.T) {
	const others = 2
	verdicts := make([][others]string, len(r.utterances))
	r.each(t, r.utterances, func(ctx context.Context, i int, u expertUtterance) error {
		for k := range others {
			other := r.utterances[(i+1+34*k)%len(r.utterances)]
			a, err := r.scorer.Score(ctx, coach.Utterance{Audio: r.sounds[i], Text: other.Text})
			label := a.Sentence.Accuracy.Label
			switch {
			case coach.ReasonOf(err) != "":
				verdicts[i][k] = "refused"
				continue
			case err != nil:
				return err
			case label <= coach.Bad:
				verdicts[i][k] = "Bad or Worst"
				continue
			}
			verdicts[i][k] = "above Bad"
			t.Logf("%q is scored as %q: accuracy %s, completeness %s", u.Text, other.Text, label, a.Sentence.Completeness.Label)
			if label > coach.Average && !shareWord(u.Text, other.Text) {
				t.Errorf("nothing of %q was said, and its accuracy is %s", other.Text, label)
			}
		}
		return nil
	})
	count := map[string]int{}
	for _, vs := range verdicts {
		for _, v := range vs {
			count[v]++
		}
	}
	n := others * len(verdicts)
	t.Logf("of %d recordings of other sentences: %v", n, count)
	atLeast(t, "share refused, or Bad or Worst", 1-float64(count["above Bad"])/float64(n), .98)
}

// shareWord reports whether two sentences have a word in common, whatever its
// ending; little words don't count.
func shareWord(a, b string) bool {
	stems := func(text string) (out []string) {
		for _, w := range strings.Fields(strings.ToLower(text)) {
			if len(w) > 3 {
				out = append(out, w[:4])
			}
		}
		return out
	}
	of := stems(b)
	return slices.ContainsFunc(stems(a), func(w string) bool { return slices.Contains(of, w) })
}

// ranking compares with the sum of the experts' scores of the sentence.
func (r *readers) ranking(t *testing.T) {
	type reader struct{ total, mean float64 }
	var all []reader
	for i, u := range r.utterances {
		_, scores := labelsOf(r.scored[i])
		all = append(all, reader{u.Scores[coach.Accuracy] + u.Scores[coach.Fluency] + u.Scores[coach.Prosody], stat.Mean(scores, nil)})
	}
	slices.SortStableFunc(all, func(a, b reader) int { return int(math.Copysign(1, a.total-b.total)) * int(one(a.total != b.total)) })
	const groups = 4
	var means []float64
	for part := range slices.Chunk(all, len(all)/groups) {
		var of []float64
		for _, x := range part {
			of = append(of, x.mean)
		}
		means = append(means, stat.Mean(of, nil))
	}
	t.Logf("mean phone score of the four quarters, by the experts' total: %.2f", means)
	// The two best quarters hardly differ: they may tie.
	for i, m := range means[1:] {
		if m < means[i]-.01 {
			t.Errorf("better readers don't get higher scores: %.3f", means)
		}
	}
	var totals, scores []float64
	for _, x := range all {
		totals, scores = append(totals, x.total), append(scores, x.mean)
	}
	atLeast(t, "correlation of the mean phone score with the experts' total", agreement.PCC(totals, scores), .7)
}

// robustness scores half of the recordings again after a codec, a room, a bad
// microphone.
func (r *readers) robustness(t *testing.T) {
	var us []expertUtterance
	var sounds []coach.Audio
	var usual []evaluated
	for i := 0; i < len(r.utterances); i += 2 {
		us, sounds, usual = append(us, r.utterances[i]), append(sounds, r.sounds[i]), append(usual, evaluated{Assessment: &r.scored[i]})
	}
	before, _ := newFigures(us, usual)
	for _, tt := range []struct {
		name   string
		change func(t *testing.T, sounds []coach.Audio) []coach.Audio
		margin float64 // of the PCC, at each level
	}{
		{"Opus, 32 kbit/s", r.encoded("ogg", "-c:a", "libopus", "-b:a", "32k"), .03},
		{"Opus, 16 kbit/s", r.encoded("ogg", "-c:a", "libopus", "-b:a", "16k"), .05},
		{"AAC, 48 kbit/s", r.encoded("m4a", "-c:a", "aac", "-b:a", "48k"), .04},
		{"noise, 20 dB below the voice", altered(noise(20)), .06},
		{"a room that echoes for 0.3 s", altered(reverberation(.3)), .08},
		{"20 dB too quiet", altered(gain(-20)), .03},
		{"clipped 6 dB below its peaks", altered(clipping(6)), .05},
	} {
		t.Run(tt.name, func(t *testing.T) {
			changed := tt.change(t, sounds)
			done := make([]evaluated, len(us))
			r.each(t, us, func(ctx context.Context, i int, u expertUtterance) error {
				a, err := r.scoreAsExperts(ctx, changed[i], u, scorer.Options{})
				if coach.ReasonOf(err) == "" {
					done[i].Assessment = &a
					return err
				}
				done[i].Refused = coach.ReasonOf(err)
				return nil
			})
			after, _ := newFigures(us, done)
			var lost []string
			for _, level := range evalLevels() {
				lost = append(lost, fmt.Sprintf("%s %+.3f", level, after.PCC[level]-before.PCC[level]))
				if after.PCC[level] < before.PCC[level]-tt.margin {
					t.Errorf("PCC of %s falls from %.3f to %.3f", level, before.PCC[level], after.PCC[level])
				}
			}
			if after.Refused > 2 {
				t.Errorf("%d of %d are refused", after.Refused, len(us))
			}
			t.Logf("PCC: %s; %d of %d refused", strings.Join(lost, ", "), after.Refused, len(us))
		})
	}
}

// pronunciations scores sentences that synthetic voices say in the ways that
// America and Britain do, as if learners had said them.
func (r *readers) pronunciations(t *testing.T) {
	const folder = "testdata/spoken"
	index, err := os.Open(filepath.Join(folder, "index.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer index.Close()
	var clear, phones, words, good, chosen float64
	for lines := bufio.NewScanner(index); lines.Scan(); {
		var s struct {
			File, Text string
			Said       map[string]string
		}
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(folder, s.File))
		if err != nil {
			t.Fatal(err)
		}
		sound, err := r.decoder.Decode(t.Context(), bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		a, err := r.scorer.Score(t.Context(), coach.Utterance{Audio: sound, Text: s.Text})
		if err != nil {
			t.Errorf("%s (%s): %v", s.Text, s.File, err)
			continue
		}
		for _, w := range a.Words {
			var expected []string
			for _, p := range w.Phones {
				phones++
				clear += one(p.Accuracy.Label.Clear())
				expected = append(expected, string(p.Expected))
			}
			said, ok := s.Said[strings.ToLower(w.Text)]
			if !ok {
				continue
			}
			words++
			good += one(w.Accuracy.Label.Clear())
			if !w.Accuracy.Label.Clear() {
				t.Logf("%s: %s, said %s, is %s", s.File, w.Text, said, w.Accuracy.Label)
			}
			if got := strings.Join(expected, " "); got == strings.NewReplacer("0", "", "1", "", "2", "").Replace(said) {
				chosen++
			} else {
				t.Logf("%s: %s was said %s, taken for %s", s.File, w.Text, said, got)
			}
		}
	}
	t.Logf("%.1f %% of the phones are Good or Excellent; of %.0f words said in one of several ways, %.1f %% are, and just that way was heard in %.1f %%", 100*clear/phones, words, 100*good/words, 100*chosen/words)
	atLeast(t, "share of the phones that are Good or Excellent", clear/phones, .95)
	atLeast(t, "share of the words said in one of several ways that are Good or Excellent", good/words, .95)
}

func one(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

func atLeast(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(got >= want) { // nor if it is no number
		t.Errorf("the %s is %.3f, want at least %.2f", what, got, want)
	}
}
