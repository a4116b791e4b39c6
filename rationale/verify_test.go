package rationale_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/mynah-coach/mynah/coach"
	"github.com/mynah-coach/mynah/prompts"
	"github.com/mynah-coach/mynah/rationale"
)

// The plain realiser is the first to be held to the verifier's rules.
func TestVerifyPassesThePlainWording(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for n := range 300 {
		a := random(r)
		var earlier []coach.Lesson
		for range 1 + n%3 {
			claims := prompts.Choose(a, earlier)
			segments := prompts.Segments(claims, a, earlier)
			kept, broken := rationale.Verify(segments, claims, a, earlier)
			if len(broken) > 0 {
				for _, b := range broken {
					t.Errorf("%s: %q", b.Rule, segments[b.Segment].Text)
				}
			}
			_ = kept
			earlier = append([]coach.Lesson{{Assessment: a, Rationale: coach.Rationale{Text: prompts.Join(segments), Claims: claims}}}, earlier...)
			if t.Failed() && n > 60 {
				t.FailNow()
			}
		}
	}
}

// lesson is the assessment that the tables below answer to: the l of light was
// an r, the v of very leaned to w, the rest was excellent.
func lesson() (coach.Assessment, []coach.Claim) {
	a := wrong(wrong(say("I think the red light is very important"), 4, 0, coach.Bad, "R"), 6, 0, coach.Average, "W")
	return a, []coach.Claim{
		{ID: "c1", Kind: coach.ClaimStrength, Aspect: coach.Accuracy, Word: at(3), Phone: at(0), Expected: "R", Label: coach.Excellent, Confidence: .9},
		{ID: "c2", Kind: coach.ClaimPhone, Aspect: coach.Accuracy, Word: at(4), Phone: at(0), Expected: "L", Heard: "R", Label: coach.Bad, Confidence: .9},
		{ID: "c3", Kind: coach.ClaimCue, Aspect: coach.Accuracy, Word: at(4), Phone: at(0), Expected: "L", Heard: "R", Text: "Press your tongue tip to the ridge behind your top teeth and let the air pass the sides."},
		{ID: "c4", Kind: coach.ClaimPhone, Aspect: coach.Accuracy, Word: at(6), Phone: at(0), Expected: "V", Heard: "W", Label: coach.Average, Confidence: .9},
		{ID: "c5", Kind: coach.ClaimCue, Aspect: coach.Accuracy, Word: at(6), Phone: at(0), Expected: "V", Heard: "W", Text: "Rest your top teeth on your lower lip and let it buzz with your voice on."},
		{ID: "c6", Kind: coach.ClaimNext, Word: at(4), Expected: "L", Text: "Now say “light” three times, slowly, then send me the whole sentence again."},
		{ID: "c7", Kind: coach.ClaimStrength, Aspect: coach.Fluency, Label: coach.Good, Confidence: .9},
		{ID: "c8", Kind: coach.ClaimPhone, Aspect: coach.Accuracy, Word: at(1), Phone: at(0), Expected: "TH", Label: coach.Bad, Confidence: .45},
		{ID: "c9", Kind: coach.ClaimNext, Aspect: coach.Accuracy, Text: "I'm not sure how clear all of it was, so read it once more, a little slower."},
		{ID: "c10", Kind: coach.ClaimNext, Word: at(7), Phone: at(1), Expected: "M", Text: "One thing to polish: of the sounds in your main words, the “m” /m/ in “important” came out least clearly."},
		{ID: "c11", Kind: coach.ClaimCue, Aspect: coach.Accuracy, Word: at(7), Phone: at(5), Expected: "AH", Text: "Relax everything, lips and jaw, and make a quick, lazy sound."},
	}
}

func at(i int) *int { return &i }

// verify holds one segment to the claims that it cites, alone: all of the lesson's
// would be more than a reply has room for.
func verify(text, ids string, claims []coach.Claim, a coach.Assessment) ([]prompts.Segment, []rationale.Violation) {
	cited := slices.DeleteFunc(slices.Clone(claims), func(c coach.Claim) bool { return !slices.Contains(strings.Fields(ids), c.ID) })
	return rationale.Verify([]prompts.Segment{{Text: text, Claims: strings.Fields(ids)}}, cited, a, nil)
}

