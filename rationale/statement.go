package rationale

import (
	"regexp"
	"slices"
	"strings"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
)

// statement is what one clause of a text says, read without what the text cites.
type statement struct {
	words         []string // words of the sentence that it names, in quotes or as subjects
	sounds        []string // sounds that it names, as symbols or letters, but those it only likens to
	aspects       []coach.Aspect
	praise, blame int
	highest       bool // praise that only Excellent bears out
	severe        bool // blame that only Bad and Worst do
	superlative   bool
	compares      bool // with something other than how it should be
}

var (
	reClause  = regexp.MustCompile(`[.!?;:…]+|,|\b(?:and|but|while|whereas|although|though|yet|except|unlike|so)\b`)
	reAsIn    = regexp.MustCompile(`\((?:as|like) in [^)]*\)`) // a key word, which shows a sound
	reThan    = regexp.MustCompile(`\b(?:than|compared|unlike|as \w+ as)\b`)
	reShould  = regexp.MustCompile(`\bthan (?:it|they) (?:should|could|needs|need)\b|\b(?:as soon|as well|as long|as far) as\b`)
	reSubject = regexp.MustCompile(`^(?:was|were|is|are|wasn't|isn't|weren't|aren't|sounds|sounded|came|comes|went|could|needs?|flowed|stood|got|seems|seemed|lacks|lacked)$`)
)

// statements reads the clauses of a tidied text. One that names nothing speaks of
// what the one before it named.
func (v *verifier) statements(text string, goals bool) []statement {
	var out []statement
	var before statement
	for _, clause := range clauses(text) {
		r := read(clause)
		var s statement
		s.praise, s.blame = r.verdicts(v.lex, goals)
		s.highest, s.severe, s.superlative = r.has(v.lex.highest), r.has(v.lex.severe), r.has(v.lex.superlatives)
		s.compares = reThan.MatchString(reShould.ReplaceAllString(strings.ToLower(clause), ""))
		if at := reLikened.FindStringIndex(clause); at != nil {
			s.blame++
			clause = clause[:at[0]] // what follows is what was heard
		}
		meant := read(reAsIn.ReplaceAllString(clause, ""))
		s.words = v.named(meant)
		for _, x := range append(append(slices.Clone(meant.symbols), meant.spelt...), meant.quoted...) {
			if (isSound(x) || slices.Contains(meant.symbols, x)) && !slices.Contains(s.words, x) {
				s.sounds = append(s.sounds, x)
			}
		}
		for aspect, words := range v.lex.aspectNames {
			if r.has(words) {
				s.aspects = append(s.aspects, aspect)
			}
		}
		if len(s.words)+len(s.sounds)+len(s.aspects) == 0 {
			s.words, s.sounds, s.aspects = before.words, before.sounds, before.aspects
		} else {
			before = s
		}
		out = append(out, s)
	}
	return out
}

// clauses cuts a text at its marks and conjunctions, but not within quotes.
func clauses(text string) []string {
	var quotes []string
	masked := reQuoted.ReplaceAllStringFunc(text, func(q string) string {
		quotes = append(quotes, q)
		return "§"
	})
	var out []string
	n := 0
	for _, part := range reClause.Split(masked, -1) {
		for strings.Contains(part, "§") {
			part = strings.Replace(part, "§", quotes[n], 1)
			n++
		}
		if strings.TrimSpace(part) != "" {
			out = append(out, part)
		}
	}
	return out
}

// named returns the words of the sentence that a clause is about: quoted ones,
// and bare ones that something is said of.
func (v *verifier) named(r reading) []string {
	var out []string
	for _, w := range v.a.Words {
		t := fold(w.Text)
		switch {
		case t == "" || slices.Contains(out, t):
		case slices.Contains(r.quoted, t) && (!isSound(t) || len(r.quoted) == 1):
			out = append(out, t)
		case len(t) > 2 && !v.lex.pointers[t] && !v.lex.praises[t] && !v.lex.blames[t] && isSubject(r.words, t):
			out = append(out, t)
		}
	}
	return out
}

// isSubject reports that something is said of a bare word: “light was”, and in
// “so was light”.
func isSubject(words []string, word string) bool {
	if len(words) == 2 && words[1] == word && (words[0] == "was" || words[0] == "is" || words[0] == "did") {
		return true
	}
	for i, w := range words[:max(0, len(words)-1)] {
		if w == word && reSubject.MatchString(words[i+1]) {
			return true
		}
	}
	return false
}

