"""From raw scores to the rubric's scale, and to the probabilities of the five classes.

Both are fitted on held-out speakers and end up as constants in the graph: a
piecewise linear, monotone map whose knots bring the classes' shares in line
with the experts', and a logistic curve for each of the four class edges.
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


def classify(scores: np.ndarray, level: str) -> np.ndarray:
    """Class 0-4 of each score."""
    # Scores are given in tenths; the tolerance keeps 1.9 in float32 in the class that begins at 1.9.
    return np.searchsorted(np.array(EDGES[level]) - 1e-4, scores, side="right")


@dataclass
class Scale:
    """One aspect's constants."""

    level: str
    knots: list[float]  # raw scores, increasing
    values: list[float]  # what they become
    slopes: list[float]  # of the four logistic curves
    offsets: list[float]

    @staticmethod
    def identity(level: str) -> Scale:
        top = TOP[level]
        edges = list(EDGES[level])
        return Scale(level, [0.0, top], [0.0, top], [4.0 / top * 2] * 4, [-4.0 / top * 2 * e for e in edges])

    def scores(self, raw: np.ndarray) -> np.ndarray:
        return np.interp(raw, self.knots, self.values)

    def probabilities(self, raw: np.ndarray) -> np.ndarray:
        z = np.asarray(raw)[..., None] * np.array(self.slopes) + np.array(self.offsets)
        above = np.minimum.accumulate(1 / (1 + np.exp(-z)), -1)
        return np.diff(np.concatenate([np.zeros((*z.shape[:-1], 1)), 1 - above, np.ones((*z.shape[:-1], 1))], -1))


def _logistic(x: np.ndarray, above: np.ndarray) -> tuple[float, float]:
    """Maximum likelihood slope (> 0) and offset, a little regularised so that rare classes stay finite."""
    from sklearn.linear_model import LogisticRegression

    if above.all() or not above.any():
        rate = (above.sum() + 0.5) / (len(above) + 1)
        return 1e-3, float(np.log(rate / (1 - rate)))
    spread = x.std() + 1e-6
    m = LogisticRegression(C=10.0).fit((x / spread)[:, None], above)
    return max(1e-3, float(m.coef_[0, 0] / spread)), float(m.intercept_[0])


def fit(raw: np.ndarray, want: np.ndarray, level: str, strength: float) -> Scale:
    """strength 0 keeps the raw scores, 1 gives the classes exactly the experts' shares on the data."""
    want_class = classify(want, level)
    edges, top = np.array(EDGES[level]), TOP[level]
    shares = [(want_class <= k).mean() for k in range(4)]
    cuts = np.quantile(raw, shares)
    # A class that experts (almost) never give keeps its edge where the next one's scale puts it.
    cuts = edges + strength * (cuts - edges)
    low, high = min(raw.min(), cuts[0]) - 0.1 * top, max(raw.max(), cuts[-1]) + 0.02 * top
    knots = np.maximum.accumulate(np.r_[low, cuts, high] + np.arange(6) * 1e-4)
    curves = [_logistic(raw, want_class > k) for k in range(4)]
    return Scale(level, knots.tolist(), [0.0, *edges.tolist(), top], [a for a, _ in curves], [b for _, b in curves])


class Calibrate(nn.Module):
    """A Scale as a module: raw (...) -> scores (...) and probabilities (..., 5)."""

    def __init__(self, s: Scale):
        super().__init__()
        knots, values = torch.tensor(s.knots), torch.tensor(s.values)
        self.register_buffer("begin", knots[:-1])
        self.register_buffer("width", knots.diff())
        self.register_buffer("rise", values.diff() / knots.diff())
        self.register_buffer("floor", values[0])
        self.register_buffer("slopes", torch.tensor(s.slopes))
        self.register_buffer("offsets", torch.tensor(s.offsets))

    def forward(self, raw: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        inside = torch.minimum((raw[..., None] - self.begin).clamp(min=0), self.width)
        score = self.floor + (inside * self.rise).sum(-1)
        above = torch.sigmoid(raw[..., None] * self.slopes + self.offsets)
        curves = [above[..., 0]]
        for k in range(1, 4):
            curves.append(torch.minimum(curves[-1], above[..., k]))
        one, zero = torch.ones_like(curves[0]), torch.zeros_like(curves[0])
        bounds = [one, *curves, zero]
        return score, torch.stack([a - b for a, b in zip(bounds, bounds[1:])], -1)
