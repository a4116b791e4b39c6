"""From the judges' answers to scores: of phones and words by boosted trees, of the sentence by what its answers lack (see
whole), all taught by speakers whom the judges never met.

Stacked generalisation (Wolpert, 1992). The judges know their train speakers' sentences; how far a low phone in a poor word
is to be trusted, or the odds of another sound in an otherwise clear sentence, shows only in what they answer about others.
So trees are fitted on what models answered about the train speakers whom they had not met and whom experts have scored, on the
same with another sound expected, and on synthetic voices, whose mistakes are known.

Of a phone there are two questions. What would experts say of it? That depends on the word and the sentence: they forgive a
wrong sound more than a learner wants who has to know about it. And was it said? That is told by the phone and its neighbours
alone, and taught by mistakes that are known. Each has trees of its own, and the score is some of both.

The trees come in bags, each fitted without a fifth of the speakers. Their mean is what counts.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from . import whole
from .calibration import classify
from .judge import GLOBALS, SCALARS, SENTENCE_SCALE, WORD_SCALE, Evidence, Phones, Raw
from .judging import Answer, phones_of, word_starts
from .phonemes import CLASSES
from .whole import Whole

# What the trees see, and in which direction alone each may move the score (0: either). Of the evidence's scalars the first so
# many tell how surely the phone itself was heard.
HEARD = 6
MARGINS = (1, 3)  # and of those again, by how much it is likelier than any other sound
SOUND = {"phone": 1, "wrong": -1, "added": -1, "phone before": 0, "phone after": 0, "wrong before": 0, "wrong after": 0,
         "phoneme's usual score": 0, **{f"scalar {i}": 0 for i in range(SCALARS)},
         **{f"scalar {i} {side}": 0 for i in MARGINS for side in ("before", "after")}}
NEAR = {**SOUND, "phone over others": 1, "wrong over others": -1, **{f"global {i}": 0 for i in range(GLOBALS)}}
SENTENCE = {"accuracy": 1, "fluency": 0, "prosody": 0, "mean phone": 1, "mean squared shortfall": -1, "mean word": 1,
            "mean wrong": 0, "log of phones": 0}
WORD = {"word": 1, "word's lowest phone": 1, "word's mean phone": 1, "word's highest wrong": -1, "word's highest added": -1,
        "word's phones": 0, **SENTENCE,
        **{f"word's {of} scalar {i}": 0 for of in ("lowest", "mean") for i in range(HEARD)}}
# Which of them each forest sees; the first is its level's own raw score.
SEES = {"phone": slice(None), "sound": slice(len(SOUND)), "word": slice(len(NEAR), None)}
DIRECTION = {forest: [*NEAR.values(), *WORD.values()][of] for forest, of in SEES.items()}
_START = len(NEAR) + list(WORD).index(next(iter(SENTENCE)))
OF_SENTENCE = slice(_START, _START + len(SENTENCE))
FOLDS, REPEATS = 5, 4
TREES, DEPTH, RATE, SMALLEST_LEAF = 60, 4, 0.1, 60
_INNER = 2**DEPTH - 1  # nodes of a tree that have children
# The share of "was it said" in a phone's score, of the worst and of the best. Which ones are wrong is the experts' affair; among
# those that sound well it says which is the worst, and what is wrong elsewhere in the sentence does not lower them by a label.
SAID = (0.2, 0.5)
_SAID_FROM, _SAID_TO = 0.8, 1.6  # the experts' trees' answers between which the share grows
OWN = 0.15  # the raw score's share of a word's: trees have steps, and this tells two scores on the same step apart
# What a phone, or a word, weighs in a forest: of learners, scored by experts; of synthetic voices; of learners of whom another
# sound was expected, of each of whose recordings there are many (Config.stack_misread).
SCORED = {"phone": 1.0, "sound": 1.0, "word": 1.0}
SYNTHETIC = {"phone": 0.3, "sound": 0.6, "word": 0.02}
MISREAD = {"phone": 0.004, "sound": 0.3, "word": 0.004}
# How much more than its score a phone counts that is Excellent (1.9 and more): four in five are, so that most labels hang on
# that edge, and the scale brings the scores back.
EXCELLENT = 0.4
# How many times more a learner's phone weighs that is below Average (1): they are one in twenty, and what trees are for.
WRONG = 1.5
_SHRINK = 20  # phones of the mean score that are added to each phoneme's


def features(raw: Raw, p: Phones, e: Evidence, usual: torch.Tensor) -> torch.Tensor:
    """(B, N, len(NEAR) + len(WORD)), of padding phones anything. usual (CLASSES): each phoneme's score among learners."""
    valid = p.phoneme > 0
    same = (p.word[:, :, None] == p.word[:, None]) & valid[:, None]
    here, n = valid.float(), valid.float().sum(1, keepdim=True).clamp(min=1)
    length = same.float().sum(-1)

    at = torch.arange(valid.shape[1])
    others = same & (at[:, None] != at)

    def lowest(x: torch.Tensor, among: torch.Tensor = same, most: float = 1e4) -> torch.Tensor:
        return torch.where(among, x[:, None], torch.full((), most)).amin(-1)

    def of_word(x: torch.Tensor) -> torch.Tensor:
        return (same.float() @ (x * here)[..., None])[..., 0] / length.clamp(min=1)

    def mean(x: torch.Tensor) -> torch.Tensor:
        return ((x * here).sum(1, keepdim=True) / n).expand_as(here)

    def beside(x: torch.Tensor, edge: float) -> list[torch.Tensor]:
        x = torch.where(valid, x, torch.full((), edge))
        return [F.pad(x[:, :-1], (1, 0), value=edge), F.pad(x[:, 1:], (0, 1), value=edge)]

    heard = e.scalars[..., :HEARD].unbind(-1)
    near = [raw.phone, raw.wrong, raw.added, *beside(raw.phone, 2.0), *beside(raw.wrong, -4.0),
            usual[p.phoneme], *e.scalars.unbind(-1), *(x for i in MARGINS for x in beside(e.scalars[..., i], 8.0)),
            raw.phone - lowest(raw.phone, others, 2.0), raw.wrong + lowest(-raw.wrong, others, 4.0),
            *(g[:, None].expand_as(here) for g in e.globals.unbind(-1))]
    word = [raw.word, lowest(raw.phone), of_word(raw.phone), -lowest(-raw.wrong), -lowest(-raw.added), length,
            *(raw.sentence[:, i : i + 1].expand_as(here) for i in range(3)),
            mean(raw.phone), mean((2 - raw.phone) ** 2), mean(raw.word), mean(raw.wrong), n.log().expand_as(here),
            *map(lowest, heard), *map(of_word, heard)]
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
        """Becomes the mean of scikit-learn's boosted trees; checked on some of x."""
        x = x[:: 1 + len(x) // 1000]
        trees = [t.nodes for m in models for (t,) in m._predictors]
        for i, nodes in enumerate(trees):
            self._take(i, nodes, 0, 0, 0)
        self.leaf /= len(models)
        want = np.mean([m.predict(x) for m in models], 0)
        self.base.zero_()
        self.base += float(np.median(want - self(torch.from_numpy(x)[None])[0].numpy()))
        if (off := np.abs(self(torch.from_numpy(x)[None])[0].numpy() - want).max()) > 1e-4:
            raise AssertionError(f"the trees' answers are off by {off:.5f}")
        return self

    def _take(self, tree: int, nodes: np.ndarray, i: int, at: int, depth: int) -> None:
        n = nodes[i]
        if depth == DEPTH:
            self.leaf[tree * 2**DEPTH + at - _INNER] = float(n["value"])
            return
        if not n["is_leaf"]:
            self.feature[tree * _INNER + at] = int(n["feature_idx"])
            # What scikit-learn compares with in double precision: the next lower float32 parts float32 features alike.
            threshold = np.float32(n["num_threshold"])
            if threshold > n["num_threshold"]:
                threshold = np.nextafter(threshold, np.float32(-np.inf))
            self.threshold[tree * _INNER + at] = float(threshold)
        for side, child in enumerate(("left", "right")):
            self._take(tree, nodes, i if n["is_leaf"] else n[child], 2 * at + 1 + side, depth + 1)


class Stack(nn.Module):
    """The judges' mean answer -> the same with other scores of phones, words and the sentence."""

    def __init__(self, trees: int, known: int):
        super().__init__()
        self.forests = nn.ModuleDict({k: Forest(trees) for k in SEES})
        self.whole = Whole(len(SENTENCE), known)
        self.register_buffer("usual", torch.zeros(CLASSES))

    @staticmethod
    def of(state: dict[str, torch.Tensor]) -> Stack:
        """One whose state is known."""
        m = Stack(state["forests.phone.leaf"].numel() // 2**DEPTH, len(state["whole.known"]))
        m.load_state_dict(state)
        return m.eval()

    def forward(self, raw: Raw, p: Phones, e: Evidence) -> Raw:
        x = features(raw, p, e, self.usual)
        experts, said, word = (forest(x[..., SEES[k]]) for k, forest in self.forests.items())
        return raw._replace(phone=blended(experts, said), word=word + OWN * (raw.word - word),
                            sentence=raw.sentence + self.whole(x[:, 0, OF_SENTENCE]))


def blended(experts: torch.Tensor, said: torch.Tensor) -> torch.Tensor:
    """What experts would say of a phone, with a share in it of whether it was said (see SAID). Falls with neither: where the
    latter is far below, it counts as so near that the share's growth takes no more than what the former brings."""
    worst, best = SAID
    growth = (best - worst) / (_SAID_TO - _SAID_FROM)
    share = worst + growth * (experts.clamp(_SAID_FROM, _SAID_TO) - _SAID_FROM)
    return experts + share * (said - experts).clamp(min=(best - 1) / growth)


class Lesson(NamedTuple):
    """An answer about phones and words, and of learners about a sentence, whose scores are known."""

    answer: Answer
    group: str  # who speaks; bags leave out whole groups
    weight: dict[str, float]  # in each forest
    only: int | None = None  # the one phone, and its word, that there is something to learn of; None: all


def lessons(learners: list[Answer], misread: list[tuple[Answer, int]], voices: list[Answer]) -> list[Lesson]:
    """What each kind of answer teaches."""
    return ([Lesson(a, a.example.utterance.speaker, SCORED) for a in learners]
            + [Lesson(a, a.example.utterance.id, SYNTHETIC) for a in voices]
            + [Lesson(a, a.example.utterance.speaker, MISREAD, j) for a, j in misread])


def fit(taught: list[Lesson], seed: int) -> Stack:
    """What the lessons teach."""
    out = Stack(0, 0)
    out.usual.copy_(_usual([x for x in taught if x.weight is SCORED]))
    names = {g: i for i, g in enumerate(dict.fromkeys(x.group for x in taught))}
    with torch.no_grad():
        seen = [features(*_seen(x.answer), out.usual)[0].numpy() for x in taught]
    for forest in SEES:
        rows, scores = zip(*(_known(x, s, forest) for x, s in zip(taught, seen)))
        x, sizes = np.concatenate(rows), [len(r) for r in rows]
        weights = np.concatenate([_weights(l, s, forest) for l, s in zip(taught, scores)])
        models = bags(x, np.concatenate(scores), weights, np.repeat([names[l.group] for l in taught], sizes),
                      DIRECTION[forest], seed)
        out.forests[forest] = Forest(len(models) * TREES).take(models, x)
    scored = [(s[0, OF_SENTENCE], x.answer) for x, s in zip(taught, seen) if x.weight is SCORED]
    lacking = [a.example.utterance.opinion() / SENTENCE_SCALE - a.raw.sentence[0].numpy() for _, a in scored]
    out.whole = whole.fit(np.stack([s for s, _ in scored]), np.stack(lacking).astype(np.float32))
    return out.eval()


def _usual(learners: list[Lesson]) -> torch.Tensor:
    """Each phoneme's mean score, drawn a little to that of all."""
    phones = np.concatenate([x.answer.example.utterance.phones for x in learners])
    scores = np.concatenate([x.answer.example.utterance.phone_scores for x in learners])
    total, count = np.bincount(phones, scores, CLASSES), np.bincount(phones, minlength=CLASSES)
    return torch.from_numpy((total + _SHRINK * scores.mean()) / (count + _SHRINK)).float()


def _seen(a: Answer) -> tuple[Raw, Phones, Evidence]:
    x = a.example
    return a.raw, phones_of([(x.utterance, x.first, x.last)]), Evidence(*(v[None] for v in x.evidence))


@torch.no_grad()
def applied(m: Stack, a: Answer) -> Raw:
    """The answer as the trees make it."""
    return m(*_seen(a))


def _known(x: Lesson, seen: np.ndarray, forest: str) -> tuple[np.ndarray, np.ndarray]:
    """The features that a forest sees of what is known of a lesson's phones or words, and their scores (0-2, or above:
    EXCELLENT)."""
    u, seen = x.answer.example.utterance, seen[:, SEES[forest]]
    if forest == "word":
        at = np.arange(len(u.word_scores)) if x.only is None else u.words[[x.only]]
        return seen[word_starts(u)[at]], u.word_scores[at] / WORD_SCALE
    at = np.arange(len(u.phones)) if x.only is None else [x.only]
    return seen[at], u.phone_scores[at] + EXCELLENT * (classify(u.phone_scores[at], "phone") == 4)


def _weights(x: Lesson, scores: np.ndarray, forest: str) -> np.ndarray:
    wrong = (x.weight is SCORED and forest != "word") & (scores < 1)
    return x.weight[forest] * np.where(wrong, WRONG, 1.0)


def bags(x: np.ndarray, y: np.ndarray, weight: np.ndarray, group: np.ndarray, direction: list[int], seed: int) -> list:
    """Boosted trees, each without one fold of the groups."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    rng, names = np.random.default_rng(seed), np.unique(group)
    folds, models = min(FOLDS, len(names)), []
    for _ in range(REPEATS):
        fold_of = np.zeros(names.max() + 1, int)
        fold_of[rng.permutation(names)] = np.arange(len(names)) % folds
        for k in range(folds):
            some = fold_of[group] != k
            m = HistGradientBoostingRegressor(max_iter=TREES, learning_rate=RATE, max_depth=DEPTH, max_leaf_nodes=2**DEPTH,
                                              min_samples_leaf=SMALLEST_LEAF, l2_regularization=1.0, monotonic_cst=direction,
                                              early_stopping=False, random_state=seed)
            with threadpool_limits(1, "openmp"):  # so little work that threads mostly wait for each other
                models.append(m.fit(x[some], y[some], sample_weight=weight[some]))
    return models
