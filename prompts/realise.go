package prompts

import (
	"slices"
	"strconv"
	"strings"

	"github.com/mynah-coach/mynah/coach"
)

// MaxWords is the most words that a reply's text has.
const MaxWords = 120

// Segment is a piece of a rationale's text and the claims that it makes.
type Segment struct {
	Text   string   `json:"text"`
	Claims []string `json:"claims"` // their IDs
}

// Realise words the claims, which Choose made from the same assessment and
// lessons: at most MaxWords words, and none of the texts that those lessons had.
func Realise(claims []coach.Claim, a coach.Assessment, earlier []coach.Lesson) string {
	return Join(Segments(claims, a, earlier))
}

// Join is the text of segments.
func Join(segments []Segment) string {
	texts := make([]string, len(segments))
	for i, s := range segments {
		texts[i] = s.Text
	}
	return strings.Join(texts, " ")
}

// Segments is Realise with each sentence apart, beside the claim it words.
//
// Every sentence is the wording that the lessons had the longest time ago, or
// never; a hash of the sentence and of the last lesson chooses among equals, so
// that a retry of the same note gets the same text. No text is one that a lesson
// had.
func Segments(claims []coach.Claim, a coach.Assessment, earlier []coach.Lesson) []Segment {
	seed := mix(a.Text, strconv.Itoa(len(earlier)))
	if len(earlier) > 0 {
		seed = mix(a.Text, strconv.Itoa(len(earlier)), string(earlier[0].Note), earlier[0].Rationale.Text)
	}
	const tries = 12
	var s []Segment
	for n := range tries {
		back := earlier
		if n > 0 { // what rotates together comes round together: forget more and more of it
			back = earlier[:min(len(earlier), max(1, 4-n/3))]
		}
		s = fit(wording{claims, a, back, seed + uint64(n)}.segments())
		text := Join(s)
		if !slices.ContainsFunc(earlier, func(l coach.Lesson) bool { return l.Rationale.Text == text }) {
			break
		}
	}
	return s
}

// opening is how a text begins, for the ear.
func opening(text string) string {
	f := strings.Fields(text)
	return strings.Join(f[:min(3, len(f))], " ")
}

// ending is how it ends.
func ending(text string) string {
	f := strings.Fields(text)
	return strings.Join(f[max(0, len(f)-3):], " ")
}

// fit leaves out what can best be spared while the text is too long: what is to
// be tried next, then the cues from the last one, then all that is left over.
func fit(s []Segment) []Segment {
	for len(s) > 1 && Words(Join(s)) > MaxWords {
		s = s[:len(s)-1]
	}
	return s
}

// wording chooses among templates by its seed.
type wording struct {
	claims  []coach.Claim
	a       coach.Assessment
	earlier []coach.Lesson
	seed    uint64
}

func (w wording) segments() []Segment {
	thanks := []string{"Thanks for sending this one.", "Thank you for this recording.", "Thanks for reading this to me."}
	var out []Segment
	fixes, hasStrength := 0, false
	for _, c := range w.claims {
		hasStrength = hasStrength || c.Kind == coach.ClaimStrength || c.Kind == coach.ClaimChange
	}
	for _, c := range w.claims {
		var options []string
		switch {
		case c.Kind == coach.ClaimStrength:
			options = w.strength(c)
		case c.Kind == coach.ClaimChange:
			options = w.change(c)
		case IsFix(c):
			options = w.fix(c, fixes)
			fixes++
		case c.Text != "":
			options = []string{c.Text}
		}
		if len(options) == 0 {
			continue
		}
		s := Segment{Text: w.choose(c, options, out), Claims: []string{c.ID}}
		if len(out) == 0 && !hasStrength {
			s.Text = w.choose(coach.Claim{}, thanks, nil) + " " + s.Text
		}
		out = append(out, s)
	}
	return out
}

// choose takes the option that was used the longest time ago, or never, among
// those that don't end like a sentence before it; the seed decides among equals.
// The first sentence counts as used where a lesson began like it.
func (w wording) choose(c coach.Claim, options []string, before []Segment) string {
	offset := int(mix(strconv.FormatUint(w.seed, 16), string(c.Kind), c.ID) % uint64(len(options)))
	var best string
	longest := -1
	for i := range options {
		o := capital(options[(offset+i)%len(options)])
		age := len(w.earlier) + 1
		for j, l := range w.earlier {
			if strings.Contains(l.Rationale.Text, o) || len(before) == 0 && opening(l.Rationale.Text) == opening(o) {
				age = j + 1
				break
			}
		}
		if slices.ContainsFunc(before, func(s Segment) bool { return ending(s.Text) == ending(o) }) {
			age = 0
		}
		if age > longest {
			best, longest = o, age
		}
	}
	return best
}

