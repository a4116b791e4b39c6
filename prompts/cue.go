package prompts

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/mynah-coach/mynah/coach"
)

// The stages of a fix that keeps coming back: told one way, told another way,
// trained by ear, handed to a person; then from the start with what is left.
const stages = 4

// cue says how to mend a fix. n is how many earlier lessons asked for the same,
// fixes how many this reply makes: a single one leaves room for a check.
func cue(f coach.Claim, a coach.Assessment, n, fixes int) coach.Claim {
	c := coach.Claim{
		Kind: coach.ClaimCue, Aspect: f.Aspect, Word: f.Word, Phone: f.Phone,
		Expected: f.Expected, Heard: f.Heard,
	}
	round, stage := n/stages, n%stages
	switch stage {
	case 2:
		c.Text = listening(f, a, round)
	case 3:
		c.Text = teacher(f, a, round)
	default:
		tell := telling(f, a)
		c.Text = tell[(2*round+stage)%len(tell)]
		if fixes == 1 && stage == 0 && f.Kind == coach.ClaimPhone && f.Heard != coach.Missing {
			s, _ := soundOf(*phoneAt(f, a))
			c.Text += " " + s.Check
		}
	}
	return c
}

// telling lists the ways to say how a fix is made: at least two.
func telling(f coach.Claim, a coach.Assessment) []string {
	switch {
	case f.Kind == coach.ClaimPhone && f.Heard == coach.Missing:
		return dropped(f, a)
	case f.Kind == coach.ClaimPhone:
		s, _ := soundOf(*phoneAt(f, a))
		return s.Cues
	case f.Kind == coach.ClaimWord && f.Aspect == coach.Stress:
		at, _, _ := stressed(a.Words[*f.Word])
		o := ordinal(at)
		return []string{
			"Make its " + o + " syllable longer and a little louder, and keep the others short.",
			"Tap once for each syllable while you say it, and tap hard on the " + o + " one.",
		}
	case f.Kind == coach.ClaimWord && f.Heard == coach.Missing:
		return []string{
			"Touch each word with your finger as you read it, and finish it before you move on.",
			"Read the sentence more slowly than feels natural, and give every word its own moment.",
		}
	case f.Kind == coach.ClaimWord:
		return []string{
			"Say it alone first, slowly, one part at a time, and then join the parts.",
			"Build it from its end: say the last part, then put the part before it in front.",
		}
	case f.Kind == coach.ClaimPause:
		group := phrase(a, *f.Word-1, *f.Word+1)
		if group == "" {
			group = "the words on both sides of it"
		}
		return []string{
			"Read " + group + " as one group, on one breath.",
			"Whisper " + group + " without stopping a few times, then say it aloud the same way.",
		}
	}
	switch f.Aspect {
	case coach.Fluency:
		return []string{
			"Mark groups of three or four words, and stop only between the groups.",
			"Read it silently once, look up, and say it as if you were telling a friend.",
		}
	case coach.Prosody:
		return []string{
			"Choose the two most important words; make them longer and higher, and pass quickly over the small ones.",
			"Hum the melody of the sentence first, then put the words onto the hum.",
		}
	}
	return []string{
		"Take it word by word, slowly, and then join two words at a time.",
		"Start with the three longest words, and say each one alone until it feels easy.",
	}
}

// dropped says how to keep a sound from being lost.
func dropped(f coach.Claim, a coach.Assessment) []string {
	s, _ := soundOf(*phoneAt(f, a))
	if !final(a.Words[*f.Word], *f.Phone) {
		return []string{
			"Say the word slowly and stop at that sound; only then go on.",
			s.Cues[0],
		}
	}
	if s.Phoneme == "S" || s.Phoneme == "Z" {
		return []string{
			"Let the word end in a short hiss or buzz; it often carries the grammar.",
			s.Cues[0],
		}
	}
	return []string{
		"Finish the word: let its last sound be heard before you start the next word.",
		s.Cues[0],
	}
}

