"""When not to score: thresholds on how well a recording matches its sentence, and on whether it is speech at all."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from .align import Match, match_of
from .data import SAMPLE_RATE, Utterance
from .manifest import Refusal

FALSE_REFUSALS = 0.005  # aimed at on held-out speakers; the bar is .01


def wrong_sentences(us: list[Utterance], rng: random.Random) -> list[Utterance]:
    """Each recording with the sentence of another one of about its length."""
    out = []
    for u in us:
        others = [v for v in us if v.text != u.text and 0.5 <= len(v.phones) / len(u.phones) <= 2]
        v = rng.choice(others or [v for v in us if v.text != u.text])
        out.append(replace(u, text=v.text, phones=v.phones, stress=v.stress, words=v.words))
    return out


def partly_wrong(us: list[Utterance], rng: random.Random) -> list[Utterance]:
    """Each recording with half of its words (the second half) taken from another sentence."""
    out = []
    for u, v in zip(us, wrong_sentences(us, rng)):
        keep = u.words < (u.words[-1] + 1) / 2
        out.append(replace(u, phones=np.r_[u.phones[keep], v.phones[len(v.phones) // 2 :]]))
    return out


def noises(speech: list[np.ndarray], seed: int) -> dict[str, list[np.ndarray]]:
    """Recordings of 1 to 6 s that are nobody reading anything, by kind."""
    rng = np.random.default_rng(seed)
    out: dict[str, list[np.ndarray]] = {"silence": [], "noise": [], "music": [], "babble": []}
    for i in range(25):
        n = int(rng.uniform(1, 6) * SAMPLE_RATE)
        t = np.arange(n) / SAMPLE_RATE
        out["silence"].append((rng.standard_normal(n) * 10 ** rng.uniform(-5, -3.3)).astype(np.float32))
        white = rng.standard_normal(n)
        spectrum = np.fft.rfft(white)
        spectrum /= np.maximum(np.arange(len(spectrum)), 1) ** rng.uniform(0, 1)  # white to brown
        coloured = np.fft.irfft(spectrum, n)
        out["noise"].append((coloured / np.abs(coloured).max() * rng.uniform(0.05, 0.8)).astype(np.float32))
        tune, at = np.zeros(n), 0
        while at < n:  # chords of decaying harmonics
            length = int(rng.uniform(0.15, 0.6) * SAMPLE_RATE)
            part = t[at : at + length] - t[at]
            for note in rng.integers(45, 76, int(rng.integers(1, 4))):
                f = 440 * 2 ** ((note - 69) / 12)
                tune[at : at + length] += sum(np.sin(2 * np.pi * f * k * part) / k**1.3 for k in range(1, 6)) * np.exp(-4 * part)
            at += length
        out["music"].append((tune / np.abs(tune).max() * rng.uniform(0.1, 0.8)).astype(np.float32))
        voices = np.zeros(n, np.float32)
        for k in rng.integers(0, len(speech), 6):
            voices += np.resize(np.roll(speech[k], int(rng.integers(0, len(speech[k])))), n)
        out["babble"].append((voices / np.abs(voices).max() * rng.uniform(0.1, 0.8)).astype(np.float32))
    return out


@dataclass(frozen=True)
class Rates:
    """Shares refused: of right sentences (false), and of everything else (true), by kind."""

    right: float
    by_kind: dict[str, float]


def _columns(ms: list[Match]) -> np.ndarray:
    return np.array([[m.match, -m.error_rate, m.margin] for m in ms])


def refused(r: Refusal, ms: list[Match]) -> np.ndarray:
    speech = np.array([m.phones >= r.min_phones and m.posterior >= r.min_posterior for m in ms])
    fit = np.array([r.match * m.match + r.error_rate * m.error_rate + r.margin * m.margin + r.bias for m in ms])
    return ~speech | (fit < 0)


def fit(right: list[Match], wrong: list[Match], not_speech: list[Match]) -> Refusal:
    """Weights by logistic regression, each with the sign that its meaning demands; then the bias and the
    thresholds of speech from the right ones alone, so that FALSE_REFUSALS of them are refused by each."""
    from scipy.optimize import minimize

    x = np.concatenate([_columns(right), _columns(wrong)])
    y = np.r_[np.ones(len(right)), np.zeros(len(wrong))]
    balance = np.where(y == 1, 0.5 / len(right), 0.5 / len(wrong))

    def loss(w: np.ndarray) -> float:
        z = x @ w[:3] + w[3]
        return float((balance * np.logaddexp(0, np.where(y == 1, -z, z))).sum() + 1e-3 * (w[:3] ** 2).sum())

    w = minimize(loss, np.array([1.0, 1.0, 0.1, 0.0]), bounds=[(0, None)] * 3 + [(None, None)], method="L-BFGS-B").x
    bias = -float(np.quantile(_columns(right) @ w[:3], FALSE_REFUSALS))
    posterior = float(np.quantile([m.posterior for m in right], 0.002)) * 0.95
    phones = max(1, int(np.quantile([m.phones for m in right], 0.002)))
    return Refusal(match=round(float(w[0]), 4), error_rate=round(-float(w[1]), 4), margin=round(float(w[2]), 4),
                   bias=round(bias, 4), min_phones=min(2, phones), min_posterior=round(posterior, 4))


def rates(r: Refusal, right: list[Match], others: dict[str, list[Match]]) -> Rates:
    return Rates(float(refused(r, right).mean()), {k: float(refused(r, ms).mean()) for k, ms in others.items()})


def matches(us: list[Utterance], posteriors: Callable[[Utterance], np.ndarray]) -> list[Match]:
    return [match_of(posteriors(u), u.phones) for u in us]
