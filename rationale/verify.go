package rationale

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
)

// Rule names what a segment must not do.
type Rule string

// The rules, in the order in which a segment is held to them.
const (
	RuleCites    Rule = "cites"    // it cites claims that exist, that go together, that no other cites
	RuleText     Rule = "text"     // plain sentences: no markup, link, mention or odd character
	RuleTopic    Rule = "topic"    // nothing about natives, accents, identity, feelings, health, exams, itself
	RuleUnkind   Rule = "unkind"   // no insult
	RuleQuote    Rule = "quote"    // what is quoted belongs to its claims
	RuleSound    Rule = "sound"    // so do the sounds that it names, and expected and heard are not swapped
	RuleTarget   Rule = "target"   // it names what its claims are about
	RulePolarity Rule = "polarity" // it praises strengths and asks for fixes, never the other way, in the right degree
	RuleLabels   Rule = "labels"   // every clause, read by itself, is borne out by the labels of what it names
	RuleUnsure   Rule = "unsure"   // it says so where the claim is not sure
	RuleScope    Rule = "scope"    // it claims nothing of other aspects, words or lessons
	RuleNumber   Rule = "number"   // it counts nothing that its claims don't count
	RuleCue      Rule = "cue"      // a cue or next step says what its claim says
	RuleWords    Rule = "words"    // its words are those of a coach
	RuleLength   Rule = "length"   // it is short
)

// explain names a rule to the model that broke it.
func (r Rule) explain() string {
	switch r {
	case RuleCites:
		return "its segment cited claims that don't go together"
	case RuleText:
		return "it held markup, a link, an emoji or an odd character"
	case RuleTopic:
		return "it mentioned something that is never mentioned"
	case RuleUnkind:
		return "it was unkind"
	case RuleQuote:
		return "it quoted a word that the claim is not about"
	case RuleSound:
		return "it named another sound, or swapped the one wanted and the one heard"
	case RuleTarget:
		return "it did not name the word, sound or aspect in quotes"
	case RulePolarity:
		return "it praised a fix, criticised a strength, or was too strong"
	case RuleLabels:
		return "it said something of another word, or what the labels don't say"
	case RuleUnsure:
		return "it did not say that we are not sure"
	case RuleScope:
		return "it spoke of another aspect, of all words, or of another time"
	case RuleNumber:
		return "it counted something"
	case RuleCue:
		return "it changed how the sound is made"
	case RuleWords:
		return "it strayed from what is to be said"
	case RuleLength:
		return "it was too long"
	}
	return "it broke a rule"
}

// Violation is a segment that broke a rule. It holds none of its words.
type Violation struct {
	Segment int // index into the answer
	Rule    Rule
}

// Verify holds each segment of an answer to the claims that it cites, which
// Choose made from a and the earlier lessons, and returns those that pass (with
// their text tidied) and what the others broke first. It trusts nothing: that a
// segment cites a claim is no evidence that it makes it. Each clause is read by
// itself too, and held to the labels.
func Verify(answer []prompts.Segment, claims []coach.Claim, a coach.Assessment, earlier []coach.Lesson) ([]prompts.Segment, []Violation) {
	v := newVerifier(claims, a, earlier)
	var kept []prompts.Segment
	var broken []Violation
	taken := map[string]bool{}
	for i, s := range answer {
		s.Text = tidy(s.Text)
		s.Claims = slices.Compact(slices.Clone(s.Claims))
		if rule := v.check(s, taken); rule != "" {
			broken = append(broken, Violation{i, rule})
			continue
		}
		for _, id := range s.Claims {
			taken[id] = true
		}
		kept = append(kept, s)
	}
	return kept, broken
}

// violated sums violations up for an operator.
func violated(vs []Violation) error {
	if len(vs) == 0 {
		return errors.New("not all claims were worded")
	}
	var rules []string
	for _, v := range vs {
		rules = append(rules, string(v.Rule))
	}
	return fmt.Errorf("rules broken: %s", strings.Join(rules, ", "))
}

// verifier holds what may be said of one assessment's claims.
type verifier struct {
	a      coach.Assessment
	claims map[string]coach.Claim
	says   map[string]string // the plain wording of each claim
	lex    *lexicon
}

func newVerifier(claims []coach.Claim, a coach.Assessment, earlier []coach.Lesson) *verifier {
	v := &verifier{a: a, claims: map[string]coach.Claim{}, says: map[string]string{}, lex: readOnly()}
	for _, c := range claims {
		v.claims[c.ID] = c
	}
	for _, s := range prompts.Segments(claims, a, earlier) {
		for _, id := range s.Claims {
			v.says[id] = s.Text
		}
	}
	return v
}

