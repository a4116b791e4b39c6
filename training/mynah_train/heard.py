"""Calibrates what was heard instead, on expected phonemes that are wrong by construction.

No corpus says which sound a learner made in place of the expected one. But in a
phone that all experts call right, the expected sound was said: where the
sentence asks for another one at that place, the original is the true answer,
and where it asks for one more, nothing is.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import numpy as np
import torch

from .align import NotAlignable, viterbi
from .data import Utterance
from .judge import Phones, alone, heard_logits, within
from .mistakes import variant
from .phonemes import CLASSES, INVENTORY, PHONEMES, split

# Sounds that learners put in each other's place.
CONFUSABLE = """TH S;TH T;TH F;DH D;DH Z;V W;V B;V F;L R;L N;R W;IH IY;EH AE;AE AH;AA AH;EH EY;UH UW;OW AO;S SH;CH SH;JH CH;
Z S;D T;G K;B P;P F;F HH;N NG;N M;ER AH;ER AO;AY EY;AA AO;K T;TH DH;ZH SH;JH Z;Y JH;AW AA;OY AO;IH EH;IH EY;R D;L D;UW OW"""


def confusable() -> dict[int, list[int]]:
    out: dict[int, list[int]] = {}
    for pair in CONFUSABLE.replace("\n", "").split(";"):
        a, b = (split(p)[0] for p in pair.split())
        out.setdefault(a, []).append(b)
        out.setdefault(b, []).append(a)
    return out


@dataclass(frozen=True)
class Case:
    """One phone's evidence: logits of what was heard (40), the class expected, the class really said."""

    logits: np.ndarray
    expected: int
    said: int


def logits_at(logp: np.ndarray, phones: np.ndarray) -> np.ndarray:
    """(N, 40); see judge.heard_logits."""
    first, last, _ = viterbi(logp, phones)
    one = torch.from_numpy
    p = Phones(*(one(v)[None] for v in (phones, phones, phones, first, last)))
    lp = one(logp)[None].float()
    begin, stop = alone(p, torch.tensor([lp.shape[1]]))
    return heard_logits(lp, within(begin, stop, lp.shape[1]))[0].numpy()


def substituted(u: Utterance, rng: random.Random) -> tuple[Utterance, int, int] | None:
    """u with a confusable expected in place of one well-said phone; its index and what was really said."""
    table = confusable()
    right = [j for j in range(len(u.phones)) if u.phone_scores[j] >= 1.9 and int(u.phones[j]) in table]
    if not right:
        return None
    j = rng.choice(right)
    phones = u.phones.copy()
    phones[j] = rng.choice(table[int(u.phones[j])])
    return replace(u, phones=phones), j, int(u.phones[j])


def removed(u: Utterance, rng: random.Random) -> tuple[Utterance, int, int] | None:
    """u without one well-said vowel, which is then one too many; the index of the phone beside it whose sound that
    spoils (the one before it, or else after it, in its word), and the vowel."""
    words, free = u.text.lower().split(), []
    for j, c in enumerate(u.phones):
        inside = np.flatnonzero(u.words == u.words[j])
        beside = [k for k in (j - 1, j + 1) if k in inside]
        if u.phone_scores[j] < 1.9 or not is_vowel(c) or not beside or any(is_vowel(u.phones[k]) for k in beside):
            continue
        reduced = u.stress[j] == 0 and j + 1 in inside and PHONEMES[u.phones[j + 1] - 1] in ("N", "L", "M", "R")
        rest = [PHONEMES[u.phones[k] - 1] for k in inside if k != j]
        if not reduced and u.phone_scores[beside[0]] >= 1.9 and not (len(words) > u.words[j] and variant(words[u.words[j]], rest)):
            free.append((j, beside[0]))
    if not free:
        return None
    j, beside = rng.choice(free)
    cut = {k: np.delete(getattr(u, k), j) for k in ("phones", "stress", "words", "phone_scores")}
    return replace(u, **cut), beside - (beside > j), int(u.phones[j])


def is_vowel(c: int) -> bool:
    return INVENTORY[PHONEMES[c - 1]][1]


def cases(us: list[Utterance], logps: list[np.ndarray], seed: int) -> list[Case]:
    """Right phones, replaced ones and added ones, about one of each an utterance."""
    rng, out = random.Random(seed), []
    for u, logp in zip(us, logps):
        right = [j for j in range(len(u.phones)) if u.phone_scores[j] >= 1.9]
        if not right:
            continue
        try:
            j = rng.choice(right)
            out.append(Case(logits_at(logp, u.phones)[j], int(u.phones[j]), int(u.phones[j])))
            if s := substituted(u, rng):
                v, j, said = s
                out.append(Case(logits_at(logp, v.phones)[j], int(v.phones[j]), said))
            j, extra = rng.choice(right), rng.randrange(1, CLASSES)
            if extra not in u.phones[j : j + 2]:
                out.append(Case(logits_at(logp, np.insert(u.phones, j + 1, extra))[j + 1], extra, 0))
        except NotAlignable:
            continue
    return out


def fit(found: list[Case]) -> tuple[float, float, float]:
    """Maximum likelihood (scale, expected, missing) of export.HeardScale.

    Weighted as at work: 93 % of phones are as expected, 5 % replaced, 2 % missing.
    """
    from scipy.optimize import minimize

    x = np.stack([c.logits for c in found])
    expected, said = np.array([c.expected for c in found]), np.array([c.said for c in found])
    kind = np.where(said == expected, 0, np.where(said > 0, 1, 2))
    weight = np.array([0.93, 0.05, 0.02])[kind] / np.bincount(kind, minlength=3)[kind]
    rows = np.arange(len(found))

    def loss(w: np.ndarray) -> float:
        z = x * w[0]
        z[rows, expected] += w[1]
        z[:, 0] += w[2]
        top = z.max(1, keepdims=True)
        logp = z - top - np.log(np.exp(z - top).sum(1, keepdims=True))
        return float(-(weight * logp[rows, said]).sum())

    return tuple(float(v) for v in minimize(loss, np.array([0.8, 1.0, 0.0]), method="Nelder-Mead").x)


def probabilities(found: list[Case], scale: float, expected: float, missing: float) -> np.ndarray:
    z = np.stack([c.logits for c in found]) * scale
    z[np.arange(len(found)), [c.expected for c in found]] += expected
    z[:, 0] += missing
    z = np.exp(z - z.max(1, keepdims=True))
    return z / z.sum(1, keepdims=True)


def threshold(found: list[Case], p: np.ndarray, precision: float = 0.7) -> tuple[float, float, float]:
    """The least probability at which a replaced phone's best other class is right often enough, that precision,
    and the share of replaced phones that it still names."""
    rows = [i for i, c in enumerate(found) if c.said not in (c.expected, 0)]
    q = p[rows].copy()
    q[np.arange(len(rows)), [found[i].expected for i in rows]] = 0
    best, top = q.argmax(1), q.max(1)
    right = best == [found[i].said for i in rows]
    for t in np.arange(0.2, 0.96, 0.05):
        if (top >= t).sum() >= 10 and right[top >= t].mean() >= precision:
            return float(t), float(right[top >= t].mean()), float((right & (top >= t)).mean())
    return 0.95, 0.0, 0.0
