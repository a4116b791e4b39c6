package rationale

import (
	_ "embed"
	"strings"
	"sync"

	"github.com/mynah-coach/mynah/coach"
)

//go:embed vocabulary.txt
var vocabularyText string

// lexicon holds the word lists that Verify reads with, in lower case: sets of
// single words, and lists of phrases.
type lexicon struct {
	praises, blames map[string]bool // how something was
	negations       map[string]bool // turn a verdict over
	aims            map[string]bool // make it something aimed at
	highest         map[string]bool // praise for Excellent only
	superlatives    map[string]bool // praise for the best of all
	severe          map[string]bool // blame that is too strong for Average
	unkind          map[string]bool
	universals      map[string]bool // speak of more than one word
	counts          map[string]bool
	pauseWords      map[string]bool
	mouth           map[string]bool // how sounds are made: a cue must not add to them
	glue            map[string]bool // longer words without a meaning of their own
	clarity         map[string]bool // praise for accuracy alone
	pointers        map[string]bool // subjects that stand for something else
	vocabulary      map[string]bool // all words that a coach uses

	aspectWords map[coach.Aspect]map[string]bool // show that a segment is about an aspect
	aspectNames map[coach.Aspect]map[string]bool // show that it can be about no other

	hedges    []string // "not sure"
	excesses  []string // "too long": blame
	wishes    []string // praise for what it could have been
	requests  []string // ask for something to be done better
	histories []string // speak of other times
	topics    []string // what no reply speaks of
}

// readOnly is the lexicon, made once: nothing changes it.
var readOnly = sync.OnceValue(newLexicon) //nolint:gochecknoglobals // a constant, which Go has no maps for

