// Package reader reads what a reply says about the reading of a sentence back
// into claims: what was good, what was not, of which word, sound or aspect. It is
// how mynah's replies are measured against the labels, so it knows nothing of how
// they are made: it reads English sentences, by the words in them. It is pure.
package reader

import (
	"regexp"
	"slices"
	"strings"
)

// Level is what a claim is about.
type Level string

// The levels of claims.
const (
	Sentence Level = "sentence"
	Word     Level = "word"
	Sound    Level = "sound"
	Overall  Level = "overall" // "nothing needs work"
)

// Claim is one thing that a text says.
type Claim struct {
	Level  Level
	Aspect string // of a sentence or a word: accuracy, fluency, prosody, completeness, stress
	Word   int    // index of the word, -1 where none is named
	Sound  string // the phoneme's symbol in the CMU dictionary, "" where none is named
	Place  Place  // which of the word's
	Heard  string // the phoneme that it is said to have been; Missing
	Good   bool
	Best   bool // better than the other words
	Least  bool // less clear than the others, which blames nothing
	Unsure bool
	Doubt  bool   // that it can't be told: neither good nor not
	Change bool   // compared with an earlier time
	Text   string // the sentence that says it
}

// Place is which one of a word's equal sounds is meant: 0 any, 1 the first, ...,
// Final the last of the word.
type Place int

// Final is the place at the end of a word.
const Final Place = -1

// Missing is heard where nothing was.
const Missing = "missing"

// Reading is what a text says, and the sentences that judge something that could
// not be told.
type Reading struct {
	Claims []Claim
	Unread []string
}

// Read reads a reply to a learner who read the words aloud.
func Read(text string, words []string) Reading {
	var out Reading
	for _, s := range sentences(text) {
		out.add(s, words)
	}
	return out
}

var (
	reSentenceEnd = regexp.MustCompile(`([.!?])(["”')]*)\s+`)
	reAside       = regexp.MustCompile(`\([^)]*\)`)
	reReference   = regexp.MustCompile(`“([^”]*)”|"([^"]*)"|/([^/\s]{1,4})/|\b(?:AA|AE|AH|AO|AW|AY|CH|DH|EH|ER|EY|HH|IH|IY|JH|NG|OW|OY|SH|TH|UH|UW|ZH)[012]?\b`)
	reInstruction = regexp.MustCompile(`(?i)^(?:now |then,? |just |again, )?(?:try|say|read|record|send|practi[sc]e|press|put|keep|let\s|close|open|rest|hold|start|begin|make|touch|tap|mark|hum|choose|whisper|take|build|play|listen|train|finish|show|stop|stretch|relax|drop|slide|round|raise|lift|smile|push|pull|draw|stick|breathe|bring|warm|look|ask|move|don't|ready|freeze|pinch|pop|blow|think|imagine|lower|curl|give|use|place|focus|work|concentrate|pay|remember|repeat)\b`)
	reUnsure      = regexp.MustCompile(`(?i)\b(?:not (?:quite |entirely |completely )?(?:sure|certain)|perhaps|maybe|may|might|possibly|unsure|could be wrong)\b`)
	reDoubt       = regexp.MustCompile(`(?i)\b(?:not sure|unsure|can't tell|couldn't tell|can't say|couldn't say) (?:how|whether|if|that|about (?:all|every|the whole|the rest))\b|^how [^,;]*, i'm not sure\b`)
	reChange      = regexp.MustCompile(`(?i)\b(?:last time|this time|clear now|than before|improved|better than|clearer than|practice shows|become clearer)\b`)
	reLiken       = regexp.MustCompile(`(?i)\b(?:close to|closer to|near to|nearer to|more like|like|towards?|instead of|rather than|as|for)\b`)
	reNothing     = regexp.MustCompile(`(?i)\b(?:nothing (?:here )?(?:needs work|to correct|i would change|to improve|to fix|to mend)|(?:i )?found nothing to correct|there is nothing i would change)\b`)
	reModest      = regexp.MustCompile(`(?i)\b(?:stands out|no single thing|leave this one)\b`) // no more than that nothing is worth saying
	reCourtesy    = regexp.MustCompile(`(?i)^(?:thanks|thank you|well done|good job|nice work|great job|nice job|good work)\b[^“/]*$`)
)

