"""The networks that tell added sounds, taught once more by what the finished encoder hears.

In the joint stage the posteriors that they read move under them, and vowels that learners add are rare there: after it the
networks know those of synthetic voices, and few of learners. Here the posteriors stand still, and every recording of the
corpus is held against sentences that lack one of its vowels.
"""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F

from . import heard, judging
from .align import NotAlignable
from .config import Config
from .data import Utterance
from .judge import Added
from .judging import Example

_SEEN = ("heard", "gaps", "scalars")  # of the evidence, by Added
_BATCH = 50


def lacking(u: Utterance, rng: random.Random) -> tuple[Utterance, int] | None:
    """u against a sentence without one of its vowels, and the phone beside which that was added; None if there is none."""
    if (found := heard.removed(u, rng)) is None:
        return None
    v, j, _ = found
    return replace(v, added=np.arange(len(v.phones)) == j), j


def lessons(x: Example, logp: np.ndarray, frames: np.ndarray, rng: random.Random, times: int) -> list[Example]:
    """An example as it is, and so many times lacking a vowel; with as much of the evidence as is needed."""
    out = [judging.lean(x, _SEEN)]
    for _ in range(times):
        if found := lacking(x.utterance, rng):
            try:
                out.append(judging.lean(judging.example(found[0], logp, frames), _SEEN))
            except NotAlignable:
                pass
    return out


def train(taught: list[Example], cfg: Config, seed: int) -> Added:
    torch.manual_seed(seed)
    m = Added(cfg.judge_width, 0.2)
    m.norm_scalars.fit(torch.cat([x.evidence.scalars for x in taught]))
    return judging.teach(m, taught, loss_of, cfg.added_epochs, cfg.added_rate, _BATCH, seed)


def loss_of(odds: torch.Tensor, us: list[Utterance]) -> torch.Tensor:
    """Cross entropy, over the phones of which it is known."""
    got = torch.cat([odds[k, : len(u.phones)] for k, u in enumerate(us)])
    want = torch.from_numpy(np.concatenate([judging.added(u) for u in us])).float()
    return F.binary_cross_entropy_with_logits(got[want >= 0], want[want >= 0])