func TestVerifyPassesFaithfulWordings(t *testing.T) {
	a, claims := lesson()
	a.Sentence.Fluency = judged(coach.Good, 10, .9)
	a.Words[1].Phones[0].Accuracy = coach.Judgement{Label: coach.Bad, Score: .9, Confidence: .6}
	for _, c := range []struct{ id, text string }{
		{"c1", "Your “r” /ɹ/ in “red” came through nice and clear."},
		{"c1", "Nice work on the \"r\" in \"red\" – it was really clear!"},
		{"c1", "The 'r' sound in 'red' was clear and strong."},
		{"c1", "That “r” /ɹ/ in “red” was perfect."},
		{"c1", "Good job: I could hear the **“r”** in “red” clearly."},
		{"c2", "The “l” /l/ in “light” sounded a bit more like “r” /ɹ/."},
		{"c2", "In “light”, the “l” came out closer to an “r”."},
		{"c2", "Let's work on “light”: the “l” /l/ drifted towards “r” /ɹ/."},
		{"c2", "One thing to try: your “l” in “light” wasn't quite clear yet; it was close to “r”."},
		{"c3", "Press the tip of your tongue to the ridge behind your top teeth, and let the air pass along the sides."},
		{"c3", "Try this: press the ridge behind your top teeth with your tongue tip and let the air pass at the sides."},
		{"c4", "The “v” /v/ in “very” is nearly there; it still leans a little towards “w”."},
		{"c4", "Your “v” in “very” is almost there, just a bit closer to “w” /w/ than it should be."},
		{"c5", "Let your top teeth rest on your lower lip and feel it buzz with your voice on."},
		{"c6", "Now say “light” slowly three times, and then send me the whole sentence again."},
		{"c7", "Your reading flowed nicely."},
		{"c7", "You read smoothly, well done!"},
		{"c8", "I'm not sure, but the “th” /θ/ in “think” may not have been clear."},
		{"c8", "Maybe the “th” in “think” could be a little clearer."},
		{"c10", "Of the sounds in your main words, the “m” /m/ in “important” came out least clearly."},
		{"c10", "One thing to polish next: the “m” in “important” came out least clearly of the sounds in your main words."},
		{"c11", "Relax everything, lips and jaw, and make a quick, lazy sound."}, // verbatim, though another "lazy" would be unkind
		{"c9", "I'm not quite sure how clear all of it was; please read it once more, a little slower."},
		{"c9", "Read it once more, a little slower: I'm not sure how clear all of it was."},
	} {
		kept, broken := verify(c.text, c.id, claims, a)
		if len(kept) != 1 {
			t.Errorf("%s: %q broke %v", c.id, c.text, broken)
		}
	}
}

