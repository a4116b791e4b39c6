"""From the judges' answers to the scores of phones and words: boosted trees that were taught by speakers whom the judges
never met.

Stacked generalisation (Wolpert, 1992). The judges know their train speakers' sentences; how far a low phone in a poor word
is to be trusted, or the odds of another sound in an otherwise clear sentence, shows only in what they answer about others.
So trees are fitted on the held-out speakers, whom experts have scored, on the same with another sound expected, and on
synthetic voices, whose mistakes are known: experts forgive a wrong sound more than a learner wants who has to know about it,
and the judges learn from experts.

The trees come in bags, each fitted without a fifth of the speakers. Their mean is what ships. Whatever is calibrated or
measured on those speakers is so by the bags that have not seen the speaker (Fitted.fresh).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from .judge import WORD_SCALE, Phones, Raw
from .judging import Example, phones_of, word_starts

# What the trees see, and in which direction alone each may move the score (0: either).
NEAR = {"phone": 1, "wrong": -1, "added": -1, "phone before": 0, "phone after": 0, "wrong before": 0, "wrong after": 0}
WORD = {"word": 1, "word's lowest phone": 1, "word's mean phone": 1, "word's highest wrong": -1, "word's highest added": -1,
        "word's phones": 0, "accuracy": 1, "fluency": 0, "prosody": 0, "mean phone": 1, "mean squared shortfall": -1,
        "mean word": 1, "mean wrong": 0, "log of phones": 0}
DIRECTION = {"phone": [*NEAR.values(), *WORD.values()], "word": [*WORD.values()]}
FIRST = {"phone": 0, "word": len(NEAR)}  # a level's first feature, which is its own raw score
FOLDS, REPEATS = 5, 4
TREES, DEPTH, RATE, SMALLEST_LEAF = 60, 3, 0.1, 30
_INNER = 2**DEPTH - 1  # nodes of a tree that have children
# The raw score's share of the answer: trees have steps, and this tells two scores on the same step apart.
OWN = 0.15
# What a phone, or a word, weighs: of learners, scored by experts; of synthetic voices; of learners of whom another sound
# was expected.
SCORED, SYNTHETIC, MISREAD = {"phone": 1.0, "word": 1.0}, {"phone": 0.3, "word": 0.02}, {"phone": 0.05, "word": 0.02}


def features(raw: Raw, p: Phones) -> torch.Tensor:
    """(B, N, len(NEAR) + len(WORD)), of padding phones anything."""
    valid = p.phoneme > 0
    same = (p.word[:, :, None] == p.word[:, None]) & valid[:, None]
    here, n = valid.float(), valid.float().sum(1, keepdim=True).clamp(min=1)

    def lowest(x: torch.Tensor) -> torch.Tensor:
        return torch.where(same, x[:, None], torch.full((), 1e4)).amin(-1)

    def mean(x: torch.Tensor) -> torch.Tensor:
        return ((x * here).sum(1, keepdim=True) / n).expand_as(here)

    def shifted(x: torch.Tensor, edge: float) -> list[torch.Tensor]:
        x = torch.where(valid, x, torch.full((), edge))
        return [F.pad(x[:, :-1], (1, 0), value=edge), F.pad(x[:, 1:], (0, 1), value=edge)]

    length = same.float().sum(-1)
    near = [raw.phone, raw.wrong, raw.added, *shifted(raw.phone, 2.0), *shifted(raw.wrong, -4.0)]
    word = [raw.word, lowest(raw.phone), (same.float() @ (raw.phone * here)[..., None])[..., 0] / length.clamp(min=1),
            -lowest(-raw.wrong), -lowest(-raw.added), length,
            *(raw.sentence[:, i : i + 1].expand_as(here) for i in range(3)),
            mean(raw.phone), mean((2 - raw.phone) ** 2), mean(raw.word), mean(raw.wrong), n.log().expand_as(here)]
    return torch.stack([*near, *word], -1)


class Forest(nn.Module):
    """Complete binary trees of one depth: node i's children are 2 i + 1, where the feature is at most the threshold, and
    2 i + 2. A tree with fewer leaves has some of them twice."""

    def __init__(self, trees: int):
        super().__init__()
        self.trees = trees
        self.register_buffer("feature", torch.zeros(trees * _INNER, dtype=torch.long))
        self.register_buffer("threshold", torch.zeros(trees * _INNER))
        self.register_buffer("leaf", torch.zeros(trees * 2**DEPTH))
        self.register_buffer("base", torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, N, F) -> (B, N): the base and the sum of every tree's leaf."""
        shape, x = x.shape[:-1], x.flatten(0, -2)
        tree = torch.arange(self.trees, device=x.device)
        node = torch.zeros(x.shape[0], self.trees, dtype=torch.long, device=x.device)
        for _ in range(DEPTH):
            at = tree * _INNER + node
            node = 2 * node + 1 + (x.gather(1, self.feature[at]) > self.threshold[at]).long()
        return self.base + self.leaf[tree * 2**DEPTH + node - _INNER].sum(1).reshape(shape)

    def take(self, models: list, x: np.ndarray) -> Forest:
        """Becomes the mean of scikit-learn's boosted trees; checked on x."""
        trees = [t.nodes for m in models for (t,) in m._predictors]
        for i, nodes in enumerate(trees):
            self._take(i, nodes, 0, 0, 0)
        self.leaf /= len(models)
        want = np.mean([m.predict(x) for m in models], 0)
        self.base.zero_()
        self.base += float(np.median(want - self(torch.from_numpy(x)[None])[0].numpy()))
        # A threshold may lie within float32's reach of a value.
        if (off := np.abs(self(torch.from_numpy(x)[None])[0].numpy() - want)).mean() > 1e-4:
            raise AssertionError(f"the trees' answers are off by {off.mean():.5f}")
        return self

    def _take(self, tree: int, nodes: np.ndarray, i: int, at: int, depth: int) -> None:
        n = nodes[i]
        if depth == DEPTH:
            self.leaf[tree * 2**DEPTH + at - _INNER] = float(n["value"])
            return
        if not n["is_leaf"]:
            self.feature[tree * _INNER + at] = int(n["feature_idx"])
            self.threshold[tree * _INNER + at] = float(n["num_threshold"])
        for side, child in enumerate(("left", "right")):
            self._take(tree, nodes, i if n["is_leaf"] else n[child], 2 * at + 1 + side, depth + 1)


