"""Trains judges on evidence from a fixed encoder and recogniser."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from .align import viterbi
from .config import Config
from .data import Utterance
from .judge import SENTENCE_SCALE, WORD_SCALE, Evidence, Judge, Phones, Raw, corrected, evidence


@dataclass(frozen=True)
class Example:
    """An utterance, its alignment and the evidence for its phones (each without the batch dimension)."""

    utterance: Utterance
    first: np.ndarray
    last: np.ndarray
    evidence: Evidence


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
    """Squared errors of phones, words (each once), their stress, and the sentence."""
    total = torch.zeros(())
    phone, word, stress = [], [], []
    want_phone, want_word, want_stress = [], [], []
    for i, u in enumerate(utterances):
        starts = word_starts(u)
        phone.append(raw.phone[i, : len(u.phones)])
        word.append(raw.word[i, starts])
        stress.append(raw.stress[i, starts])
        want_phone.append(u.phone_scores)
        want_word.append(u.word_scores / WORD_SCALE)
        want_stress.append(u.stress_scores / WORD_SCALE)
    for got, want, weight in ((phone, want_phone, phone_weight), (word, want_word, 1.0), (stress, want_stress, 1.0)):
        total = total + weight * F.mse_loss(torch.cat(got), torch.from_numpy(np.concatenate(want)))
    want = torch.from_numpy(np.stack([u.scores for u in utterances])) / SENTENCE_SCALE
    return total + F.mse_loss(raw.sentence, want)


def word_starts(u: Utterance) -> np.ndarray:
    """Index of each word's first phone."""
    return np.flatnonzero(np.r_[True, u.words[1:] != u.words[:-1]])


def train(examples: list[Example], hidden: int, cfg: Config, seed: int, after_epoch: Callable | None = None) -> Judge:
    torch.manual_seed(seed)
    rng = random.Random(seed)
    model = Judge(hidden, cfg.judge_width, cfg.judge_layers)
    model.norm_scalars.fit(torch.cat([x.evidence.scalars for x in examples]))
    model.norm_globals.fit(torch.stack([x.evidence.globals for x in examples]))
    size = cfg.judge_batch
    steps = cfg.judge_epochs * -(-len(examples) // size)
    opt = torch.optim.AdamW(model.parameters(), cfg.judge_rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(opt, cfg.judge_rate, total_steps=steps + 1, pct_start=0.1)
    for epoch in range(cfg.judge_epochs):
        model.train()
        order = list(examples)
        rng.shuffle(order)
        for i in range(0, len(order), size):
            part = order[i : i + size]
            e, p = collate(part)
            loss = loss_of(model(e, p), [x.utterance for x in part])
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            opt.step()
            schedule.step()
        if after_epoch:
            after_epoch(epoch, model)
    return model.eval()


def flatten(raws: list[Raw], utterances: list[Utterance]) -> Scores:
    """Single utterances' answers as scores on the corpus's scales."""
    phone, word, stress, sentence = [], [], [], []
    for r, u in zip(raws, utterances):
        starts = word_starts(u)
        phone.append(r.phone[: len(u.phones)].numpy())
        word.append(r.word[starts].numpy() * WORD_SCALE)
        stress.append(r.stress[starts].numpy() * WORD_SCALE)
        sentence.append(r.sentence.numpy() * SENTENCE_SCALE)
    return Scores(np.concatenate(phone), np.concatenate(word), np.concatenate(stress), np.stack(sentence))


@torch.no_grad()
def predict(models: list[Judge], examples: list[Example], size: int = 50) -> Scores:
    """Scores by the mean of the models, corrected by what was heard: what the exported graph calibrates."""
    raws = []
    for i in range(0, len(examples), size):
        part = examples[i : i + size]
        e, p = collate(part)
        answers = [m.eval()(e, p) for m in models]
        mean = corrected(Raw(*(torch.stack(a).mean(0) for a in zip(*answers))), e, p)
        raws += [Raw(*(x[k] for x in mean)) for k in range(len(part))]
    return flatten(raws, [x.utterance for x in examples])


def truth(utterances: list[Utterance]) -> Scores:
    return Scores(*(np.concatenate([getattr(u, k) for u in utterances])
                    for k in ("phone_scores", "word_scores", "stress_scores")),
                  np.stack([u.scores for u in utterances]))
