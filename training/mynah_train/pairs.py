"""Does the model hear a wrong sound? Sentences by voices that no model is trained on, right and with one mistake.

The corpus can't say: its experts judge how accented a sound is, not which one it
is. Every contrast above low functional load is tried both ways, dropped sounds
and added vowels likewise. Sentences and voices are kept for this alone.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from . import export, kokoro
from .align import viterbi
from .calibration import classify
from .data import Utterance, dictionary, read_audio
from .heard import removed, substituted
from .metrics import interval
from .mistakes import HIGH, MID, Mistake, contrasts, plain, possible, said
from .phonemes import split

SENTENCES = """
My brother keeps three sheep behind the house
The cook made a thick soup with leeks
Please bring the heavy suitcase to platform nine
Her daughter likes to ride a red bicycle
We rented a cheap room near the beach
The judge asked a simple question
He washed his hands and dried them
Some birds sing before the sun comes up
The teacher wrote the answer on the board
A cold wind blew across the valley
She wears a yellow hat in summer
The nurse gave him a bitter pill
Our neighbors have a very loud dog
I forgot my umbrella on the bus
The choir sang a long and solemn hymn
They sell fresh fish at the market
He spent the whole week in bed
The chef burned the rice again
Mark the right box with a pen
The lazy cat slept under the desk
We walked home along the river bank
The king lost his golden ring
Your jacket matches those shoes
The doctor checked his heart and lungs
She shut the window because of the noise
A big truck blocked the narrow road
The students laughed at the funny joke
Put the sharp knife on the shelf
He paid for the tickets in cash
The museum closes at half past four
The pilot landed the plane in thick fog
We met at a quiet cafe downtown
The old farmer fed his pigs
The thief ran through the back gate
My sister bakes bread every morning
The lamp beside the bed is broken
He fell asleep during the speech
She caught a bad cold last month
The juice tastes like fresh oranges
They painted the fence light green
The lawyer read the letter twice
A young nurse held the baby
The team won the match by luck
Nobody knows the name of that town
The guide led us up a steep hill
I hate waiting in long lines
The boat sank near the rocky coast
Fill the glass with cold milk
The wheels of the cart turned slowly
He chose a cheap watch for his son
The garden looks lovely in spring
The police searched every single room
She sent a card to her cousin
The rain ruined our picnic lunch
His voice sounded rough and tired
The bell rings at eight sharp
We need fourteen chairs for the guests
A white rabbit jumped over the ditch
The coach shouted at his players
The bank raised its fees in March
That shop sells leather belts
The leaves turn red in late fall
He cut his thumb on a sharp rock
My father works at the zinc mine
The child pushed the heavy door
They hung the wet towels outside
The mouse hid behind the fridge
A thin layer of ice covered the pond
The boss praised her hard work
We shared a pot of black tea
The novel begins with a murder
She zipped her coat and left
The goat chewed on a piece of rope
He thanked the driver and got off
The cave was dark and damp
I prefer rice with beef curry
The vet looked at the sick horse
They gave the winner a silver cup
The tourist lost his passport yesterday
The path leads to a hidden lake
The maid folded the clean sheets
Ten men pulled the net ashore
My uncle fixes vans and trucks
The tailor sewed a brown vest
It costs less than five pounds
The hunter shot a wild duck
She locked the gate at midnight
The bus stops beside the church
The actor played a rich king
We heard a faint knock downstairs
The shirt has a dirty collar
He jogs around the park daily
They built a bridge of stone
The soldiers marched past the palace
I bought a pound of ripe peaches
The girl hugged her stuffed bear
The fire burned for seven hours
She pours hot water over the leaves
The worker dug a deep hole
The band played jazz all night
That bird has a curved beak
The captain raised the sail
The clerk stamped my visa
He yelled until his throat hurt
The curtains in the hall are purple
We picked some berries near the woods
She boiled the eggs for lunch
The judge fined him forty dollars
A fox chased the hens away
The roof leaks when it pours
They cheered for the local hero
The cab was parked on the curb
My cousin teaches math and physics
The dentist pulled two of his teeth
He cashed a check at the bank
Wash the grapes before you eat them
The lights went out at ten
The choice was hard but fair
The robber hid the cash in a sack
The kids fed the ducks some bread
A sudden gust shook the tent
Her voice cracked as she sang
The train to Boston leaves soon
He bet ten pounds on that horse
The lid of the pot is hot
She led the group to the top
"""
# Of every contrast both ways, that many and one more; of each other kind, in all.
EACH, DROPPED, ADDED = 3, 60, 60


@dataclass(frozen=True)
class Pair:
    number: int  # of its sentence
    words: list[str]
    phones: list[list[str]]  # of each word
    mistake: Mistake

    @property
    def voice(self) -> str:
        return kokoro.HELD_OUT[self.number % len(kokoro.HELD_OUT)]

    @property
    def name(self) -> str:
        """Of the wrong recording; the right one's is its first part."""
        m = self.mistake
        return f"{self.number:03d}-{m.kind}-{m.word}-{m.at}-{'_'.join(m.said).lower()}"


