"""Fits how much the odds of another sound lower the scores: between the experts' judgement of learners, and voices whose
mistakes are known."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np

from .calibration import classify, knots_of
from .evaluate import STRENGTH, STRICT
from .judge import WORD_SCALE, Correction, Raw
from .judging import Example, truth, word_starts, wrong
from .judging import added as added_to
from .metrics import best_f1, pearson

# Of the other voices' wrong sounds, and of those with one too many beside them, at least that share is to be labelled Average or worse; of their right ones at most.
FOUND, FLAGGED = 0.88, 0.016
# What is tried of each: see Correction.
BEYOND = (-4.0, -3.0, -2.0, -1.0, 0.0, 1.0)
PHONE = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6)
WORD = (0.0, 0.1, 0.2, 0.4, 0.8, 1.2)


class Flat(NamedTuple):
    """Many utterances' uncorrected scores, one after the other: P phones, W words."""

    phone: np.ndarray  # P, 0-2
    odds: np.ndarray  # P: of Raw.wrong
    added: np.ndarray  # P: of Raw.added
    word: np.ndarray  # W, 0-10
    starts: np.ndarray  # W: index of each word's first phone
    wrong: np.ndarray  # P: see judging.wrong
    beside: np.ndarray  # P: of those, see judging.added


def flat(raws: list[Raw], examples: list[Example]) -> Flat:
    phone, odds, added, word, starts, bad, beside, before = [], [], [], [], [], [], [], 0
    for r, x in zip(raws, examples):
        n, first = len(x.utterance.phones), word_starts(x.utterance)
        phone.append(r.phone[0, :n].numpy())
        odds.append(r.wrong[0, :n].numpy())
        added.append(r.added[0, :n].numpy())
        word.append(r.word[0, first].numpy() * WORD_SCALE)
        starts.append(first + before)
        bad.append(wrong(x.utterance))
        beside.append(added_to(x.utterance))
        before += n
    return Flat(*(np.concatenate(v) for v in (phone, odds, added, word, starts, bad, beside)))


def corrected(f: Flat, c: Correction) -> tuple[np.ndarray, np.ndarray]:
    """Phones' and words' scores, as judge.corrected has them."""
    phone, word = f.phone, f.word
    for odds, beyond, each, whole in ((f.odds, c.beyond, c.phone, c.word), (f.added, c.added_beyond, c.added_phone, c.added_word)):
        doubt = np.clip(odds - beyond, 0, c.most)
        phone, word = phone - each * doubt, word - whole * np.maximum.reduceat(doubt, f.starts)
    return phone, word


def measured(c: Correction, held: Flat, want_phone: np.ndarray, want_word: np.ndarray, others: Flat | None) -> dict:
    """What a correction does, once scores are scaled, to held-out speakers and to the other voices."""
    phone, word = corrected(held, c)
    scale = {"phone": knots_of(phone, want_phone, "phone", STRENGTH["phone"], STRICT["phone"]),
             "word": knots_of(word, want_word, "word", STRENGTH["word"])}
    f1, precision = best_f1(want_phone < 0.5, -phone)
    out = {"phone": pearson(np.interp(phone, *scale["phone"]), want_phone),
           "word": pearson(np.interp(word, *scale["word"]), want_word), "F1": f1, "precision at recall .5": precision}
    if others:
        phone, word = corrected(others, c)
        bad = others.wrong == 1
        bad_word = np.maximum.reduceat(bad, others.starts)
        label = classify(np.interp(phone, *scale["phone"]), "phone") <= 2
        words = classify(np.interp(word, *scale["word"]), "word") <= 2
        extra = others.beside == 1
        out |= {"found": label[bad & ~extra].mean(), "added found": label[extra].mean() if extra.any() else 1.0, "flagged": label[~bad].mean(), "words found": words[bad_word].mean(),
                "words flagged": words[~bad_word].mean()}
    return {k: round(float(v), 4) for k, v in out.items()}


def fit(raws: list[Raw], examples: list[Example], other_raws: list[Raw], other_examples: list[Example]
        ) -> tuple[Correction, dict]:
    """The correction, and what it and none do. Without other voices there is nothing to weigh: none."""
    want = truth([x.utterance for x in examples])
    held, others = flat(raws, examples), flat(other_raws, other_examples) if other_examples else None
    none = Correction(0.0, 0.0, 0.0)
    tried = {"none": measured(none, held, want.phone, want.word, others)}
    if others is None:
        return none, tried

    def value(m: dict) -> float:
        return (m["phone"] + m["word"] + 0.3 * m["F1"] + 0.1 * m["words found"] - 0.5 * m["words flagged"]
                - max(0.0, FOUND - m["found"]) - max(0.0, FOUND - m["added found"]) - 10 * max(0.0, m["flagged"] - FLAGGED))

    best, most = none, value(tried["none"])
    # Added sounds first: experts are asked about no such thing, so that lowering for it costs next to no agreement.
    for name, odds in (("added", ("added_beyond", "added_phone", "added_word")), ("added and wrong", ("beyond", "phone", "word"))):
        base = best
        for settings in product(BEYOND, PHONE, WORD):
            c = base._replace(**dict(zip(odds, settings)))
            m = measured(c, held, want.phone, want.word, others)
            if (v := value(m)) > most:
                best, most, tried[name] = c, v, m
    return best, tried