// check returns the first rule that a segment breaks, "" where it breaks none.
func (v *verifier) check(s prompts.Segment, taken map[string]bool) Rule {
	g, ok := v.gather(s, taken)
	if !ok {
		return RuleCites
	}
	if !printable(s.Text) {
		return RuleText
	}
	if g.advice && len(g.claims) == 1 && s.Text == tidy(g.claims[0].Text) {
		return "" // what is said where the answer's is not; the rules below may be too strict for it
	}
	r := read(s.Text)
	for _, step := range []struct {
		rule  Rule
		holds bool
	}{
		{RuleLength, len(r.words) > 0 && prompts.Words(s.Text) <= 60},
		{RuleTopic, !r.mentionsBeyond(v.lex.topics, g.said)},
		{RuleUnkind, !r.has(v.lex.unkind)},
		{RuleQuote, v.quotes(r, g)},
		{RuleSound, v.sounds(r, g)},
		{RuleTarget, v.targets(r, g)},
		{RulePolarity, v.polarity(r, g)},
		{RuleLabels, v.labels(s.Text, g)},
		{RuleUnsure, !g.unsure || r.mentions(v.lex.hedges)},
		{RuleScope, v.scope(r, g)},
		{RuleNumber, v.numbers(r, g)},
		{RuleCue, v.cues(r, g)},
		{RuleWords, v.wording(r, g)},
	} {
		if !step.holds {
			return step.rule
		}
	}
	return ""
}

// group is the claims that a segment cites.
type group struct {
	claims  []coach.Claim
	says    string // their plain wordings
	said    reading
	praise  *coach.Claim // a strength or change among them
	fix     *coach.Claim
	advice  bool // a cue or a next step among them
	unsure  bool
	aspects map[coach.Aspect]bool
}

// gather collects the claims that a segment cites; false where one is unknown,
// has been made already, or where praise and a fix are mixed so that neither
// could be told from the other.
func (v *verifier) gather(s prompts.Segment, taken map[string]bool) (*group, bool) {
	g := &group{aspects: map[coach.Aspect]bool{}}
	seen := map[string]bool{}
	for _, id := range s.Claims {
		c, ok := v.claims[id]
		if !ok || taken[id] || seen[id] || v.says[id] == "" {
			return nil, false
		}
		seen[id] = true
		g.claims = append(g.claims, c)
		g.says += " " + v.says[id]
		g.aspects[c.Aspect] = true
		g.unsure = g.unsure || prompts.Unsure(c, v.a)
		switch {
		case prompts.IsFix(c):
			if g.fix != nil {
				return nil, false
			}
			g.fix = &c
		case c.Kind == coach.ClaimStrength || c.Kind == coach.ClaimChange:
			if g.praise != nil {
				return nil, false
			}
			g.praise = &c
		default:
			g.advice = true
		}
	}
	g.said = read(tidy(g.says))
	return g, len(g.claims) > 0 && len(g.claims) <= 3 && (g.praise == nil || g.fix == nil && !g.advice)
}

// quotes: everything in quotes stands in the plain wording of a cited claim, or
// is the word, the sound or a key word of one, or a run of the sentence's words
// around its word.
func (v *verifier) quotes(r reading, g *group) bool {
	for _, q := range r.quoted {
		if slices.Contains(g.said.quoted, q) || slices.ContainsFunc(g.claims, func(c coach.Claim) bool { return v.belongs(q, c) }) {
			continue
		}
		return false
	}
	return true
}

func (v *verifier) belongs(quote string, c coach.Claim) bool {
	for _, p := range []coach.Phoneme{c.Expected, c.Heard} {
		if s, ok := prompts.SoundOf(p); ok {
			if quote == strings.ToLower(s.Key) || quote == letters(s) {
				return true
			}
		}
	}
	if c.Word == nil {
		return false
	}
	if quote == fold(v.a.Words[*c.Word].Text) {
		return true
	}
	ws := strings.Fields(quote)
	for from := max(0, *c.Word-len(ws)+1); len(ws) > 1 && from <= *c.Word; from++ {
		if from+len(ws) > len(v.a.Words) {
			break
		}
		if slices.EqualFunc(ws, v.a.Words[from:from+len(ws)], func(q string, w coach.Word) bool { return q == fold(w.Text) }) {
			return true
		}
	}
	return false
}

