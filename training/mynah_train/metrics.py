"""What the model card reports. Scores are arrays, classes 0-4."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def pearson(a: np.ndarray, b: np.ndarray) -> float:
    """0 where either is constant."""
    if a.std() == 0 or b.std() == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def rmse(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sqrt(np.mean((a - b) ** 2)))


def confusion(want: np.ndarray, got: np.ndarray, classes: int = 5) -> np.ndarray:
    """Counts, wanted class by row."""
    out = np.zeros((classes, classes), int)
    np.add.at(out, (want, got), 1)
    return out


def quadratic_kappa(want: np.ndarray, got: np.ndarray, classes: int = 5) -> float:
    """Cohen's kappa with weights (i - j)^2; 1 where nothing disagrees."""
    seen = confusion(want, got, classes) / len(want)
    weights = np.subtract.outer(np.arange(classes), np.arange(classes)) ** 2
    chance = (weights * np.outer(seen.sum(1), seen.sum(0))).sum()
    return 1.0 if chance == 0 else float(1 - (weights * seen).sum() / chance)


def matthews(want: np.ndarray, got: np.ndarray, classes: int = 5) -> float:
    """Matthews' correlation coefficient of several classes (Gorodkin 2004); 0 where undefined."""
    c = confusion(want, got, classes).astype(float)
    n, right, rows, columns = c.sum(), np.trace(c), c.sum(1), c.sum(0)
    bottom = np.sqrt((n**2 - (columns**2).sum()) * (n**2 - (rows**2).sum()))
    return 0.0 if bottom == 0 else float((right * n - rows @ columns) / bottom)


def precision_recall_f1(want: np.ndarray, got: np.ndarray) -> tuple[float, float, float]:
    """Of booleans."""
    hit = float((want & got).sum())
    p, r = hit / max(1, int(got.sum())), hit / max(1, int(want.sum()))
    return p, r, 0.0 if hit == 0 else 2 * p * r / (p + r)


def best_f1(want: np.ndarray, badness: np.ndarray) -> tuple[float, float]:
    """The best F1 over all thresholds, and the precision where recall first reaches .5; 0 of nothing to find."""
    order = np.argsort(-badness, kind="stable")
    hits = np.cumsum(want[order])
    flagged = np.arange(1, len(want) + 1)
    p, r = hits / flagged, hits / max(1, hits[-1])
    f1 = 2 * p * r / np.maximum(p + r, 1e-9)
    return float(f1.max()), float(p[r >= 0.5].max(initial=0.0))


def calibration_error(probabilities: np.ndarray, want: np.ndarray, got: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error of the confidence in the label that was given (equal-mass bins)."""
    confidence = probabilities[np.arange(len(got)), got]
    right = (want == got).astype(float)
    order = np.argsort(confidence, kind="stable")
    error = sum(abs(confidence[b].sum() - right[b].sum()) for b in np.array_split(order, bins))
    return float(error / len(want))


def interval(speakers: np.ndarray, measure: Callable[[np.ndarray], float], draws: int = 1000, seed: int = 0
             ) -> tuple[float, float]:
    """95 % interval of measure(indices) when whole speakers are drawn with replacement."""
    groups = [np.flatnonzero(speakers == s) for s in np.unique(speakers)]
    rng = np.random.default_rng(seed)
    values = [measure(np.concatenate([groups[i] for i in rng.integers(0, len(groups), len(groups))]))
              for _ in range(draws)]
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