// isSound reports letters that name a sound: “th”, “a”.
func isSound(quote string) bool {
	return slices.ContainsFunc(prompts.Sounds(), func(s prompts.Sound) bool { return letters(s) == quote })
}

// labels: each clause that says how something was, read by itself, speaks of what
// the cited claims are about, and the assessment's own labels bear it out.
func (v *verifier) labels(text string, g *group) bool {
	for _, s := range v.statements(text, g.praise == nil) {
		if s.compares && (g.praise != nil && g.praise.Kind != coach.ClaimChange || g.fix != nil) && !reThan.MatchString(strings.ToLower(g.says)) {
			return false
		}
		for _, w := range s.words {
			if !slices.Contains(g.said.quoted, w) && !v.mine(w, g) || s.praise+s.blame > 0 && !v.wordBearsOut(w, s, g) {
				return false
			}
		}
		for _, aspect := range s.aspects {
			if j := v.a.Sentence.Of(aspect); j.Scored() && !bearsOut(j.Label, s) {
				return false
			}
		}
	}
	return true
}

// mine reports a word of a cited claim.
func (v *verifier) mine(word string, g *group) bool {
	return slices.ContainsFunc(g.claims, func(c coach.Claim) bool { return c.Word != nil && fold(v.a.Words[*c.Word].Text) == word })
}

// wordBearsOut reports that a word of that spelling, or the sounds named of it,
// has a label for what is said.
func (v *verifier) wordBearsOut(word string, s statement, g *group) bool {
	found := false
	for _, w := range v.a.Words {
		if fold(w.Text) != word {
			continue
		}
		found = true
		switch {
		case !w.Spoken:
			if s.praise == 0 {
				return true
			}
		case g.aspects[coach.Stress]:
			if bearsOut(w.Stress.Label, s) {
				return true
			}
		case g.fix != nil && g.fix.Kind == coach.ClaimPause:
			return s.praise == 0
		case len(s.sounds) == 0:
			if bearsOut(w.Accuracy.Label, s) || s.superlative && s.blame == 0 && w.Accuracy.Label >= coach.Average || v.phonesBearOut(w, s, g) {
				return true
			}
		default:
			if v.phonesBearOut(w, s, g) {
				return true
			}
		}
	}
	return !found // a key word or a word of a cue: nothing is known of it
}

// phonesBearOut reports that each sound named is one of the word's, with a label
// for what is said; where none is named, that the claim's own is.
func (v *verifier) phonesBearOut(w coach.Word, s statement, g *group) bool {
	holds := func(sound string) bool {
		return slices.ContainsFunc(w.Phones, func(p coach.Phone) bool { return v.isCalled(p, sound) && bearsOut(p.Accuracy.Label, s) })
	}
	if len(s.sounds) == 0 {
		return slices.ContainsFunc(g.claims, func(c coach.Claim) bool {
			p := v.phone(c)
			return p != nil && bearsOut(p.Accuracy.Label, s)
		})
	}
	for _, sound := range s.sounds {
		key := slices.ContainsFunc(prompts.Sounds(), func(k prompts.Sound) bool { return strings.ToLower(k.Key) == sound })
		if !key && !holds(sound) {
			return false
		}
	}
	return true
}

// isCalled reports that a phone's expected sound has this symbol or respelling.
func (v *verifier) isCalled(p coach.Phone, sound string) bool {
	if fold(p.IPA) == sound {
		return true
	}
	s, ok := prompts.SoundOf(p.Expected)
	return ok && (fold(s.IPA) == sound || letters(s) == sound || p.Expected == "AH" && (sound == "uh" || sound == "ə"))
}

// bearsOut reports that a label is one for what a statement says.
func bearsOut(l coach.Label, s statement) bool {
	switch {
	case l == coach.Unscored:
		return s.praise == 0 && s.blame == 0
	case s.praise > 0 && s.blame > 0:
		return false
	case s.praise > 0:
		return l == coach.Excellent || l == coach.Good && !s.highest
	case s.blame > 0:
		return l <= coach.Bad || l == coach.Average && !s.severe
	}
	return true
}
