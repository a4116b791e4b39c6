"""Trains judges on evidence from a fixed encoder and recogniser."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from .align import viterbi
from .config import Config
from .data import Utterance
from .judge import SENTENCE_SCALE, WORD_SCALE, Evidence, Judge, Phones, Raw, evidence
from .likeness import Likeness


@dataclass(frozen=True)
class Example:
    """An utterance, its alignment and the evidence for its phones (each without the batch dimension)."""

    utterance: Utterance
    first: np.ndarray
    last: np.ndarray
    evidence: Evidence


@dataclass(frozen=True)
class Answer:
    """What judges say of an example (see lean): each with a batch dimension of 1."""

    example: Example
    raw: Raw


@dataclass(frozen=True)
class Scores:
    """Of many utterances, one after the other: P phones, W words, U utterances; 0-2, 0-10, 0-10, 0-10."""

    phone: np.ndarray
    word: np.ndarray
    stress: np.ndarray
    sentence: np.ndarray  # U, 3


@torch.no_grad()
def example(u: Utterance, logp: np.ndarray, frames: np.ndarray) -> Example:
    first, last, _ = viterbi(logp, u.phones)
    lp, fr = torch.from_numpy(logp)[None].float(), torch.from_numpy(frames)[None].float()
    e = evidence(lp, fr, phones_of([(u, first, last)]), torch.ones(1, len(logp)))
    return Example(u, first, last, Evidence(*(x[0].clone() for x in e)))


def lean(x: Example, seen: tuple[str, ...] = ("posterior", "heard", "gaps", "scalars", "globals")) -> Example:
    """The example with that much of its evidence; of the frames nothing is left, which take most of the memory."""
    nothing = torch.zeros(len(x.utterance.phones), 1)
    rest = {k: nothing if v.dim() == 2 else nothing[0] for k, v in x.evidence._asdict().items() if k not in seen}
    return replace(x, evidence=x.evidence._replace(**rest))


def phones_of(aligned: list[tuple[Utterance, np.ndarray, np.ndarray]]) -> Phones:
    """A padded batch of aligned phones."""
    n = max(len(u.phones) for u, _, _ in aligned)
    out = torch.zeros(5, len(aligned), n, dtype=torch.long)
    for i, (u, first, last) in enumerate(aligned):
        k = len(u.phones)
        for row, values in zip(out, (u.phones, u.stress, u.words, first, last)):
            row[i, :k] = torch.from_numpy(values)
        out[2, i, k:] = -1
    return Phones(*out)


def collate(examples: list[Example]) -> tuple[Evidence, Phones]:
    n = max(len(x.utterance.phones) for x in examples)
    columns = []
    for values in zip(*(x.evidence for x in examples)):
        per_phone = values[0].dim() == 2
        columns.append(torch.stack([F.pad(v, (0, 0, 0, n - len(v))) if per_phone else v for v in values]))
    return Evidence(*columns), phones_of([(x.utterance, x.first, x.last) for x in examples])


def loss_of(raw: Raw, utterances: list[Utterance], phone_weight: float = 1.0) -> torch.Tensor:
    """Squared errors of phones, words (each once), their stress and the sentence, as far as there are scores, and the
    cross entropies of sounds being wrong and of sounds being added."""
    total = torch.zeros(())
    found: dict[str, tuple[list, list]] = {k: ([], []) for k in ("phone", "word", "stress", "sentence", "wrong", "added")}

    def add(name: str, got: torch.Tensor, want: np.ndarray) -> None:
        found[name][0].append(got)
        found[name][1].append(torch.from_numpy(want.astype(np.float32)))

    for i, u in enumerate(utterances):
        n = len(u.phones)
        sure = np.flatnonzero(wrong(u) >= 0)
        add("wrong", raw.wrong[i, :n][sure], wrong(u)[sure])
        sure = np.flatnonzero(added(u) >= 0)
        add("added", raw.added[i, :n][sure], added(u)[sure])
        if u.phone_scores is None:
            continue
        starts = word_starts(u)
        add("phone", raw.phone[i, :n], u.phone_scores)
        add("word", raw.word[i, starts], u.word_scores / WORD_SCALE)
        add("stress", raw.stress[i, starts], u.stress_scores / WORD_SCALE)
        if u.scores is not None:
            add("sentence", raw.sentence[i], u.opinion() / SENTENCE_SCALE)
    for name, (got, want) in found.items():
        if got:
            f = F.binary_cross_entropy_with_logits if name in ("wrong", "added") else F.mse_loss
            weight = {"phone": phone_weight, "wrong": 0.5, "added": 0.5}.get(name, 1.0)
            total = total + weight * f(torch.cat(got).flatten(), torch.cat(want).flatten())
    return total


def wrong(u: Utterance) -> np.ndarray:
    """For each phone 1: another sound was said; 0: itself; -1: there is no telling."""
    if u.phone_scores is None:
        return np.zeros(len(u.phones))
    return np.where(u.phone_scores >= 1.8, 0.0, np.where(u.phone_scores < 0.7, 1.0, -1.0))


def added(u: Utterance) -> np.ndarray:
    """For each phone 1: a sound was added beside it; 0: none was; -1: there is no telling."""
    if u.added is not None:
        return u.added.astype(float)
    return np.zeros(len(u.phones)) if u.phone_scores is None else np.where(u.phone_scores >= 1.8, 0.0, -1.0)


def word_starts(u: Utterance) -> np.ndarray:
    """Index of each word's first phone."""
    return np.flatnonzero(np.r_[True, u.words[1:] != u.words[:-1]])