// sounds: every symbol between slashes, every ARPAbet code and every "the r
// sound" is one of a cited claim's, and what was heard is not given as what was
// expected.
func (v *verifier) sounds(r reading, g *group) bool {
	if r.arpabet {
		return false
	}
	allowed := map[string]bool{}
	for _, s := range g.said.symbols {
		allowed[s] = true
	}
	for _, c := range g.claims {
		for _, p := range []coach.Phoneme{c.Expected, c.Heard} {
			if s, ok := prompts.SoundOf(p); ok {
				allowed[fold(s.IPA)], allowed[letters(s)] = true, true
			}
		}
		if p := v.phone(c); p != nil && p.IPA != "" {
			allowed[fold(p.IPA)] = true
		}
	}
	for _, s := range append(slices.Clone(r.symbols), r.spelt...) {
		if !allowed[s] {
			return false
		}
	}
	if g.fix == nil || g.fix.Kind != coach.ClaimPhone {
		return true
	}
	want, _ := prompts.SoundOf(g.fix.Expected)
	heard, _ := prompts.SoundOf(g.fix.Heard)
	for _, s := range r.likened {
		if g.fix.Heard == "" || g.fix.Heard == coach.Missing {
			return false // nothing is known about what was heard
		}
		if s != "/"+fold(heard.IPA) && s != letters(heard) || s == letters(want) && fold(want.IPA) == fold(heard.IPA) {
			return false // it was likened to something else, the sound that was wanted, say
		}
	}
	return true
}

func (v *verifier) phone(c coach.Claim) *coach.Phone {
	if c.Word == nil || c.Phone == nil || *c.Word >= len(v.a.Words) || *c.Phone >= len(v.a.Words[*c.Word].Phones) {
		return nil
	}
	return &v.a.Words[*c.Word].Phones[*c.Phone]
}

// targets: a strength or fix is made of the word, sound or aspect that it is
// about, by name.
func (v *verifier) targets(r reading, g *group) bool {
	for _, c := range g.claims {
		if c.Kind == coach.ClaimCue || c.Kind == coach.ClaimNext && c.Word == nil {
			continue
		}
		if c.Word != nil {
			w := fold(v.a.Words[*c.Word].Text)
			named := slices.ContainsFunc(r.quoted, func(q string) bool { return q == w || slices.Contains(strings.Fields(q), w) })
			if !slices.ContainsFunc(g.said.quoted, func(q string) bool { return q == w }) {
				named = true // a word that can't be quoted is pointed at: "the third word"
			}
			if !named {
				return false
			}
		}
		if c.Phone != nil {
			s, _ := prompts.SoundOf(c.Expected)
			p := v.phone(c)
			if !slices.Contains(r.quoted, letters(s)) && !slices.Contains(r.symbols, fold(s.IPA)) && !slices.Contains(r.spelt, letters(s)) &&
				!slices.ContainsFunc(g.said.symbols[:min(1, len(g.said.symbols))], func(x string) bool { return slices.Contains(r.symbols, x) }) &&
				(p == nil || p.IPA == "" || !slices.Contains(r.symbols, fold(p.IPA))) {
				return false
			}
		}
		if c.Word == nil && !r.has(v.lex.aspectWords[c.Aspect]) {
			return false
		}
		if c.Aspect == coach.Stress && !r.has(v.lex.aspectWords[coach.Stress]) {
			return false
		}
		if c.Kind == coach.ClaimPause && !r.has(v.lex.pauseWords) {
			return false
		}
	}
	return true
}

// polarity: praise and blame, each with its negations, are where they belong.
func (v *verifier) polarity(r reading, g *group) bool {
	praise, blame := r.verdicts(v.lex, g.praise == nil)
	switch {
	case g.praise != nil:
		told := g.praise.Aspect == coach.Completeness // what was done is praise enough
		if praise == 0 && !told || blame > 0 || r.mentionsBeyond(v.lex.excesses, g.said) || r.mentionsBeyond(v.lex.wishes, g.said) ||
			r.mentions(v.lex.histories) && g.praise.Kind != coach.ClaimChange {
			return false
		}
		if g.praise.Label <= coach.Average && g.praise.Kind == coach.ClaimStrength && g.praise.Aspect != coach.Completeness {
			return r.has(v.lex.superlatives) && !r.hasBeyond(v.lex.praises, g.said)
		}
		return (g.praise.Label == coach.Excellent || !r.has(v.lex.highest)) && !r.hasBeyond(v.lex.superlatives, g.said) || g.praise.Kind == coach.ClaimChange
	case g.fix != nil:
		if praise > 0 || r.has(v.lex.highest) {
			return false
		}
		if blame == 0 && !r.mentions(v.lex.requests) && len(r.likened) == 0 {
			return false
		}
		return g.fix.Label != coach.Average || !r.hasBeyond(v.lex.severe, g.said)
	}
	return !r.hasBeyond(v.lex.praises, g.said) && !r.hasBeyond(v.lex.blames, g.said)
}

