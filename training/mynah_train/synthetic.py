"""Synthetic speech with known mistakes, to train on: what the corpus can't teach, because its experts judge how
accented a sound is and not which one it is."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from . import kokoro
from .data import Utterance
from .mistakes import HIGH, KINDS, LOW, MID, Mistake, contrasts, possible, said, vowel
from .phonemes import PHONEMES, split

# What a wrong sound is worth (0-2), by kind of mistake: for the added vowel, its neighbour. And its word (0-10).
PHONE_SCORE = {"substituted": 0.3, "dropped": 0.2, "added": 0.4}
WORD_SCORE = 4.0
# How often each kind of mistakes.KINDS is made.
MIXED, ADDED = (0.7, 0.15, 0.15), (0.0, 0.0, 1.0)
# What learners add, beside the most usual, which is AH0.
VOWELS = ("IH0", "IY0", "UH0", "UW0", "ER0")


def plan(corpus: list[Utterance], voices: list[str], count: int, seed: int, kinds: tuple[float, float, float] = MIXED) -> list[dict]:
    """What is to be said: sentences of the corpus, three in four with one to three mistakes, every contrast about as
    often as any other. The same for the same arguments."""
    rng = random.Random(seed)
    sentences = {u.text: u for u in corpus if 2 <= u.words[-1] + 1 <= 10}
    substitutes: dict[str, list[str]] = {}
    for a, b in contrasts(HIGH, MID, LOW):
        substitutes.setdefault(a, []).append(b)
    used: dict[tuple, int] = {}
    out: list[dict] = []
    texts: list[str] = []
    while len(out) < count:
        if not texts:
            texts = sorted(sentences)
            rng.shuffle(texts)
        u = sentences[texts.pop()]
        words, phones = u.text.lower().split(), _spelt(u)
        if len(words) != len(phones):
            continue
        made: list[Mistake] = []
        if rng.random() < 0.75:
            found = possible(words, phones, substitutes)
            for kind in rng.choices(KINDS, kinds, k=3)[: 1 + (len(words) > 4) + (len(words) > 7)]:
                free = [m for m in found if m.kind == kind and all(abs(m.word - o.word) > 1 for o in made)]
                if free:
                    weights = [1 / (1 + used.get(_key(phones, m), 0)) ** 2 for m in free]
                    made.append(rng.choices(free, weights)[0])
                    if kinds is ADDED and rng.random() < 0.4:
                        other = rng.choice(VOWELS)
                        made[-1] = replace(made[-1], said=tuple(other if vowel(p) else p for p in made[-1].said))
                    key = _key(phones, made[-1])
                    used[key] = used.get(key, 0) + 1
            if not made:
                continue
        out.append({"id": f"{len(out):04d}", "text": u.text, "phones": phones, "voice": rng.choice(voices),
                    "speed": round(rng.uniform(0.8, 1.2), 2),
                    "mistakes": [{"kind": m.kind, "word": m.word, "at": m.at, "said": list(m.said)} for m in made]})
    return out


def _key(phones: list[list[str]], m: Mistake) -> tuple:
    return (m.kind, phones[m.word][m.at].rstrip("012"), *(s.rstrip("012") for s in m.said))


def _spelt(u: Utterance) -> list[list[str]]:
    """The phones of each word as ARPAbet with stress."""
    out: list[list[str]] = [[] for _ in range(int(u.words[-1]) + 1)]
    for c, s, w in zip(u.phones, u.stress, u.words):
        name = PHONEMES[c - 1]
        out[w].append(f"{name}{s}" if name[0] in "AEIOU" else name)
    return out


def mistakes(item: dict) -> list[Mistake]:
    return [Mistake(m["kind"], m["word"], m["at"], tuple(m["said"])) for m in item["mistakes"]]


def spoken(item: dict) -> list[list[str]]:
    return said(item["phones"], mistakes(item))


def synthesise(make: Callable[[], list[dict]], voices: Path, out: Path) -> None:
    """Writes what is missing of the recordings. Their list, what make gives, is kept: a change of plan makes no old
    recording another one's."""
    out.mkdir(parents=True, exist_ok=True)
    if not (index := out / "index.jsonl").exists():
        index.write_text("".join(json.dumps(item) + "\n" for item in make()), encoding="utf-8")
    voice = None
    for item in tqdm(_items(out), desc=f"synthesise {out.name}", mininterval=20):
        path = out / f"{item['id']}.flac"
        if not path.exists():
            voice = voice or kokoro.Kokoro(voices)
            voice.write(path, kokoro.symbols(item["text"].lower().split(), spoken(item)), item["voice"], item["speed"])


def _items(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "index.jsonl").read_text(encoding="utf-8").splitlines()]


def load(folder: Path) -> list[Utterance]:
    """The recordings, scored as a listener who minds every wrong sound would; their sentences aren't."""
    return [utterance(item, folder / f"{item['id']}.flac") for item in _items(folder)]


def utterance(item: dict, path: Path) -> Utterance:
    codes = [(split(p), w) for w, ps in enumerate(item["phones"]) for p in ps]
    starts = np.cumsum([0] + [len(ps) for ps in item["phones"]])
    phone_scores, word_scores = np.full(len(codes), 2.0, np.float32), np.full(len(item["phones"]), 10.0, np.float32)
    added = np.zeros(len(codes), bool)
    for m in mistakes(item):
        phone_scores[starts[m.word] + m.at] = PHONE_SCORE[m.kind]
        added[starts[m.word] + m.at] = m.kind == "added"
        word_scores[m.word] = WORD_SCORE
    return Utterance(
        id=f"{path.parent.name}-{path.stem}", path=path, text=item["text"], speaker=item["voice"],
        phones=np.array([c for (c, _), _ in codes], np.int64), stress=np.array([s for (_, s), _ in codes], np.int64),
        words=np.array([w for _, w in codes], np.int64), phone_scores=phone_scores, word_scores=word_scores,
        stress_scores=np.full(len(item["phones"]), 10.0, np.float32),
        spoken=np.array([split(p)[0] for ps in spoken(item) for p in ps], np.int64), added=added,
    )
