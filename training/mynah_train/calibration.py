"""From raw scores to the rubric's scale, and to the probabilities of the five classes.

Both are fitted on held-out speakers and end up as constants in the graph: a
piecewise linear, monotone map whose knots bring the classes' shares closer to
the experts', and for each of the four class edges a piecewise linear curve of
the probability to be above it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

# The lowest score of each class, worst first: halfway between the classes of the published binning.
EDGES = {"sentence": (2.5, 4.5, 6.5, 8.5), "word": (1.5, 3.5, 6.5, 9.5), "phone": (0.5, 1.0, 1.5, 1.9)}
TOP = {"sentence": 10.0, "word": 10.0, "phone": 2.0}
LABELS = ("Worst", "Bad", "Average", "Good", "Excellent")
LEVEL = {"phone": "phone", "word": "word", "stress": "word", "accuracy": "sentence", "fluency": "sentence",
         "prosody": "sentence"}
# Where curves bend: quantiles of the raw scores, denser among the rare bad ones. Each piece needs FEWEST scores.
_QUANTILES = (0.0, 0.004, 0.01, 0.02, 0.04, 0.07, 0.12, 0.2, 0.3, 0.45, 0.6, 0.75, 0.9, 1.0)
FEWEST = 20


def classify(scores: np.ndarray, level: str) -> np.ndarray:
    """Class 0-4 of each score."""
    # Scores are given in tenths; the tolerance keeps 1.9 in float32 in the class that begins at 1.9.
    return np.searchsorted(np.array(EDGES[level]) - 1e-4, scores, side="right")


@dataclass
class Scale:
    """One aspect's constants."""

    knots: list[float]  # raw scores, increasing
    values: list[float]  # what they become
    bends: list[float]  # raw scores, increasing
    above: list[list[float]]  # for each class edge, at each bend: the probability of a class above it

    @staticmethod
    def identity(level: str) -> Scale:
        """Raw scores as they are, with doubt only close to a class's edge."""
        top, edges = TOP[level], np.array(EDGES[level])
        bends = np.sort(np.r_[edges - 0.05 * top, edges + 0.05 * top])
        return Scale([0.0, top], [0.0, top], bends.tolist(), [(bends > e).astype(float).tolist() for e in edges])

    def scores(self, raw: np.ndarray) -> np.ndarray:
        return np.interp(raw, self.knots, self.values)

    def probabilities(self, raw: np.ndarray) -> np.ndarray:
        above = np.stack([np.interp(raw, self.bends, row) for row in self.above], -1)
        above = np.minimum.accumulate(above, -1)
        bounds = np.concatenate([np.ones_like(above[..., :1]), above, np.zeros_like(above[..., :1])], -1)
        return -np.diff(bounds)


def _bends(raw: np.ndarray) -> np.ndarray:
    kept = [0.0]
    for q in _QUANTILES[1:-1]:
        if min(q - kept[-1], 1 - q) * len(raw) >= FEWEST:
            kept.append(q)
    return np.quantile(raw, [*kept, 1.0]) + np.arange(len(kept) + 1) * 1e-5


def _curve(raw: np.ndarray, above: np.ndarray, bends: np.ndarray) -> np.ndarray:
    """Isotonic regression, averaged between the middles of the pieces around each bend."""
    from sklearn.isotonic import IsotonicRegression

    # Two scores of half a weight keep a class that was never seen possible.
    x, y = np.r_[raw, raw.min(), raw.max()], np.r_[above, 1.0, 0.0]
    weight = np.r_[np.ones(len(raw)), 0.5, 0.5]
    smooth = IsotonicRegression(out_of_bounds="clip").fit(x, y, weight)
    middles = np.r_[bends[0], (bends[:-1] + bends[1:]) / 2, bends[-1]]
    out = [smooth.predict(np.r_[raw[(raw >= a) & (raw <= b)], (a + b) / 2]).mean() for a, b in zip(middles, middles[1:])]
    return np.maximum.accumulate(out)


def knots_of(raw: np.ndarray, want: np.ndarray, level: str, strength: float, strict: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Where raw scores go: strength 0 keeps them, 1 gives the classes exactly the experts' shares on the data, but that so
    many times as many are below Good."""
    want_class = classify(want, level)
    edges, top = np.array(EDGES[level]), TOP[level]
    cuts = np.quantile(raw, [(want_class <= k).mean() * (strict if k == 2 else 1.0) for k in range(4)])
    cuts = edges + strength * (cuts - edges)
    low, high = min(raw.min(), cuts[0]) - 0.1 * top, max(raw.max(), cuts[-1]) + 0.02 * top
    return np.maximum.accumulate(np.r_[low, cuts, high] + np.arange(6) * 1e-4), np.r_[0.0, edges, top]


def fit(raw: np.ndarray, want: np.ndarray, level: str, strength: float, strict: float = 1.0) -> Scale:
    knots, values = knots_of(raw, want, level, strength, strict)
    want_class, bends = classify(want, level), _bends(raw)
    curves = [_curve(raw, want_class > k, bends).tolist() for k in range(4)]
    return Scale(knots.tolist(), values.tolist(), bends.tolist(), curves)


class _Pieces(nn.Module):
    """Piecewise linear function through (knots, values), constant outside."""

    def __init__(self, knots: list[float], values: list[float]):
        super().__init__()
        x, y = torch.tensor(knots, dtype=torch.float64), torch.tensor(values, dtype=torch.float64)
        self.register_buffer("begin", x[:-1].float())
        self.register_buffer("width", x.diff().float())
        self.register_buffer("rise", (y.diff() / x.diff()).float())
        self.register_buffer("floor", y[0].float())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inside = torch.minimum((x[..., None] - self.begin).clamp(min=0), self.width)
        return self.floor + (inside * self.rise).sum(-1)


class Calibrate(nn.Module):
    """A Scale as a module: raw (...) -> scores (...) and probabilities (..., 5)."""

    def __init__(self, s: Scale):
        super().__init__()
        self.score = _Pieces(s.knots, s.values)
        self.above = nn.ModuleList(_Pieces(s.bends, row) for row in s.above)

    def forward(self, raw: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        curves = [torch.ones_like(raw)]
        for curve in self.above:
            curves.append(torch.minimum(curves[-1], curve(raw).clamp(0, 1)))
        curves.append(torch.zeros_like(raw))
        return self.score(raw), torch.stack([a - b for a, b in zip(curves, curves[1:])], -1)