// scope: nothing is said of other aspects, of all words, of other words, or of
// other times, that no cited claim says.
func (v *verifier) scope(r reading, g *group) bool {
	has := func(words map[string]bool, w string) bool { return words[w] && !g.said.set[w] }
	for aspect, words := range v.lex.aspectNames {
		if g.aspects[aspect] || aspect == coach.Accuracy && g.aspects[coach.Stress] {
			continue
		}
		for _, w := range r.words {
			if has(words, w) {
				return false
			}
		}
	}
	if g.praise != nil && !g.aspects[coach.Accuracy] && r.hasBeyond(v.lex.clarity, g.said) {
		return false
	}
	ofWord := slices.ContainsFunc(g.claims, func(c coach.Claim) bool { return c.Word != nil && c.Kind != coach.ClaimCue })
	for _, w := range r.words {
		if has(v.lex.universals, w) && ofWord {
			return false
		}
	}
	if r.set["least"] && !g.said.set["least"] {
		return false
	}
	if r.set["still"] && !g.said.set["still"] && (g.fix == nil || g.fix.Label != coach.Average) {
		return false
	}
	if r.mentions(v.lex.histories) && !g.said.mentions(v.lex.histories) && (g.praise == nil || g.praise.Kind != coach.ClaimChange) {
		return false
	}
	for _, w := range v.a.Words {
		t := fold(w.Text)
		if len(t) > 2 && r.set[t] && !v.lex.vocabulary[t] && !g.said.set[t] {
			return false // another word of the sentence, without its quotes
		}
	}
	return true
}

// numbers: digits and counts stand in the plain wording too.
func (v *verifier) numbers(r reading, g *group) bool {
	for _, w := range r.words {
		if (v.lex.counts[w] || w[0] >= '0' && w[0] <= '9') && !g.said.set[w] {
			return false
		}
	}
	phone := slices.ContainsFunc(g.claims, func(c coach.Claim) bool { return c.Phone != nil && c.Kind != coach.ClaimCue })
	return !phone || !r.set["last"] || g.said.set["final"] || g.said.set["last"] || r.mentions(v.lex.histories)
}

// cues: advice keeps to its claim's: the parts of the mouth that it names are
// the claim's, what is without is without, and most of it is there.
func (v *verifier) cues(r reading, g *group) bool {
	if !g.advice {
		return true
	}
	for _, w := range r.words {
		if v.lex.mouth[w] && !g.said.set[w] {
			return false
		}
	}
	for w := range g.said.set {
		if v.lex.mouth[w] && r.set[w] && r.negated(v.lex, w) != g.said.negated(v.lex, w) {
			return false
		}
	}
	content, shared := 0, 0
	for w := range g.said.set {
		if len(w) > 3 && !v.lex.glue[w] {
			if content++; r.set[w] {
				shared++
			}
		}
	}
	return shared*5 >= content*2
}

// wording: the words are a coach's, the sentence's, or the claims'; at most one
// in seven is new, and no sentence stands apart from the claims.
func (v *verifier) wording(r reading, g *group) bool {
	for _, sentence := range r.sentences {
		fresh, anchored := 0, sentence.anchored
		for _, w := range sentence.words {
			if !v.lex.vocabulary[w] && !g.said.set[w] {
				fresh++
			}
			if g.said.set[w] && len(w) > 3 && !v.lex.glue[w] || v.aspectWord(g, w) {
				anchored = true
			}
		}
		if fresh > len(sentence.words)/7 || !anchored && (fresh > 0 || len(sentence.words) > 7) {
			return false
		}
	}
	return !r.name
}

func (v *verifier) aspectWord(g *group, w string) bool {
	for aspect := range g.aspects {
		if v.lex.aspectWords[aspect][w] {
			return true
		}
	}
	return false
}