class Stack(nn.Module):
    """The judges' mean answer -> the same with other scores of phones and words."""

    def __init__(self, trees: int):
        super().__init__()
        self.levels = nn.ModuleDict({k: Forest(trees) for k in DIRECTION})

    def forward(self, raw: Raw, p: Phones) -> Raw:
        x = features(raw, p)
        return raw._replace(**{k: blended(forest(x[..., FIRST[k]:]), x[..., FIRST[k]]) for k, forest in self.levels.items()})


def blended(trees, raw):
    """The trees' answer with OWN's share of the raw score; of tensors or arrays."""
    return (1 - OWN) * trees + OWN * raw


class Lesson(NamedTuple):
    """An utterance whose phones and words have known scores."""

    raw: Raw  # the judges' mean answer
    example: Example
    group: str  # who speaks; a voice that can say anything has as many as it has sentences
    weight: dict[str, float]  # of each phone and word
    only: int | None = None  # the one phone whose score, and whose word's, is known; of all of them


class Fitted(NamedTuple):
    stack: Stack
    fresh: dict[str, list[np.ndarray]]  # level to each lesson's known phones' or words' scores (0-2), by the bags without its group
    apart: dict[str, Stack]  # of the bags without a group


def fit(lessons: list[Lesson], seed: int, apart: Iterable[str] = ()) -> Fitted:
    """The trees that the lessons teach, what those say of each lesson that have not seen its group, and the trees
    without each group of `apart`."""
    fresh, whole, without = {}, Stack(0), {g: Stack(0) for g in apart}
    names = {g: i for i, g in enumerate(dict.fromkeys(x.group for x in lessons))}
    for level in DIRECTION:
        rows, scores = zip(*(_known(x, level) for x in lessons))
        x, sizes = np.concatenate(rows), [len(r) for r in rows]
        weight = np.repeat([x.weight[level] for x in lessons], sizes)
        models, unseen, answers = _bags(x, np.concatenate(scores), weight, np.repeat([names[l.group] for l in lessons], sizes),
                                        DIRECTION[level], seed)
        whole.levels[level] = Forest(len(models) * TREES).take(models, x)
        for g, s in without.items():
            some = [m for m, groups in zip(models, unseen) if groups[names[g]]]
            s.levels[level] = Forest(len(some) * TREES).take(some, x)
        fresh[level] = np.split(blended(answers, x[:, 0]), np.cumsum(sizes)[:-1])
    return Fitted(whole.eval(), fresh, {g: s.eval() for g, s in without.items()})


@torch.no_grad()
def _known(x: Lesson, level: str) -> tuple[np.ndarray, np.ndarray]:
    """The features and scores (0-2) of what is known of a lesson's phones or words."""
    u, n = x.example.utterance, len(x.example.utterance.phones)
    raw = Raw(*(v if k == "sentence" else v[:, :n] for k, v in x.raw._asdict().items()))
    seen = features(raw, phones_of([(u, x.example.first, x.example.last)]))[0].numpy()[:, FIRST[level]:]
    if level == "phone":
        at = np.arange(n) if x.only is None else [x.only]
        return seen[at], u.phone_scores[at]
    at = np.arange(len(u.word_scores)) if x.only is None else u.words[[x.only]]
    return seen[word_starts(u)[at]], u.word_scores[at] / WORD_SCALE


def _bags(x: np.ndarray, y: np.ndarray, weight: np.ndarray, group: np.ndarray, direction: list[int], seed: int
          ) -> tuple[list, list[np.ndarray], np.ndarray]:
    """Boosted trees, each without one fold of the groups; of each whether it is without each group; and of every row the
    mean answer of those without its group."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    rng, names = np.random.default_rng(seed), np.unique(group)
    folds, models, unseen, total = min(FOLDS, len(names)), [], [], np.zeros(len(y))
    for repeat in range(REPEATS):
        fold_of = np.zeros(names.max() + 1, int)
        fold_of[rng.permutation(names)] = np.arange(len(names)) % folds
        for k in range(folds):
            out = fold_of[group] == k
            m = HistGradientBoostingRegressor(max_iter=TREES, learning_rate=RATE, max_depth=DEPTH, max_leaf_nodes=2**DEPTH,
                                              min_samples_leaf=SMALLEST_LEAF, l2_regularization=1.0, monotonic_cst=direction,
                                              early_stopping=False, random_state=seed)
            m.fit(x[~out], y[~out], sample_weight=weight[~out])
            total[out] += m.predict(x[out]) / REPEATS
            models.append(m)
            unseen.append(fold_of == k)
    return models, unseen, total