def train(examples: list[Example], hidden: int, cfg: Config, seed: int) -> Judge:
    torch.manual_seed(seed)
    model = Judge(hidden, cfg.judge_width, cfg.judge_layers)
    model.fit(torch.cat([x.evidence.scalars for x in examples]), torch.stack([x.evidence.globals for x in examples]))
    return teach(model, examples, loss_of, cfg.judge_epochs, cfg.judge_rate, cfg.judge_batch, seed)


def teach(model: nn.Module, examples: list[Example], loss_of: Callable, epochs: int, rate: float, batch: int, seed: int
          ) -> nn.Module:
    """The model, which answers about evidence and phones, after so many epochs of what loss_of says of its answers about
    utterances."""
    rng = random.Random(seed)
    steps = epochs * -(-len(examples) // batch)
    opt = torch.optim.AdamW(model.parameters(), rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(opt, rate, total_steps=steps + 1, pct_start=0.1)
    model.train()
    for _ in range(epochs):
        order = list(examples)
        rng.shuffle(order)
        for i in range(0, len(order), batch):
            part = order[i : i + batch]
            loss = loss_of(model(*collate(part)), [x.utterance for x in part])
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            opt.step()
            schedule.step()
    return model.eval()


def flatten(raws: list[Raw], utterances: list[Utterance]) -> Scores:
    """Single utterances' answers (without a batch dimension) as scores on the corpus's scales."""
    phone, word, stress, sentence = [], [], [], []
    for r, u in zip(raws, utterances):
        starts = word_starts(u)
        phone.append(r.phone[: len(u.phones)].numpy())
        word.append(r.word[starts].numpy() * WORD_SCALE)
        stress.append(r.stress[starts].numpy() * WORD_SCALE)
        sentence.append(r.sentence.numpy() * SENTENCE_SCALE)
    return Scores(np.concatenate(phone), np.concatenate(word), np.concatenate(stress), np.stack(sentence))


@torch.no_grad()
def answers(models: list[Judge], examples: list[Example], likeness: Likeness | None = None, size: int = 50) -> list[Raw]:
    """The mean of the models, of each utterance; uncorrected, or with the likeness's scores of the sentence."""
    out = []
    for i in range(0, len(examples), size):
        part = examples[i : i + size]
        e, p = collate(part)
        mean = average([m.eval()(e, p) for m in models])
        if likeness:
            mean = likeness(mean, e)
        out += [Raw(*(x[k : k + 1] for x in mean)) for k in range(len(part))]
    return out


def average(raws: list[Raw]) -> Raw:
    return Raw(*(sum(a) / len(a) for a in zip(*raws)))


def predict(models: list[Judge], examples: list[Example]) -> Scores:
    """Raw scores by the mean of the models; see answers."""
    return scores_of(answers(models, examples), [x.utterance for x in examples])


def scores_of(raws: list[Raw], utterances: list[Utterance]) -> Scores:
    """The same of answers with a batch dimension of 1."""
    return flatten([Raw(*(v[0] for v in r)) for r in raws], utterances)


def truth(utterances: list[Utterance]) -> Scores:
    return Scores(*(np.concatenate([getattr(u, k) for u in utterances])
                    for k in ("phone_scores", "word_scores", "stress_scores")),
                  np.stack([u.scores for u in utterances]))