// poor and good are how English says that something was not, or was, as it should
// be. What is poor wins: "not clear", "nearly clear", "could be clearer".
var (
	rePoor = regexp.MustCompile(`(?i)\b(?:couldn't hear|could not hear|can't hear|didn't hear|did not hear|didn't catch|couldn't make out|missing|lost|barely|hardly|faint|weak|wasn't|weren't|isn't|aren't|didn't|doesn't|was not|were not|is not|are not|not (?:\w+ ){0,3}(?:clear|well|right|good|easy|there)|not quite|not yet|needs?|lacked|lacks|hard to|difficult to|closer to|close to|nearer to|near to|more like|sounded like|came out like|leaned|leans|drifted|turned into|nearly|almost|is close|could (?:be|flow|use|still|sound)|uneven|halted|halting|choppy|stop|stops|pause|pauses|paused|broke|broken|break|another syllable|wrong|poor|poorly|bad|badly|unclear|mumbled|swallowed|dropped|skipped|slurred|muffled|off|work on|worth work|struggled?|trouble|problem|mistake|too (?:long|short|fast|slow|soft|weak))\b`)
	reGood = regexp.MustCompile(`(?i)\b(?:clear|clearly|clearer|well|right|easy|easily|at once|best|clearest|smooth|smoothly|flowed|flow|steady|steadily|nicely|nice|good|great|lovely|strong|strongly|perfect|perfectly|excellent|understood|understandable|understand|carried|worked|better|improved|all the way|last word|every word|no effort|crisp|correct|correctly|accurate|accurately|natural|naturally|bravo|solid|precise|precisely)\b`)
	// denied is what would be poor, denied, or is but said of something else.
	reDenied  = regexp.MustCompile(`(?i)\b(?:(?:nice|good|great|lovely|excellent) (?:work|job) (?:on|with)|no (?:effort|trouble|problem)s?|without (?:trouble|effort|a pause|pauses|stopping))\b`)
	reKind    = regexp.MustCompile(`(?i)\b(?:short|long|hard|voiced|weak) §`) // the name of a sound: no verdict
	reGoesOn  = regexp.MustCompile(`(?i)\s*;\s*(it|they|that|this|which)\s`)  // still of the same
	rePause   = regexp.MustCompile(`(?i)\b(?:pauses?|paused|stops?|stopped|halt\w*|hesitat\w+|break|broke|gap)\b`)
	reBest    = regexp.MustCompile(`(?i)\b(?:best|clearest)\b`)
	reLeast   = regexp.MustCompile(`(?i)\bleast (?:clear|clearly)\b`)
	reMissing = regexp.MustCompile(`(?i)n't hear|not hear|n't catch|n't make out|\bmissing\b|\blost\b`)
	reWithin  = regexp.MustCompile(`\b(?:in|after)\s*$`)
	reLead    = regexp.MustCompile(`(?i)^(?:[^“/:,]{0,60}:\s*|(?:then|also|again|next|and|but|so|if you like),?\s+)+`)
)

// What of a sentence is meant, by the words that only that is spoken of with.
var (
	reStress       = regexp.MustCompile(`(?i)\b(?:stress|stressed|emphasis|syllables?|weight)\b`)
	reProsody      = regexp.MustCompile(`(?i)\b(?:prosody|rhythm|melody|intonation|pitch|tone|voice carried|carried the meaning|expressive)\b`)
	reCompleteness = regexp.MustCompile(`(?i)\b(?:all the way|very last word|every word|the whole sentence|to the end)\b`)
	reFluency      = regexp.MustCompile(`(?i)\b(?:fluency|fluent|fluently|flow|flowed|flowing|smooth|smoothly|steady|moving|followed each other|pauses?|paused|stops?|stopped|halted|halting|halts|hesitat\w+)\b`)
	reAccuracy     = regexp.MustCompile(`(?i)\b(?:pronunciation|sounds|speech|clarity|accuracy|to understand|to follow|understood)\b`)
)

// aspectOf tells what of a sentence is meant, "" where no word does.
func aspectOf(s string) string {
	for _, a := range []struct {
		name  string
		words *regexp.Regexp
	}{{"stress", reStress}, {"prosody", reProsody}, {"completeness", reCompleteness}, {"fluency", reFluency}, {"accuracy", reAccuracy}} {
		if a.words.MatchString(s) {
			return a.name
		}
	}
	return ""
}

// sentences cuts a text where its sentences end, and leaves their ends on.
func sentences(text string) []string {
	text = reSentenceEnd.ReplaceAllString(strings.TrimSpace(text), "$1$2\n")
	return strings.FieldsFunc(text, func(r rune) bool { return r == '\n' })
}

