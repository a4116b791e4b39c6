// From judgements to what is shown for them.

/** SURE is the confidence from which a judgement is shown: coach.Sure. */
const SURE = 0.65;

/** The marks: a glyph and a word each, so that colour is never alone. */
export const MARKS = {
  clear: { glyph: "✓", word: "clear" },
  nearly: { glyph: "~", word: "nearly" },
  work: { glyph: "!", word: "work on this" },
  unsure: { glyph: "?", word: "not sure" },
  unheard: { glyph: "✗", word: "not heard" },
};

const BY_LABEL = { Worst: "work", Bad: "work", Average: "nearly", Good: "clear", Excellent: "clear" };
const STEPS = { Worst: 1, Bad: 2, Average: 3, Good: 4, Excellent: 5 };

/** What a label is called for an aspect of the sentence. */
const WORDS = { Worst: "just starting", Bad: "needs work", Average: "getting there", Good: "good", Excellent: "excellent" };

/** sure reports whether there is a label that may be shown. */
export const sure = (judgement) => Boolean(judgement?.label) && judgement.confidence >= SURE;

/** markOf returns the mark of a judgement. */
export const markOf = (judgement) => (sure(judgement) ? BY_LABEL[judgement.label] ?? "unsure" : "unsure");

/** markOfWord returns the mark of a word: not heard comes first. */
export const markOfWord = (word) => (word.spoken ? markOf(word.accuracy) : "unheard");

/** gradeOf returns {word, steps} for an aspect: steps 0 to 5. */
export function gradeOf(judgement) {
  if (!sure(judgement)) return { word: "not sure", steps: 0 };
  return { word: WORDS[judgement.label] ?? "not sure", steps: STEPS[judgement.label] ?? 0 };
}

/** howSure says a confidence in words. */
export function howSure(confidence) {
  if (confidence >= 0.9) return "very sure";
  if (confidence >= 0.75) return "quite sure";
  return "fairly sure";
}

/** The sounds of General American: ARPAbet to IPA, and a word that has it. */
const SOUNDS = {
  AA: ["ɑ", "father"], AE: ["æ", "cat"], AH: ["ʌ", "cup"], AO: ["ɔ", "law"], AW: ["aʊ", "now"], AY: ["aɪ", "my"],
  B: ["b", "bed"], CH: ["tʃ", "chair"], D: ["d", "day"], DH: ["ð", "this"], EH: ["ɛ", "bed"], ER: ["ɝ", "bird"],
  EY: ["eɪ", "day"], F: ["f", "fish"], G: ["ɡ", "go"], HH: ["h", "hat"], IH: ["ɪ", "sit"], IY: ["i", "see"],
  JH: ["dʒ", "job"], K: ["k", "cat"], L: ["l", "leg"], M: ["m", "man"], N: ["n", "no"], NG: ["ŋ", "sing"],
  OW: ["oʊ", "go"], OY: ["ɔɪ", "boy"], P: ["p", "pen"], R: ["ɹ", "red"], S: ["s", "sun"], SH: ["ʃ", "shop"],
  T: ["t", "tea"], TH: ["θ", "think"], UH: ["ʊ", "book"], UW: ["u", "blue"], V: ["v", "very"], W: ["w", "we"],
  Y: ["j", "yes"], Z: ["z", "zoo"], ZH: ["ʒ", "vision"],
};

/** ipaOf returns a phoneme's IPA, the symbol itself where it is unknown. */
export const ipaOf = (phoneme) => SOUNDS[phoneme]?.[0] ?? String(phoneme).toLowerCase();

/** exampleOf returns a word that has the sound, "" for an unknown one. */
export const exampleOf = (phoneme) => SOUNDS[phoneme]?.[1] ?? "";

/** MISSING stands for a sound that was left out. */
export const MISSING = "missing";