func (w wording) strength(c coach.Claim) []string {
	top := c.Label == coach.Excellent
	switch {
	case c.Phone != nil:
		s := soundRef(w.a, *c.Word, *c.Phone)
		o := []string{s + " was clear.", "I heard " + s + " clearly.", "You made " + s + " well.", s + " came through clearly."}
		if top {
			o = append(o, "You got "+s+" just right.")
		}
		return o
	case c.Word != nil && c.Label <= coach.Average:
		s := wordRef(w.a, *c.Word)
		return []string{s + " came through best.", "The word that came across best was " + s + ".", "In this sentence, " + s + " came across best."}
	case c.Word != nil:
		s := wordRef(w.a, *c.Word)
		return []string{"You said " + s + " clearly.", s + " came through clearly.", s + " was easy to understand.", "I understood " + s + " at once."}
	}
	switch c.Aspect {
	case coach.Fluency:
		if top {
			return []string{"You read smoothly from start to end.", "The sentence flowed from beginning to end.", "Your reading had an easy, steady flow."}
		}
		return []string{"Your reading flowed well.", "You kept the sentence moving nicely.", "The words followed each other nicely."}
	case coach.Prosody:
		if top {
			return []string{"The rhythm and melody of your sentence worked very well.", "Your voice carried the meaning very well.", "The sentence had a very good rhythm."}
		}
		return []string{"The rhythm of your sentence worked well.", "Your voice carried the meaning well.", "The melody of your sentence came across well."}
	case coach.Accuracy:
		if top {
			return []string{"Your sounds were very clear throughout.", "I understood your sounds with no effort at all.", "That was very clear speech."}
		}
		return []string{"Your sounds were clear on the whole.", "Most of your sounds came through clearly.", "You were easy to understand on the whole."}
	}
	return []string{"You read the sentence all the way through.", "You kept going to the very last word.", "You read every word of the sentence."}
}

func (w wording) change(c coach.Claim) []string {
	switch {
	case c.Phone != nil:
		s := soundRef(w.a, *c.Word, *c.Phone)
		return []string{
			"And " + s + ", which we worked on last time, is clear now.",
			"Your practice shows: " + s + " is clearer than last time.",
			"Better than last time: " + s + ".",
		}
	case c.Word != nil && c.Aspect == coach.Stress:
		s := wordRef(w.a, *c.Word)
		return []string{"The stress in " + s + " is in the right place this time.", "Better than last time: the stress in " + s + "."}
	case c.Word != nil:
		s := wordRef(w.a, *c.Word)
		return []string{s + ", which we worked on last time, is clear now.", "Your practice shows: " + s + " is clearer than last time."}
	}
	what := map[coach.Aspect]string{coach.Fluency: "flow", coach.Prosody: "rhythm", coach.Accuracy: "sounds"}[c.Aspect]
	if c.Aspect == coach.Accuracy {
		return []string{"Your sounds are clearer than last time.", "Compared with last time, your sounds have become clearer."}
	}
	return []string{"Your " + what + " is better than last time.", "Compared with last time, your " + what + " has improved."}
}

// fix words the n-th fix of the reply, from 0.
func (w wording) fix(c coach.Claim, n int) []string {
	var bare []string // sentences that stand by themselves, in lower case
	switch {
	case Unsure(c, w.a):
		return w.unsure(c)
	case c.Kind == coach.ClaimPhone:
		bare = w.phone(c)
		if harmless(c.Expected, c.Heard) {
			return []string{
				"A small thing that listeners seldom mind: " + bare[0],
				"If you like, one detail: " + bare[0],
				"A detail that people will follow either way: " + bare[0],
			}
		}
	case c.Kind == coach.ClaimPause:
		at := wordRef(w.a, *c.Word)
		bare = []string{
			"a pause after " + at + " broke the sentence up.",
			"there was a long stop after " + at + ".",
			"the sentence halted after " + at + ".",
		}
	case c.Kind == coach.ClaimWord:
		bare = w.word(c)
	default:
		bare = w.aspect(c)
	}
	var leads []string
	switch {
	case n == 0 && met(about(c, w.a), w.earlier) > 0:
		leads = []string{"Again, ", "We have met this one before: ", "Back to one that you know: "}
	case n == 0:
		leads = []string{"", "One thing to work on: ", "Here is what to work on: ", "The main thing: "}
	default:
		leads = []string{"Then, ", "Also, ", "One more thing: ", "After that: "}
	}
	var out []string
	for _, l := range leads {
		for _, b := range bare {
			out = append(out, l+b)
		}
	}
	return out
}

