package reader_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mynah-coach/mynah/internal/reader"
)

// short writes a claim as level, word, sound, what was heard, and the verdict.
func short(c reader.Claim, words []string) string {
	out := []string{string(c.Level)}
	if c.Doubt {
		return "in doubt"
	}
	if c.Level == reader.Sentence || c.Aspect == "stress" {
		out = append(out, c.Aspect)
	}
	if c.Word >= 0 {
		out = append(out, words[c.Word], fmt.Sprint(c.Word))
	}
	if c.Sound != "" {
		out = append(out, c.Sound)
	}
	if c.Place != 0 {
		out = append(out, fmt.Sprintf("at %d", c.Place))
	}
	if c.Heard != "" {
		out = append(out, "as "+c.Heard)
	}
	for name, is := range map[string]bool{"best": c.Best, "least": c.Least, "changed": c.Change, "unsure": c.Unsure} {
		if is {
			out = append(out, name)
		}
	}
	return strings.Join(append(out, map[bool]string{true: "good", false: "poor"}[c.Good]), " ")
}

func TestRead(t *testing.T) {
	words := strings.Fields("I think the red light is very important the end")
	for text, want := range map[string][]string{
		// What was good.
		"Your “r” in “red” was lovely.":                              {"sound red 3 R good"},
		"The th sound /θ/ in “think” came through well!":             {"sound think 1 TH good"},
		"Nice TH in “think”.":                                        {"sound think 1 TH good"},
		"I understood “important” straight away.":                    {"word important 7 good"},
		"You said \"red\" and \"light\" clearly.":                    {"word red 3 good", "word light 4 good"},
		"You read smoothly.":                                         {"sentence fluency good"},
		"The rhythm was great.":                                      {"sentence prosody good"},
		"You read every word of the sentence.":                       {"sentence completeness good"},
		"“red” came across best.":                                    {"word red 3 best good"},
		"I had no trouble with “red”, which was clear.":              {"word red 3 good"},
		"Better than last time: the “l” /l/ in “light”.":             {"sound light 4 L changed good"},
		"The stress in “important” is in the right place.":           {"word stress important 7 good"},
		"I have nothing to correct here.":                            {"overall good"},
		"The long “i” /aɪ/ in “light” was clear.":                    {"sound light 4 AY good"},
		"The second “the” was clear.":                                {"word the 8 good"},
		"The first word came through clearly.":                       {"word I 0 good"},
		"The final “k” /k/ (as in “key”) in “think” was clear.":      {"sound think 1 K at -1 good"},
		"The weak “uh” /ə/ (as in “about”) in “the” was just right.": {"sound the 2 AH good"},
		"Nice work on your voiced “th” /ð/ in “the”; it was clear.":  {"sound the 2 DH good"},
		"Well done: “red” was clear and steady.":                     {"word red 3 good"},
		// What was not.
		"The “l” in “light” is close; it still leans towards “r” /ɹ/.": {"sound light 4 L as R poor"},
		"“light” is nearly there; it could be clearer.":                {"word light 4 poor"},
		"The “l” in “light” sounded closer to “r”.":                    {"sound light 4 L as R poor"},
		"The “l” /l/ in “light” came out more like an “r” /ɹ/ to me.":  {"sound light 4 L as R poor"},
		"“light” was hard to make out.":                                {"word light 4 poor"},
		"The “r” in “red” was not clear.":                              {"sound red 3 R poor"},
		"The “r” in “red” wasn't good.":                                {"sound red 3 R poor"},
		"The “r” in “red” could be clearer.":                           {"sound red 3 R poor"},
		"The “r” in “red” is nearly clear.":                            {"sound red 3 R poor"},
		"I couldn't hear the “d” /d/ in “red”.":                        {"sound red 3 D as missing poor"},
		"“important” was missing.":                                     {"word important 7 as missing poor"},
		"I didn't catch “important” and some other words.":             {"word important 7 as missing poor"},
		"I couldn't make out “important”.":                             {"word important 7 as missing poor"},
		"A pause after “red” broke the sentence up.":                   {"sentence fluency red 3 poor"},
		"The sentence didn't flow yet.":                                {"sentence fluency poor"},
		"The rhythm needs some work.":                                  {"sentence prosody poor"},
		"I'm not sure, but the “v” in “very” may not have been clear.": {"sound very 6 V unsure poor"},
		"Perhaps “very” could be clearer; I'm not sure.":               {"word very 6 unsure poor"},
		"Also, “light” needs work.":                                    {"word light 4 poor"},
		"One thing to work on: “light” wasn't clear yet.":              {"word light 4 poor"},
		"The stress in “important” fell on another syllable.":          {"word stress important 7 poor"},
		"The “i” /ɪ/ in “think” was nearer to the “ee” /i/ of “see”.":  {"sound think 1 IH as IY poor"},
		"Many of the sounds weren't clear yet.":                        {"sentence accuracy poor"},
		// What was the least clear.
		"One thing to polish: of the sounds in your main words, the “r” /ɹ/ in “red” came out least clearly.":              {"sound red 3 R least poor"},
		"Of the sounds in your main words, the “r” in “red” came out least clearly; say it slowly once more, if you like.": {"sound red 3 R least poor"},
		"A last bit of polish: the “r” /ɹ/ in “red” came out least clearly of your sounds, so give it a little more time.": {"sound red 3 R least poor"},
		// What can't be told.
		"I'm not sure how clear all of it was, so read it once more, a little slower.": {"in doubt"},
		"I couldn't tell whether every word was clear; read it again.":                 {"in doubt"},
		"How clear the whole sentence was, I'm not sure, so send it again.":            {"in doubt"},
		"And then: how clear the whole sentence was, I'm not sure, so send it again.":  {"in doubt"},
		// What judges nothing.
		"Press your tongue tip to the ridge behind your top teeth.":  nil,
		"Now say “light” three times, slowly and clearly.":           nil,
		"“Seat” should take longer than “sit”.":                      nil,
		"Thanks for reading this to me.":                             nil,
		"Read “the red light” as one group; don't stop within it.":   nil,
		"Your lower lip should tickle.":                              nil,
		"No single thing needs your attention here, so try another.": nil,
		// Several at once.
		"The “r” in “red” was clear. The “l” in “light” sounded like “r”. Say “light” slowly.": {"sound red 3 R good", "sound light 4 L as R poor"},
	} {
		got := reader.Read(text, words)
		var claims []string
		for _, c := range got.Claims {
			claims = append(claims, short(c, words))
		}
		if d := cmp.Diff(want, claims); d != "" || len(got.Unread) > 0 {
			t.Errorf("%s\n%sunread: %q", text, d, got.Unread)
		}
	}
}

// What judges something that isn't in the sentence is not passed over.
func TestReadReportsWhatItCannotTell(t *testing.T) {
	words := strings.Fields("the red light")
	for _, text := range []string{
		"“banana” was clear.", "Your “r” in “bread” was good.", "The “s” was wrong.", "You were wonderful and clear.", "The /x/ in “red” was not clear.",
	} {
		got := reader.Read(text, words)
		known := false
		for _, c := range got.Claims {
			known = known || c.Level != reader.Sound || c.Sound != ""
		}
		if len(got.Unread) == 0 && known {
			t.Errorf("%s: %+v", text, got.Claims)
		}
	}
}

// FuzzRead reads anything.
func FuzzRead(f *testing.F) {
	f.Add("The “l” /l/ in “light” sounded closer to “r” /ɹ/.", "the red light")
	f.Add("“ ” / /// the tenth word; word 99 ;", "a")
	f.Fuzz(func(t *testing.T, text, sentence string) {
		words := strings.Fields(sentence)
		for _, c := range reader.Read(text, words).Claims {
			if c.Word >= len(words) || c.Level == reader.Word && c.Word < 0 {
				t.Errorf("%+v of %d words", c, len(words))
			}
		}
	})
}