def pairs(seed: int = 3) -> list[Pair]:
    """The same every time."""
    rng = random.Random(seed)
    found: dict[tuple[str, ...], list[Pair]] = {}
    for k, text in enumerate(SENTENCES.strip().splitlines()):
        words = text.lower().split()
        phones = [dictionary()[w][0] for w in words]
        substitutes: dict[str, list[str]] = {}
        for a, b in contrasts(HIGH, MID):
            substitutes.setdefault(a, []).append(b)
        for m in possible(words, phones, substitutes):
            key = (m.kind,) if m.kind != "substituted" else (plain(phones[m.word][m.at]), plain(m.said[0]))
            found.setdefault(key, []).append(Pair(k, words, phones, m))
    sizes, out, others = {"dropped": DROPPED, "added": ADDED}, [], []
    for key, ps in sorted(found.items()):
        some = rng.sample(ps, min(len(ps), sizes.get(key[0], EACH)))
        out += some
        if key[0] not in sizes:
            others.append([p for p in ps if p not in some])
    # The one more is drawn last, so that the rest is what versions before 0.10.0 were measured on.
    return out + [rng.choice(ps) for ps in others if ps]


def synthesise(voices: Path, out: Path) -> None:
    """Writes what is missing of the recordings: each sentence right, and each pair's wrong one."""
    out.mkdir(parents=True, exist_ok=True)
    todo = {}
    for p in pairs():
        todo[f"{p.number:03d}"] = (p, p.phones)
        todo[p.name] = (p, said(p.phones, [p.mistake]))
    voice = None
    for name, (p, phones) in tqdm(sorted(todo.items()), desc="synthesise pairs", mininterval=20):
        if not (path := out / f"{name}.flac").exists():
            voice = voice or kokoro.Kokoro(voices)
            voice.write(path, kokoro.symbols(p.words, phones), p.voice)


class Model:
    """The exported graphs, asked about recordings with expected phones."""

    def __init__(self, folder: Path):
        self.acoustic, self.judge = export.session(folder / "acoustic.onnx", 2), export.session(folder / "judge.onnx", 2)

    def __call__(self, x: np.ndarray, phones: np.ndarray, stress: np.ndarray, words: np.ndarray) -> dict[str, np.ndarray]:
        logp, frames = export.listen(self.acoustic, x)
        return self.at(logp, frames, phones, stress, words)

    def at(self, logp, frames, phones, stress, words) -> dict[str, np.ndarray]:
        first, last, _ = viterbi(logp, phones)
        return export.judge(self.judge, logp, frames, phones, stress, words, first, last)


@dataclass(frozen=True)
class Answer:
    """What the model says of one phone that is wrong by construction, and of the rest of its sentence."""

    kind: str
    voice: str
    labels: np.ndarray  # N, 0-4
    scores: np.ndarray  # N
    word_label: int
    at: list[int]  # the phones of which one must be found
    word: np.ndarray  # N: whether in the same word
    named: bool | None  # whether what was heard instead is right; None: there was nothing to name
    before: np.ndarray | None = None  # N: the labels without the mistake
    alone: bool = True  # whether nothing else is wrong in its word


def answers(model: Model, audio: Path) -> tuple[list[Answer], dict[int, np.ndarray]]:
    """Of all pairs; and the labels of each right sentence by its number."""
    wrong, right = [], {}
    for p in tqdm(pairs(), desc="pairs", mininterval=10):
        codes = [split(s) for w in p.phones for s in w]
        phones, stress = (np.array(x, np.int64) for x in zip(*codes))
        words = np.repeat(np.arange(len(p.phones)), [len(w) for w in p.phones])
        if p.number not in right:
            o = model(read_audio(audio / f"{p.number:03d}.flac"), phones, stress, words)
            right[p.number] = classify(o["phone_score"], "phone")
        o = model(read_audio(audio / f"{p.name}.flac"), phones, stress, words)
        m, at = p.mistake, int(np.flatnonzero(words == p.mistake.word)[p.mistake.at])
        heard = o["heard"][at].copy()
        heard[phones[at]] = 0
        named = None
        if m.kind != "added":
            named = int(heard.argmax()) == (split(m.said[0])[0] if m.said else 0)
        inside = [at]
        if m.kind == "added":  # the vowel has no phone of its own: either neighbour may show it
            beside = at + 1 if plain(m.said[0]) == plain(p.phones[m.word][m.at]) else at - 1
            inside += [beside] if 0 <= beside < len(words) and words[beside] == m.word else []
        wrong.append(Answer(m.kind, p.voice, classify(o["phone_score"], "phone"), o["phone_score"],
                            int(classify(o["word_score"], "word")[m.word]), inside, words == m.word, named, right[p.number]))
    return wrong, right