func (w wording) phone(c coach.Claim) []string {
	s := soundRef(w.a, *c.Word, *c.Phone)
	near := c.Label == coach.Average
	if c.Heard == coach.Missing {
		if near {
			return []string{s + " was barely there.", s + " was very faint."}
		}
		return []string{"I couldn't hear " + s + ".", s + " went missing.", s + " got lost."}
	}
	if h, ok := SoundOf(c.Heard); ok {
		heard := h.heardAs()
		if near {
			return []string{
				s + " was nearly there, but leaned towards " + heard + ".",
				s + " is close; it still leans a little towards " + heard + ".",
			}
		}
		return []string{
			s + " sounded closer to " + heard + ".",
			s + " came out more like " + heard + ".",
			s + " was nearer to " + heard + ".",
		}
	}
	if near {
		return []string{s + " was nearly there and could be clearer.", s + " is close, but not quite clear yet."}
	}
	return []string{s + " wasn't clear yet.", s + " needs some work.", s + " didn't come through yet."}
}

func (w wording) word(c coach.Claim) []string {
	s := wordRef(w.a, *c.Word)
	switch {
	case c.Heard == coach.Missing:
		// Left out, or said so that it can't be told: the scorer knows no
		// difference, and of what experts heard most is the latter.
		if n := w.skippedWords(); n > 1 {
			return []string{"I couldn't make out " + s + " and some other words.", "I didn't catch " + s + " and some other words."}
		}
		return []string{"I couldn't make out " + s + ".", "I didn't catch " + s + "."}
	case c.Aspect == coach.Stress:
		return []string{"the stress in " + s + " fell on another syllable.", "the weight in " + s + " was not on the right syllable yet."}
	case c.Label == coach.Average:
		return []string{s + " was nearly there and could be clearer.", s + " is close, but not quite clear yet."}
	}
	return []string{s + " was hard to make out.", s + " wasn't clear yet.", s + " needs some work."}
}

func (w wording) skippedWords() int {
	n := 0
	for _, x := range w.a.Words {
		if !x.Spoken {
			n++
		}
	}
	return n
}

func (w wording) aspect(c coach.Claim) []string {
	near := c.Label == coach.Average
	switch c.Aspect {
	case coach.Fluency:
		if near {
			return []string{"your reading could flow a little more.", "the flow was a little uneven."}
		}
		return []string{"the sentence didn't flow yet.", "the flow of the sentence needs some work."}
	case coach.Prosody:
		if near {
			return []string{"the rhythm of the sentence could be a little clearer.", "the melody of the sentence was nearly there."}
		}
		return []string{"the rhythm of the sentence needs some work.", "the melody of the sentence wasn't clear yet."}
	}
	if near {
		return []string{"some of the sounds could be clearer.", "the sounds were not quite clear yet."}
	}
	return []string{"many of the sounds weren't clear yet.", "the sentence was hard to follow."}
}

// unsure words a fix that may not be one.
func (w wording) unsure(c coach.Claim) []string {
	const lead = "I'm not quite sure, but "
	switch c.Kind {
	case coach.ClaimPhone:
		s := soundRef(w.a, *c.Word, *c.Phone)
		if h, ok := SoundOf(c.Heard); ok {
			return []string{lead + s + " may have been closer to " + h.heardAs() + ".", "Perhaps " + s + " came out more like " + h.heardAs() + "; I'm not sure."}
		}
		if c.Heard == coach.Missing {
			return []string{lead + s + " may have got lost.", "I may have missed it, but I couldn't hear " + s + "."}
		}
		return []string{lead + s + " may not have been clear.", "Perhaps " + s + " could be clearer; I'm not sure."}
	case coach.ClaimPause:
		return []string{lead + "the pause after " + wordRef(w.a, *c.Word) + " may have been too long."}
	case coach.ClaimWord:
		s := wordRef(w.a, *c.Word)
		return []string{lead + s + " may not have been clear.", "Perhaps " + s + " could be clearer; I'm not sure."}
	}
	what := map[coach.Aspect]string{coach.Fluency: "flow", coach.Prosody: "rhythm", coach.Accuracy: "clarity"}[c.Aspect]
	return []string{lead + "the " + what + " of the sentence may need a little work.", "Perhaps the " + what + " of the sentence could use a little work; I'm not sure."}
}
