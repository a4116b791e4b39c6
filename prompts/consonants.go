package prompts

import "github.com/mynah-coach/mynah/coach"

// consonant describes the twenty-four consonants.
func consonant(p coach.Phoneme) (Sound, bool) {
	s := Sound{Phoneme: p}
	switch p {
	case "B":
		s.IPA, s.Name, s.Key = "b", "“b”", "big"
		s.Cues = []string{
			"Close your lips, start your voice, then let them open.",
			"Hum with your lips shut and let the hum burst out.",
		}
		s.Check = "A hand on your throat should feel the buzz."
		s.Words = []string{"big", "about", "job"}
	case "CH":
		s.IPA, s.Name, s.Key = "tʃ", "“ch”", "chair"
		s.Cues = []string{
			"Stop the air with your tongue tip as for “t”, then release it into “sh”.",
			"Say “t” and “sh” with no gap, as one short burst.",
		}
		s.Check = "“Watch” should begin its last sound with a stop; “wash” has none."
		s.Words = []string{"chair", "watch", "teacher"}
	case "D":
		s.IPA, s.Name, s.Key = "d", "“d”", "day"
		s.Cues = []string{
			"Touch the ridge behind your top teeth with your tongue tip and let go with your voice on.",
			"Hold the vowel before it a little longer, then close with a soft tap of your tongue.",
		}
		s.Check = "“Bed” should take longer than “bet”."
		s.Words = []string{"day", "ready", "bed"}
	case "DH":
		s.IPA, s.Name, s.Key = "ð", "voiced “th”", "this"
		s.Cues = []string{
			"Rest your tongue tip lightly on your top teeth and hum while the air flows.",
			"Let the tip of your tongue show between your teeth, and keep your voice on.",
		}
		s.Check = "Your tongue should tickle."
		s.Words = []string{"this", "mother", "breathe"}
	case "F":
		s.IPA, s.Name, s.Key = "f", "“f”", "fan"
		s.Cues = []string{
			"Rest your top teeth on your lower lip and blow, without voice.",
			"Keep your lips apart; only your lower lip moves, up to your teeth.",
		}
		s.Check = "You should be able to hold the sound; “p” stops at once."
		s.Words = []string{"fan", "coffee", "life"}
	case "G":
		s.IPA, s.Name, s.Key = "ɡ", "hard “g”", "go"
		s.Cues = []string{
			"Press the back of your tongue up, start your voice, then let go.",
			"Make a “k”, but with your voice on and less air.",
		}
		s.Check = "“Bag” should take longer than “back”."
		s.Words = []string{"go", "again", "big"}
	case "HH":
		s.IPA, s.Name, s.Key = "h", "“h”", "hat"
		s.Cues = []string{
			"Just breathe out through an open mouth before the vowel, with no scrape in your throat.",
			"Breathe on a mirror to fog it, then go straight into the vowel.",
		}
		s.Check = "A hand before your mouth should feel warm air."
		s.Words = []string{"hat", "home", "behind"}
	case "JH":
		s.IPA, s.Name, s.Key = "dʒ", "“j”", "job"
		s.Cues = []string{
			"Start with your tongue where “d” is, voice on, and release it into a soft buzz.",
			"Say “ch” and switch your voice on from the first moment.",
		}
		s.Check = "Your throat should buzz before the sound opens."
		s.Words = []string{"job", "orange", "large"}
	case "K":
		s.IPA, s.Name, s.Key = "k", "“k”", "key"
		s.Cues = []string{
			"Stop the air with the back of your tongue, then release it with a puff.",
			"Lift the back of your tongue to the roof of your mouth and let it pop, without voice.",
		}
		s.Check = "A strip of paper before your lips should move."
		s.Words = []string{"key", "cook", "like"}
	case "L":
		s.IPA, s.Name, s.Key = "l", "“l”", "light"
		s.Cues = []string{
			"Press your tongue tip to the ridge behind your top teeth and let the air pass the sides.",
			"Keep your tongue tip in touch with the ridge for as long as the sound lasts.",
		}
		s.Check = "Freeze in the middle: your tongue tip should be touching."
		s.Words = []string{"light", "hello", "feel"}
	case "M":
		s.IPA, s.Name, s.Key = "m", "“m”", "me"
		s.Cues = []string{
			"Close your lips fully and hum through your nose.",
			"Keep your lips together until the hum has ended.",
		}
		s.Check = "Your lips and nose should tingle."
		s.Words = []string{"me", "summer", "time"}
	case "N":
		s.IPA, s.Name, s.Key = "n", "“n”", "no"
		s.Cues = []string{
			"Put your tongue tip on the ridge behind your top teeth and hum through your nose.",
			"Close off your mouth with your tongue tip, not your lips, and let your nose ring.",
		}
		s.Check = "Pinch your nose: the sound should stop."
		s.Words = []string{"no", "many", "rain"}
	case "NG":
		s.IPA, s.Name, s.Key = "ŋ", "“ng”", "sing"
		s.Cues = []string{
			"Raise the back of your tongue and hum through your nose, with no hard “g” after it.",
			"Hold “n”, then move the contact from the tip to the back of your tongue.",
		}
		s.Check = "Your tongue tip should stay down behind your lower teeth."
		s.Words = []string{"sing", "long", "thing"}
	case "P":
		s.IPA, s.Name, s.Key = "p", "“p”", "pen"
		s.Cues = []string{
			"Close your lips, let the air build up, and release it with a puff, without voice.",
			"Pop your lips open as if to blow out a match, then add the vowel.",
		}
		s.Check = "A strip of paper before your lips should move."
		s.Words = []string{"pen", "happy", "stop"}
	case "R":
		s.IPA, s.Name, s.Key = "ɹ", "“r”", "red"
		s.Cues = []string{
			"Draw your tongue back so that its tip touches nothing, and round your lips a little.",
			"Start from “er” as in “bird”, then open into the next sound.",
		}
		s.Check = "Your tongue should never tap the roof of your mouth."
		s.Words = []string{"red", "sorry", "around"}
	case "S":
		s.IPA, s.Name, s.Key = "s", "“s”", "see"
		s.Cues = []string{
			"Bring your tongue close behind your top teeth and let a thin stream of air hiss.",
			"Smile slightly, nearly close your teeth, and hiss with no voice.",
		}
		s.Check = "It should sound like air leaving a tyre."
		s.Words = []string{"see", "listen", "nice"}
	case "SH":
		s.IPA, s.Name, s.Key = "ʃ", "“sh”", "she"
		s.Cues = []string{
			"Draw your tongue back a little from “s” and push your lips forward.",
			"Ask for quiet: “shhh”, with rounded lips and a wide stream of air.",
		}
		s.Check = "The hiss should get deeper as your lips round."
		s.Words = []string{"she", "wash", "station"}
	case "T":
		s.IPA, s.Name, s.Key = "t", "“t”", "ten"
		s.Cues = []string{
			"Touch the ridge behind your top teeth with your tongue tip and release a small puff of air.",
			"Stop the air sharply with your tongue tip, without voice, and then let it go.",
		}
		s.Check = "A strip of paper before your lips should move."
		s.Words = []string{"ten", "water", "light"}
	case "TH":
		s.IPA, s.Name, s.Key = "θ", "“th”", "think"
		s.Cues = []string{
			"Put your tongue tip lightly between your teeth and blow softly, without voice.",
			"Show the tip of your tongue, hold it still, and let a quiet stream of air pass.",
		}
		s.Check = "A mirror should show the tip of your tongue."
		s.Words = []string{"think", "three", "mouth"}
	case "V":
		s.IPA, s.Name, s.Key = "v", "“v”", "very"
		s.Cues = []string{
			"Rest your top teeth on your lower lip and let it buzz with your voice on.",
			"Hold an “f” and switch your voice on without moving your mouth.",
		}
		s.Check = "Your lower lip should tickle."
		s.Words = []string{"very", "seven", "live"}
	case "W":
		s.IPA, s.Name, s.Key = "w", "“w”", "we"
		s.Cues = []string{
			"Round your lips tightly, then open them; your teeth never touch your lip.",
			"Begin as if to whistle and slide straight into the vowel.",
		}
		s.Check = "A mirror should show a small circle first."
		s.Words = []string{"we", "always", "want"}
	case "Y":
		s.IPA, s.Name, s.Key = "j", "“y”", "yes"
		s.Cues = []string{
			"Start where “ee” is and glide quickly into the next vowel.",
			"Raise the middle of your tongue without touching the roof of your mouth, and slide away.",
		}
		s.Check = "There should be no stop or buzz at the start."
		s.Words = []string{"yes", "you", "young"}
	case "Z":
		s.IPA, s.Name, s.Key = "z", "“z”", "zoo"
		s.Cues = []string{
			"Hold an “s” and switch your voice on, like a bee.",
			"Hold the vowel before it longer and let your voice buzz to the very end.",
		}
		s.Check = "A hand on your throat should feel the buzz."
		s.Words = []string{"zoo", "easy", "his"}
	case "ZH":
		s.IPA, s.Name, s.Key = "ʒ", "“zh”", "measure"
		s.Cues = []string{
			"Hold a “sh” and switch your voice on.",
			"Round your lips, keep your tongue off the ridge, and let the sound buzz.",
		}
		s.Check = "A hand on your throat should feel the buzz."
		s.Words = []string{"measure", "usual", "vision"}
	default:
		return Sound{}, false
	}
	return s, true
}
