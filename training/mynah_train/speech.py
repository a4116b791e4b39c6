"""What is speech at all: thresholds on the recogniser's free decoding, below which nothing is scored.

Whether speech is the sentence that was asked for is the scorer's own to fit (see README): its alignment knows of
words left out and put in.
"""

from __future__ import annotations

import numpy as np

from .data import SAMPLE_RATE
from .phonemes import BLANK

FALSE_REFUSALS = 0.002  # of held-out learners' recordings


def decoded(logp: np.ndarray) -> tuple[int, float]:
    """Number of phones in the greedy decoding of (T, 40), and the mean of their peak posteriors."""
    peaks, best = [], logp.argmax(-1)
    for t, c in enumerate(best):
        if c == BLANK:
            continue
        if t and best[t - 1] == c:
            peaks[-1] = max(peaks[-1], logp[t, c])
        else:
            peaks.append(logp[t, c])
    return len(peaks), float(np.exp(peaks).mean()) if peaks else 0.0


def fit(speech: list[tuple[int, float]]) -> tuple[int, float]:
    """Least number of phones and least mean posterior, of decoded held-out speech."""
    phones, posterior = zip(*speech)
    return min(2, int(np.quantile(phones, FALSE_REFUSALS))), 0.95 * float(np.quantile(posterior, FALSE_REFUSALS))


def refused(found: list[tuple[int, float]], min_phones: int, min_posterior: float) -> float:
    """Share of them that the thresholds refuse."""
    return float(np.mean([n < min_phones or p < min_posterior for n, p in found]))


def noises(speech: list[np.ndarray], seed: int, count: int = 25) -> dict[str, list[np.ndarray]]:
    """Recordings of 1 to 6 s that are nobody reading anything, by kind."""
    rng = np.random.default_rng(seed)
    out: dict[str, list[np.ndarray]] = {"silence": [], "noise": [], "music": [], "babble": []}

    def at_level(x: np.ndarray, low: float, high: float) -> np.ndarray:
        return (x / (np.abs(x).max() + 1e-9) * rng.uniform(low, high)).astype(np.float32)

    for _ in range(count):
        n = int(rng.uniform(1, 6) * SAMPLE_RATE)
        out["silence"].append((rng.standard_normal(n) * 10 ** rng.uniform(-5, -3.3)).astype(np.float32))
        spectrum = np.fft.rfft(rng.standard_normal(n))
        spectrum /= np.maximum(np.arange(len(spectrum)), 1) ** rng.uniform(0, 1)  # white to brown
        out["noise"].append(at_level(np.fft.irfft(spectrum, n), 0.05, 0.8))
        out["music"].append(at_level(_tune(n, rng), 0.1, 0.8))
        voices = np.zeros(n)
        for k in rng.integers(0, len(speech), 6):
            voices += np.resize(np.roll(speech[k], int(rng.integers(0, len(speech[k])))), n)
        out["babble"].append(at_level(voices, 0.1, 0.8))
    return out


def _tune(n: int, rng: np.random.Generator) -> np.ndarray:
    """Chords of decaying harmonic tones."""
    out, at = np.zeros(n), 0
    while at < n:
        length = min(int(rng.uniform(0.15, 0.6) * SAMPLE_RATE), n - at)
        t = np.arange(length) / SAMPLE_RATE
        for note in rng.integers(45, 76, int(rng.integers(1, 4))):
            f = 440 * 2 ** ((note - 69) / 12)
            out[at : at + length] += sum(np.sin(2 * np.pi * f * k * t) / k**1.3 for k in range(1, 6)) * np.exp(-4 * t)
        at += length
    return out