def misread(model: Model, held: list[Utterance], kind: str, seed: int = 5) -> Iterator[Answer]:
    """Held-out recordings with a confusable phone expected in place of one that all experts call right, or ("added")
    without a vowel that they call so."""
    rng = random.Random(seed)
    for u in tqdm(held, desc=f"misread {kind}", mininterval=10):
        if not (s := (substituted if kind == "substituted" else removed)(u, rng)):
            continue
        v, at, really = s
        logp, frames = export.listen(model.acoustic, read_audio(u.path))
        before = classify(model.at(logp, frames, u.phones, u.stress, u.words)["phone_score"], "phone")
        o = model.at(logp, frames, v.phones, v.stress, v.words)
        inside, named = [at], None
        word = v.words == v.words[at]
        alone = bool((classify(v.phone_scores[word & (np.arange(len(word)) != at)], "phone") >= 3).all())
        if kind == "added":
            gone = int(np.flatnonzero(np.append(v.phones, 0) != u.phones)[0])
            before = np.delete(before, gone)
            beside = [k for k in (gone - 1, gone) if 0 <= k < len(v.words) and v.words[k] == v.words[at]]
            inside = sorted({at, *beside})
        else:
            heard = o["heard"][at].copy()
            heard[v.phones[at]] = 0
            named = int(heard.argmax()) == really
        yield Answer(kind, u.speaker, classify(o["phone_score"], "phone"), o["phone_score"],
                     int(classify(o["word_score"], "word")[v.words[at]]), inside, word, named, before, alone)


def figures(found: list[Answer]) -> dict:
    """Shares; the first with the 95 % interval by voices or speakers."""
    lowest = np.array([min(a.scores[a.at]) <= a.scores[a.word].min() + 1e-6 for a in found])
    label = np.array([min(a.labels[a.at]) for a in found])
    named = [a.named for a in found if a.named is not None]
    # Learners say other sounds of the word wrong, too, and then which is lowest is for their experts to say.
    alone = np.array([a.alone for a in found])
    # One wrong phone must not spoil the rest: no phone but its neighbours moves by more than one label.
    spared = []
    for a in found:
        beside = np.ones(len(a.labels), bool)
        beside[max(min(a.at) - 1, 0) : max(a.at) + 2] = False
        spared.append(bool((np.abs(a.labels - a.before)[beside] <= 1).all()))
    voices = np.array([a.voice for a in found])
    return {
        "recordings": len(found),
        "wrong sound Average or worse": round(float((label <= 2).mean()), 3),
        "its 95 % interval": [round(v, 3) for v in interval(voices, lambda i: float((label[i] <= 2).mean()), 300)],
        "wrong sound below Excellent": round(float((label <= 3).mean()), 3),
        "its word below Good": round(float(np.mean([a.word_label <= 2 for a in found])), 3),
        "wrong sound lowest of its word": round(float(lowest.mean()), 4),
        "the same, where nothing else in the word is below Good": round(float(lowest[alone].mean()), 3),
        **({"rightly named": round(float(np.mean(named)), 3)} if named else {}),
        "no phone but its neighbours moves by more than a label": round(float(np.mean(spared)), 3),
    }


def run(folder: Path, audio: Path) -> dict:
    """How the exported graphs judge the pairs."""
    wrong, right = answers(Model(folder), audio)
    labels = np.concatenate(list(right.values()))
    report = {"all kinds": figures(wrong)}
    report |= {kind: figures([a for a in wrong if a.kind == kind]) for kind in ("substituted", "dropped", "added")}
    report["right versions"] = {"sentences": len(right), "phones": len(labels),
                                "Average or worse": round(float((labels <= 2).mean()), 4),
                                "Good or Excellent": round(float((labels >= 3).mean()), 4)}
    return report


def learners(asked: list[tuple[Path, list[Utterance]]]) -> dict:
    """And recordings of learners, misread on purpose, each model's of people whom it has not met."""
    models = [(Model(folder), held) for folder, held in asked]
    return {name: figures([x for model, held in models for x in misread(model, held, kind)])
            for name, kind in (("learners, one other phone expected", "substituted"), ("learners, one vowel less expected", "added"))}