// add reads one sentence.
func (r *Reading) add(s string, words []string) {
	// A semicolon parts what is said from what is to be done, or how sure it is.
	unsure := reUnsure.MatchString(s)
	s = reGoesOn.ReplaceAllString(s, ", $1 ")
	for part := range strings.SplitSeq(s, ";") {
		if part = strings.TrimSpace(part); !r.part(part, words, unsure) {
			return
		}
	}
}

// part reads a part of a sentence; false where it tells what to do, as does then
// what comes after it.
func (r *Reading) part(s string, words []string, unsure bool) bool {
	if s == "" || reCourtesy.MatchString(s) || reModest.MatchString(s) {
		return true
	}
	if reNothing.MatchString(s) {
		r.Claims = append(r.Claims, Claim{Level: Overall, Aspect: "accuracy", Word: -1, Good: true, Text: s})
		return true
	}
	body := reLead.ReplaceAllString(s, "")
	if (reDoubt.MatchString(s) || reDoubt.MatchString(body)) && !reReference.MatchString(s) {
		r.Claims = append(r.Claims, Claim{Level: Overall, Aspect: "accuracy", Word: -1, Unsure: true, Doubt: true, Text: s})
		return false // what follows is what to do about it
	}
	if reInstruction.MatchString(body) || strings.Contains(body, " should ") || strings.HasPrefix(body, "It has come up") || strings.EqualFold(strings.TrimRight(body, "."), "i'm not sure") {
		return false
	}
	body = reAside.ReplaceAllString(body, "")
	plain := reKind.ReplaceAllString(reReference.ReplaceAllString(reAside.ReplaceAllString(s, ""), "§"), "§")
	judged := reDenied.ReplaceAllString(plain, "well")
	poor, good := rePoor.MatchString(judged), reGood.MatchString(judged)
	if !poor && !good {
		return true
	}
	c := Claim{
		Level: Sentence, Aspect: "accuracy", Word: -1, Good: !poor, Unsure: unsure, Text: s,
		Change: reChange.MatchString(plain), Best: reBest.MatchString(plain),
	}
	if c.Least = reLeast.MatchString(plain); c.Least {
		c.Good = false
	}
	aspect := aspectOf(plain)
	if aspect != "" {
		c.Aspect = aspect
	}
	said, heard := body, ""
	if at := likened(body); at >= 0 {
		said, heard = body[:at], body[at:]
	}
	refs := references(said, words)
	if c.Heard = firstSound(references(heard, nil)); c.Heard == "" && reMissing.MatchString(plain) {
		c.Heard = Missing
	}
	named := slices.DeleteFunc(slices.Clone(refs), func(x reference) bool { return x.word < 0 })
	sounds := slices.DeleteFunc(slices.Clone(refs), func(x reference) bool { return x.sound == "" })
	switch {
	case slices.ContainsFunc(refs, func(x reference) bool { return x.word < 0 && x.sound == "" }):
		r.Unread = append(r.Unread, s) // it judges a word that isn't there
	case len(sounds) > 0 && len(named) == 0:
		r.Unread = append(r.Unread, s) // a sound of no word
	case len(sounds) > 0:
		for _, x := range sounds {
			k := c
			k.Level, k.Aspect, k.Word, k.Sound, k.Place = Sound, "accuracy", named[len(named)-1].word, x.sound, x.place
			if !slices.ContainsFunc(r.Claims, func(o Claim) bool {
				return o.Text == s && o.Level == Sound && o.Word == k.Word && o.Sound == k.Sound
			}) {
				r.Claims = append(r.Claims, k)
			}
		}
	case len(named) > 0:
		for _, x := range named {
			k := c
			if k.Word = x.word; c.Aspect != "fluency" || !rePause.MatchString(plain) {
				k.Level = Word
				if c.Aspect != "stress" {
					k.Aspect = "accuracy"
				}
			}
			r.Claims = append(r.Claims, k)
		}
	case aspect != "":
		r.Claims = append(r.Claims, c)
	default:
		r.Unread = append(r.Unread, s)
	}
	return true
}

// likened returns where a sentence goes on to what something was like, -1 where
// it doesn't: the last such word that a sound follows.
func likened(s string) int {
	for _, at := range slices.Backward(reLiken.FindAllStringIndex(s, -1)) {
		rest := s[at[1]:]
		if ref := reReference.FindStringIndex(rest); ref != nil && len(strings.Fields(rest[:ref[0]])) <= 4 && !reWithin.MatchString(rest[:ref[0]]) {
			return at[0]
		}
	}
	return -1
}