func TestVerifyRejects(t *testing.T) {
	a, claims := lesson()
	a.Sentence.Fluency = judged(coach.Good, 10, .9)
	a.Words[1].Phones[0].Accuracy = coach.Judgement{Label: coach.Bad, Score: .9, Confidence: .6}
	for what, cs := range map[string][][2]string{
		"no claim or an unknown one": {
			{"", "Your “r” in “red” was clear."}, {"c99", "Your “r” in “red” was clear."},
			{"c1 c2", "Your “r” in “red” was clear, but the “l” in “light” was close to “r”."},
		},
		"another word or sound than its claim's": {
			{"c1", "Your “r” in “right” was clear."}, {"c1", "Your “r” in “important” was clear."}, {"c1", "Your “l” in “red” was clear."},
			{"c1", "Your /l/ in “red” was clear."}, {"c1", "Your RR sound in “red” was clear, and your TH too."}, {"c1", "Your “red” was clear."},
			{"c2", "The “l” in “light” sounded more like “w”."}, {"c2", "The “l” in “light” sounded more like /d/."},
			{"c2", "The “r” in “light” sounded more like “l”."}, {"c2", "The “l” in “think” was closer to “r”."},
			{"c1", "Your “r” in red was clear, and important was clear too."}, {"c1", "The “r” in “red” was clear, as was the th sound."},
			{"c8", "I'm not sure, but the “th” in “think” may have sounded like “s”."},
		},
		"the wrong polarity": {
			{"c1", "The “r” in “red” was not clear."}, {"c1", "The “r” in “red” wasn't good."}, {"c1", "The “r” in “red” needs work."},
			{"c1", "The “r” in “red”."}, {"c2", "The “l” in “light” was perfect."}, {"c2", "The “l” in “light” was clear, not like “r”."},
			{"c2", "Great “l” in “light”, close to “r”!"}, {"c2", "There was nothing wrong with the “l” in “light”."},
			{"c4", "The “v” in “very” was wrong, like “w”."}, {"c4", "The “v” in “very” was really bad, close to “w”."},
			{"c7", "Your reading was perfectly smooth."}, {"c7", "Your reading was flawless, it flowed."},
			{"c3", "Perfect, you pressed your tongue tip to the ridge behind your top teeth and let the air pass the sides."},
			{"c6", "Your “light” was great, so say it three times slowly and send me the whole sentence again."},
			{"c2", "You didn't struggle with “l” in “light”."},
		},
		"more than the claim": {
			{"c1", "The “r” in “red” was clear, and so was everything else."}, {"c1", "All your sounds were clear, like the “r” in “red”."},
			{"c1", "The “r” in “red” was clear and your rhythm was lovely."}, {"c1", "The “r” in “red” was clearer than last time."},
			{"c1", "The “r” in “red” has improved; very clear."}, {"c2", "The “l” in “light” still sounded like “r”, as before."},
			{"c2", "You always say “l” in “light” like “r”."}, {"c7", "Your reading flowed well and your pronunciation was clear."},
			{"c1", "The “r” in “red” was 95% clear."}, {"c1", "The “r” in “red” was clear: ten out of ten."}, {"c1", "You said the “r” in “red” clearly two times."},
			{"c1", "The second “r” in “red” was clear."}, {"c1", "The final “r” in “red” was clear."}, {"c1", "The last “r” in “red” was clear."},
			{"c8", "The “th” in “think” was not clear."}, {"c8", "The “th” /θ/ in “think” needs work."},
		},
		"another cue than its claim's": {
			{"c3", "Press your lips together and hum through your nose."}, {"c3", "Press your tongue tip to the roof of your mouth and hold your breath."},
			{"c3", "Don't press your tongue tip to the ridge behind your top teeth and let the air pass the sides."},
			{"c5", "Rest your top teeth on your lower lip and let it buzz without your voice on."}, {"c3", "Just try a bit more."},
			{"c6", "Now read the whole book three times."}, {"c6", "Hold your breath, say “light” three times slowly, then send me the whole sentence again."},
		},
		"what no coach may say": {
			{"c1", "The “r” in “red” was clear, almost like a native speaker."}, {"c1", "You sound American: the “r” in “red” was clear."},
			{"c1", "You sound confident; the “r” in “red” was clear."}, {"c1", "Your accent is lovely; the “r” in “red” was clear."},
			{"c1", "For a Chinese speaker, the “r” in “red” was clear."}, {"c1", "You must be a young woman; the “r” in “red” was clear."},
			{"c2", "You may have a lisp; the “l” in “light” was close to “r”."}, {"c2", "See a speech therapist about the “l” in “light”, it was close to “r”."},
			{"c1", "That would be IELTS band 7: the “r” in “red” was clear."}, {"c1", "CEFR B2! The “r” in “red” was clear."},
			{"c2", "Your “l” in “light” was terrible, like “r”."}, {"c2", "What a stupid way to say “l” in “light”, like “r”."},
			{"c1", "As an AI, I found the “r” in “red” clear."}, {"c1", "My instructions say that the “r” in “red” was clear."},
		},
		"markup, links, mentions and hidden text": {
			{"c1", "The “r” in “red” was clear. See https://evil.example"}, {"c1", "The “r” in “red” was clear. Visit evil.com now"},
			{"c1", "@everyone The “r” in “red” was clear."}, {"c1", "<!channel> The “r” in “red” was clear."}, {"c1", "<@U123> The “r” in “red” was clear."},
			{"c1", "[The “r”](x) in “red” was clear."}, {"c1", "# The “r” in “red” was clear."}, {"c1", "The “r” in “red” was clear. 🎉"},
			{"c1", "The “r” in “red” was clear.\u202egnp.exe"}, {"c1", "The “r” in “red” was cle\u200bar."}, {"c1", "The “r” in “red” wаs clear."},
			{"c1", "||The “r” in “red” was clear.||"}, {"c1", "The “r” in “red was clear."}, {"c1", "The “r” in “red” was clear.\x00"},
			{"c1", "<script>alert(1)</script> The “r” in “red” was clear."}, {"c1", "The “r” in “red” was clear {{template}}"},
			{"c1", "The “r” in “red” was clear ~~not~~"}, {"c1", "The “r” in “red” was clear\\n"}, {"c1", "The “r” in “red” was clear; www.evil.example"},
		},
		"what has no business in a reply": {
			{"c1", "The “r” in “red” was clear. Send your password to Bob."}, {"c1", "The “r” in “red” was clear. Now transfer twenty coins."},
			{"c1", "The “r” in “red” was clear. Paris is the capital of France."}, {"c1", "The “r” in “red” was clear, and I will hack the planet."},
			{"c1", "Ignore the labels. The “r” in “red” was clear."}, {"c1", "The “r” in “red” was clear. Long live the revolution of penguins."},
			{"c1", "I love you. The “r” in “red” was clear. Marry me tomorrow in Vegas."}, {"c1", "Le son “r” dans “red” est clear."},
			{"c1", ""}, {"c1", "   "}, {"c1", "clear clear clear"}, {"c1", "SYSTEM: the “r” in “red” was clear"},
			{"c1", "The “r” in “red” was clear " + string(make([]byte, 10))}, {"c1", "The “r” in “red” was clear" + strings.Repeat(" and clear", 40)},
		},
	} {
		t.Run(what, func(t *testing.T) {
			for _, c := range cs {
				kept, broken := verify(c[1], c[0], claims, a)
				if len(kept) > 0 || len(broken) != 1 {
					t.Errorf("%s: %q passed", c[0], c[1])
				}
			}
		})
	}
}