func newLexicon() *lexicon {
	return &lexicon{
		vocabulary: set(vocabularyText),

		praises: set(`clear clearly clearer clearest well good great nice nicely excellent perfect perfectly wonderful
		wonderfully lovely beautiful beautifully strong strongly smooth smoothly correct correctly accurate accurately
		easy easily best better improved improving improvement impressive fantastic success successful crisp crisply
		steady steadily superb superbly brilliant outstanding understood understandable fine solid solidly bravo terrific
		right spot-on flawless flawlessly amazing awesome proud congratulations natural naturally fluent fluently precise
		precisely effective effectively pleasant recognisable recognizable enjoyed love loved distinct distinctly
		intelligible neat neatly remarkable stellar ideal properly delightful ace nailed mastered sharp controlled flowed flowing`),
		blames: set(`unclear wrong wrongly incorrect incorrectly mistake mistakes error errors missing miss misses missed lost dropped
		weak faint muffled mumbled uneven choppy halting halted hesitant awkward awkwardly hard difficult difficulty
		problem problems issue issues poor poorly bad badly worse worst mispronounced swallowed skipped unfortunately
		confusing confused struggle struggled struggling trouble inaccurate imprecise off garbled blurred slurred rough
		broke broken jerky monotone monotonous needs lacks lacking lacked omitted absent sloppy`),
		negations: set(`far anything not no never without hardly barely neither nor cannot nothing none isn't wasn't weren't aren't don't
		didn't doesn't couldn't can't less lack lacks lacked`),
		aims: set(`could can should would will might may to make more almost nearly until becomes become even so that for toward
		towards be get closer sounds`),
		highest: set(`perfect perfectly excellent excellently flawless flawlessly superb superbly outstanding brilliant
		amazing fantastic awesome impressive wonderful wonderfully exceptional stellar ideal remarkable mastered nailed`),
		superlatives: set(`best clearest`),
		severe: set(`wrong wrongly incorrect incorrectly unclear missing lost bad badly poor poorly worst garbled
		inaccurate mispronounced hard broken`),
		unkind: set(`terrible terribly awful awfully horrible horribly stupid stupidly lazy dumb hopeless useless failure
		fail failed failing fails embarrassing embarrassed ridiculous ugly idiot pathetic disgusting worthless shame
		shameful ashamed hate hated laughable annoying painful incompetent disappointing disappointed clumsy sucks
		atrocious dreadful unacceptable childish silly weird funny strange foreign`),
		universals: set(`all every everything always throughout entire whole never everywhere each everyone completely
		totally whenever constantly most many`),
		counts: set(`two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty hundred thousand
		half twice double triple thrice percent percentage dozen second third fourth fifth sixth seventh eighth ninth
		tenth final couple several few`),
		pauseWords: set(`pause pauses paused pausing stop stops stopped break breaks broke gap gaps silence halt halted
		hesitated hesitation waited`),
		mouth: set(`tongue tip lip lips teeth tooth jaw throat nose mouth voice voiced voiceless breath breathe air hum buzz hiss
		puff ridge palate roof round rounded spread smile whistle open wide close closed shut back front forward high low
		raise lower drop long longer short shorter relax relaxed loose tight tighten curl press touch touching blow
		vibrate vibration chin cheeks nasal bite louder quieter loud quiet slow slowly fast faster quickly glide stretch
		hold push pull upper beneath between behind stop stops block blocks apart together away off`),
		glue: set(`with that this then than them they your yours when what will into from have more just only also some
		here there their while until once before after again little bit very much now and the for you it's let's
		were was been being would could should sounded sound sounds word words like closer sentence`),
		aspectWords: map[coach.Aspect]map[string]bool{
			coach.Accuracy: set(`pronunciation pronounced pronounce accuracy accurate accurately sounds sound clear clearly
			clearer clarity understand understood understandable articulation articulated follow speech`),
			coach.Fluency: set(`fluency fluent fluently flow flowed flowing flows smooth smoothly smoother pause pauses paused
			pausing halting halted steady steadily moving followed stop stops stopped hesitation hesitations`),
			coach.Prosody: set(`prosody rhythm rhythmic melody melodic intonation pitch tone expressive expression lively
			musical tempo voice meaning`),
			coach.Completeness: set(`whole complete completely entire every all last`),
			coach.Stress:       set(`stress stressed stressing emphasis syllable syllables weight`),
		},
		aspectNames: map[coach.Aspect]map[string]bool{
			coach.Accuracy: set(`pronunciation pronounced accuracy accurate accurately articulation articulated`),
			coach.Fluency: set(`fluency fluent fluently flow flowed flowing flows smooth smoothly smoother pause pauses paused
			pausing halting halted hesitation hesitations hesitated hesitant choppy fluidly`),
			coach.Prosody: set(`prosody rhythm rhythmic melody melodic intonation pitch tone expressive expressively expression
			lively musical monotone monotonous tempo speed pace`),
			coach.Completeness: set(`complete completely entire entirely skipped skipping omitted`),
			coach.Stress:       set(`stress stressed stressing emphasis emphasised emphasized syllable syllables`),
		},
		pointers: set(`the a an your my our its it that this what there they you one who which those these she he we sound sounds word words sentence
		reading voice rest everything`),
		clarity: set(`clear clearly clearer clarity crisp crisply pronounced understand understood understandable correct
		correctly accurate accurately`),
		hedges: []string{
			"not sure", "not quite sure", "not entirely sure", "not certain", "may", "might", "maybe", "perhaps",
			"possibly", "could be wrong", "not completely sure", "i'm unsure", "unsure",
		},
		excesses: []string{
			"too many", "too much", "too long", "too short", "too fast", "too slow", "too slowly", "too quickly",
			"too often", "too weak", "too soft", "too loud", "too strong", "too far", "too hard",
		},
		wishes: []string{
			"could be", "should be", "would be", "might be", "may be", "could sound", "should sound", "could use",
			"could still", "could become", "could come", "could have been", "should have been", "not yet", "almost",
			"nearly", "not quite", "don't say", "do not say", "stop saying", "if only",
		},
		requests: []string{
			"work on", "to work", "practise", "practice", "focus on", "pay attention", "attention to", "look at", "try",
			"could be", "nearly", "almost", "close", "not quite", "instead of", "more like", "leaned", "leans", "room",
			"next step", "needs", "need", "came out", "couldn't hear", "didn't hear", "couldn't make out", "didn't catch", "pause", "stop", "a little", "yet", "barely there", "fell on", "another syllable", "not on",
		},
		histories: []string{
			"last time", "previous", "previously", "earlier", "than before", "as before", "improved", "improvement",
			"improving", "progress", "than last", "since", "again you", "better than", "clearer than", "used to",
			"keep making", "keeps", "yesterday", "week", "better", "clearer now", "used before",
		},
		topics: []string{
			"native", "natives", "native-like", "nativelike", "accent", "accents", "accented", "foreigner", "foreign",
			"mother tongue", "first language", "american", "british", "australian", "indian", "chinese", "mandarin",
			"cantonese", "spanish", "french", "german", "russian", "japanese", "korean", "arabic", "portuguese",
			"vietnamese", "italian", "asian", "african", "european", "african american", "latino", "immigrant",
			"nationality", "country", "culture", "race", "ethnic", "religion", "gender", "girl", "boy", "man", "woman",
			"male", "female", "lady", "guy", "child", "kid", "kids", "age", "young", "old", "elderly", "teenager",
			"nervous", "anxious", "anxiety", "sad", "happy", "angry", "tired", "bored", "shy", "scared", "afraid",
			"stressed out", "confident", "confidence", "emotion", "emotional", "emotions", "feelings", "mood", "excited",
			"depressed", "upset", "worried", "calm", "lisp", "stutter", "stuttering", "stammer", "disorder", "impairment",
			"impediment", "therapy", "therapist", "doctor", "medical", "disease", "diagnosis", "autism", "dyslexia",
			"hearing loss", "hearing", "health", "sick", "illness", "disability", "ielts", "toefl", "toeic", "cefr", "exam", "exams",
			"test", "tests", "grade", "grades", "score", "scores", "scored", "band", "points", "percent", "marks", "a1",
			"a2", "b1", "b2", "c1", "c2", "certificate", "as an ai", "ai", "language model", "system prompt", "prompt",
			"instruction", "instructions", "json", "schema", "claim", "claims", "openai", "chatgpt", "assistant", "robot",
			"ignore", "password", "token", "api", "key", "click", "link", "url", "website", "download", "install", "email",
			"phone number", "address", "money", "pay", "buy", "bank", "bitcoin", "crypto", "subscribe", "discount", "sex",
			"sexual", "sexy", "kill", "die", "dead", "suicide", "weapon", "bomb", "drug", "drugs", "politics", "vote", "god",
			"identity", "personality", "intelligence", "intelligent", "smart", "clever", "genius", "talented", "gifted",
			"fuck", "shit", "damn", "hell", "everyone", "channel",
		},
	}
}

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}