// listening sets a task for the ear.
func listening(f coach.Claim, a coach.Assessment, round int) string {
	if f.Kind == coach.ClaimPhone {
		if pairs, ok := contrast(f.Expected, f.Heard); ok {
			p := pairs[round%len(pairs)]
			return "Train your ear first: have someone say “" + p[0] + "” or “" + p[1] + "”, and guess which it was, ten times."
		}
		s, _ := soundOf(*phoneAt(f, a))
		return "Train your ear first: play " + list(s.Words) + " in an online dictionary, and listen for the sound."
	}
	if f.Kind == coach.ClaimWord && f.Heard != coach.Missing {
		return "Play it in an online dictionary three times, then say it along with the recording."
	}
	return "Listen to someone read the sentence aloud, then read along half a beat behind."
}

// teacher hands over what words alone haven't mended.
func teacher(f coach.Claim, _ coach.Assessment, round int) string {
	if f.Kind == coach.ClaimPhone && round%2 == 0 {
		return "It has come up several times now: ask a teacher to watch your mouth while you say it."
	}
	if f.Kind == coach.ClaimPhone {
		return "Practise it with a teacher for five minutes; a person beside you sees what I can't."
	}
	if round%2 == 0 {
		return "It has come up several times now: read the sentence to a teacher and ask what they notice."
	}
	return "Read it together with a teacher once, both at the same time; a person hears what I can't."
}

// next picks one thing to try, another than last time. better is what has improved,
// if anything has.
func next(fixes []coach.Claim, better coach.Claim, a coach.Assessment, earlier []coach.Lesson) coach.Claim {
	c := coach.Claim{Kind: coach.ClaimNext}
	word, phone, toPolish := polish(better, a)
	var options []string
	switch {
	case len(fixes) == 0 && Doubtful(a):
		c.Aspect = coach.Accuracy
		options = []string{
			"I'm not sure how clear all of it was, so read it once more, a little slower.",
			"I'm not sure about every word of this one; record it once more, close to the microphone, and I'll listen again.",
			"How clear the whole sentence was, I'm not sure, so send it to me again from a quiet place.",
			"I'm not sure that I understood all of it; read it again as if to someone across the table.",
		}
	case len(fixes) == 0 && toPolish:
		c.Word, c.Phone, c.Expected = ptr(word), ptr(phone), a.Words[word].Phones[phone].Expected
		s := soundRef(a, word, phone)
		options = []string{
			"One thing to polish: of the sounds in your main words, " + s + " came out least clearly.",
			"Of the sounds in your main words, " + s + " came out least clearly; say it slowly once more, if you like.",
			"A last bit of polish: of the sounds in your main words, " + s + " came out least clearly, so give it a little more time.",
		}
	case len(fixes) == 0 && a.Sentence.Accuracy.Label == coach.Excellent && flawless(a):
		options = []string{
			"I have nothing to correct here, so try a longer sentence next.",
			"Nothing here needs work; read it once more as if you were telling it to a friend.",
			"There is nothing I would change; next, try a sentence with words that you find hard.",
			"I found nothing to correct, so look away from the text now and say it from memory.",
		}
	case len(fixes) == 0 && a.Sentence.Accuracy.Label >= coach.Good:
		options = []string{
			"Nothing here stands out enough to correct, so try another sentence next.",
			"I would leave this one as it is; next, try a sentence with words that you find hard.",
			"No single thing needs your attention here, so try a longer sentence next.",
		}
	case len(fixes) == 0:
		options = []string{
			"Read it once more, a little slower, and send it again.",
			"Record it again close to the microphone, and I'll listen once more.",
			"Try the same sentence once more, then we'll take another.",
		}
	case Unsure(fixes[0], a):
		options = []string{
			"Read it once more, close to the microphone, so that I can listen again.",
			"Send me the sentence again, a little slower, and I'll listen for it.",
			"Record it once more in a quiet place, and I'll check it again.",
		}
	case fixes[0].Word != nil && fixes[0].Kind != coach.ClaimPause && fixes[0].Heard != coach.Missing:
		c.Word = fixes[0].Word
		w := wordRef(a, *c.Word)
		options = []string{
			"Now say " + w + " three times, slowly, then send me the whole sentence again.",
			"Try " + w + " by itself, then record the whole sentence once more.",
			"Say " + w + " slowly, then a little faster, and send the sentence again.",
			"Warm up with " + w + ", and then read the sentence to me once more.",
		}
		if s, ok := SoundOf(fixes[0].Expected); ok && fixes[0].Kind == coach.ClaimPhone {
			c.Expected = fixes[0].Expected
			if p := phoneAt(fixes[0], a); p != nil {
				s, _ = soundOf(*p)
			}
			options = append(options, "Practise on "+list(s.Words)+", then record the sentence once more.")
		}
	default:
		options = []string{
			"Read it through once without recording, then send me a new take.",
			"Try it once more, a little slower, and send it again.",
			"Take a breath, read the whole sentence once more, and send it.",
		}
	}
	c.Text = fresh(options, mix(a.Text, strconv.Itoa(len(earlier)), lastText(earlier, coach.ClaimNext)), earlier)
	return c
}

