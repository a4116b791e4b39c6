package prompts

import "github.com/mynah-coach/mynah/coach"

// vowel describes the fifteen vowels of General American English.
func vowel(p coach.Phoneme) (Sound, bool) {
	s := Sound{Phoneme: p, Vowel: true}
	switch p {
	case "AA":
		s.IPA, s.Name, s.Key = "ɑ", "“ah”", "father"
		s.Cues = []string{
			"Let your jaw drop and keep your tongue low and flat, as when a doctor asks for “ah”.",
			"Open wide, relax your lips, and let the sound come from the back of your mouth.",
		}
		s.Check = "Two fingers should fit between your teeth."
		s.Words = []string{"hot", "stop", "father"}
	case "AE":
		s.IPA, s.Name, s.Key = "æ", "short “a”", "cat"
		s.Cues = []string{
			"Drop your jaw, push your tongue forward, and spread your lips a little.",
			"Start from a smile, then open your mouth further without moving your tongue back.",
		}
		s.Check = "Your mouth should open wider for “bad” than for “bed”."
		s.Words = []string{"cat", "black", "happy"}
	case "AH":
		s.IPA, s.Name, s.Key = "ʌ", "short “u”", "cup"
		s.Cues = []string{
			"Open your mouth only halfway, let your tongue rest in the middle, and keep it short.",
			"Relax everything, lips and jaw, and make a quick, lazy sound.",
		}
		s.Check = "Your lips should not move at all."
		s.Words = []string{"cup", "love", "some"}
	case "AO":
		s.IPA, s.Name, s.Key = "ɔ", "“aw”", "law"
		s.Cues = []string{
			"Pull your tongue back, keep it fairly low, and round your lips.",
			"Say “ah”, then bring the corners of your mouth together while the sound goes on.",
		}
		s.Check = "A mirror should show a tall, round mouth."
		s.Words = []string{"law", "talk", "bought"}
	case "AW":
		s.IPA, s.Name, s.Key = "aʊ", "“ow”", "now"
		s.Cues = []string{
			"Start with your mouth wide open and finish with your lips rounded; let it move.",
			"Slide slowly from “ah” to “oo”, then say the same slide faster.",
		}
		s.Check = "Your lips should end in a small circle."
		s.Words = []string{"now", "house", "about"}
	case "AY":
		s.IPA, s.Name, s.Key = "aɪ", "long “i”", "my"
		s.Cues = []string{
			"Start with your mouth wide open and glide up towards “ee”.",
			"Slide slowly from “ah” to “ee”, then say the same slide faster.",
		}
		s.Check = "Your jaw should close a little as you finish."
		s.Words = []string{"my", "time", "light"}
	case "EH":
		s.IPA, s.Name, s.Key = "ɛ", "short “e”", "bed"
		s.Cues = []string{
			"Open your jaw halfway, keep your tongue at the front, and make it short.",
			"Say “bid”, then “bad”; the sound you want lies between the two.",
		}
		s.Check = "Your lips should stay relaxed, without a smile."
		s.Words = []string{"bed", "ten", "said"}
	case "ER":
		s.IPA, s.Name, s.Key = "ɝ", "“er”", "bird"
		s.Cues = []string{
			"Draw your tongue back and up without touching anything, round your lips slightly, and hold it.",
			"Start from a long “r” and keep your tongue still until the sound ends.",
		}
		s.Check = "You should be able to hold it like one long hum."
		s.Words = []string{"bird", "work", "first"}
	case "EY":
		s.IPA, s.Name, s.Key = "eɪ", "long “a”", "day"
		s.Cues = []string{
			"Begin as in “bed” and glide up towards “ee”; let the sound move.",
			"Stretch it until you feel your jaw close a little, then shorten it again.",
		}
		s.Check = "“Late” should take longer than “let”."
		s.Words = []string{"day", "late", "make"}
	case "IH":
		s.IPA, s.Name, s.Key = "ɪ", "short “i”", "sit"
		s.Cues = []string{
			"Keep it short and relaxed, with your tongue a little lower than for “ee”.",
			"Say “ee”, let your lips and tongue go loose, and cut it short.",
		}
		s.Check = "There should be no smile and no stretching."
		s.Words = []string{"sit", "give", "this"}
	case "IY":
		s.IPA, s.Name, s.Key = "i", "“ee”", "see"
		s.Cues = []string{
			"Raise your tongue high at the front, spread your lips, and hold the sound longer.",
			"Smile, press the sides of your tongue to your upper teeth, and stretch the sound.",
		}
		s.Check = "“Seat” should take longer than “sit”."
		s.Words = []string{"see", "green", "leave"}
	case "OW":
		s.IPA, s.Name, s.Key = "oʊ", "“oh”", "go"
		s.Cues = []string{
			"Round your lips and keep closing the circle while the sound goes on.",
			"Start with relaxed lips and finish as if you were about to whistle.",
		}
		s.Check = "Your lips should move between the start and the end."
		s.Words = []string{"go", "home", "boat"}
	case "OY":
		s.IPA, s.Name, s.Key = "ɔɪ", "“oy”", "boy"
		s.Cues = []string{
			"Start with rounded lips and glide into a smile on “ee”.",
			"Slide slowly from “aw” to “ee”, then say the same slide faster.",
		}
		s.Check = "Your lips should go from a circle to a smile."
		s.Words = []string{"boy", "point", "noise"}
	case "UH":
		s.IPA, s.Name, s.Key = "ʊ", "short “oo”", "good"
		s.Cues = []string{
			"Keep it short, with your lips only lightly rounded and your tongue loose.",
			"Say “oo” as in “food”, then relax your lips and cut it short.",
		}
		s.Check = "Your lips should not push forward."
		s.Words = []string{"good", "book", "full"}
	case "UW":
		s.IPA, s.Name, s.Key = "u", "long “oo”", "food"
		s.Cues = []string{
			"Push your lips forward into a small circle and hold the sound long.",
			"Pull your tongue up and back, tighten your lips, and stretch the sound.",
		}
		s.Check = "A finger before your lips should feel a narrow stream of air."
		s.Words = []string{"food", "blue", "pool"}
	default:
		return Sound{}, false
	}
	return s, true
}

// schwa is AH without stress: the weak vowel of most unstressed syllables.
func schwa() Sound {
	return Sound{
		Phoneme: "AH", IPA: "ə", Name: "weak “uh”", Key: "about", Vowel: true,
		Cues: []string{
			"Make it very short and quiet; the weak part of a word takes almost no time.",
			"Don't read the letter; pass over it quickly with your mouth relaxed.",
		},
		Check: "The strong part of the word should be clearly longer.",
		Words: []string{"about", "sofa", "banana"},
	}
}