// polish finds the sound that came out least clearly, where the sentence was
// Good: that leaves a few slips, and so something to polish, even where no single
// one is sure enough to be a fix. Of an Excellent sentence it does so where that
// sound is below Good. It compares, and blames nothing: which score is
// the lowest is sure. Small words are weak in good speech and don't count. False
// where the sentence was worse, where no sound stands out, or where it
// is in the word that has become better.
func polish(better coach.Claim, a coach.Assessment) (word, phone int, ok bool) {
	if !a.Sentence.Accuracy.Label.Clear() {
		return 0, 0, false
	}
	lowest := math.Inf(1)
	for i, w := range a.Words {
		if !w.Spoken || FunctionWord(w.Text) {
			continue
		}
		for j, p := range w.Phones {
			if !p.Accuracy.Scored() || p.Accuracy.Score > lowest {
				continue
			}
			_, known := soundOf(p)
			slip := a.Sentence.Accuracy.Label == coach.Good || !p.Accuracy.Label.Clear()
			word, phone, ok = i, j, known && slip && p.Accuracy.Score < lowest
			lowest = p.Accuracy.Score
		}
	}
	return word, phone, ok && (better.Word == nil || *better.Word != word)
}

// flawless reports that no label of the assessment is below Good, and that the
// sentence was scored at all.
func flawless(a coach.Assessment) bool {
	flaw := func(j coach.Judgement) bool { return j.Scored() && j.Label < coach.Good }
	for _, w := range a.Words {
		if !w.Spoken || flaw(w.Accuracy) || flaw(w.Stress) || slices.ContainsFunc(w.Phones, func(p coach.Phone) bool { return flaw(p.Accuracy) }) {
			return false
		}
	}
	s := a.Sentence
	return s.Accuracy.Scored() && !flaw(s.Accuracy) && !flaw(s.Fluency) && !flaw(s.Prosody) && !flaw(s.Completeness)
}

// fresh picks by the seed among the options that were not used, or not for the
// longest time.
func fresh(options []string, seed uint64, earlier []coach.Lesson) string {
	var best string
	longest := -1
	for i := range options {
		o := options[(int(seed%uint64(len(options)))+i)%len(options)]
		if age := lessonsSince(o, earlier); age > longest {
			best, longest = o, age
		}
	}
	return best
}

// lessonsSince counts the lessons after the last one that said a next step: all of
// them and one more where none did.
func lessonsSince(text string, earlier []coach.Lesson) int {
	for i, l := range earlier {
		if slices.ContainsFunc(l.Rationale.Claims, func(c coach.Claim) bool { return c.Kind == coach.ClaimNext && c.Text == text }) {
			return i
		}
	}
	return len(earlier) + 1
}

// lastText returns the last lesson's own words of a kind, "" where there are none.
func lastText(earlier []coach.Lesson, kind coach.ClaimKind) string {
	if len(earlier) > 0 {
		for _, c := range earlier[0].Rationale.Claims {
			if c.Kind == kind {
				return c.Text
			}
		}
	}
	return ""
}

// list quotes words as a, b and c.
func list(words []string) string {
	q := make([]string, len(words))
	for i, w := range words {
		q[i] = "“" + w + "”"
	}
	if len(q) < 2 {
		return strings.Join(q, "")
	}
	return strings.Join(q[:len(q)-1], ", ") + " and " + q[len(q)-1]
}
