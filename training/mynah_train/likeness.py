"""What the judges' answers about a sentence lack, from the recordings that sound most like it.

Kernel ridge regression of what experts said of the train recordings less
what the judges did. Two recordings are alike where the mean and the spread of their frames are (how they sound as a whole:
rhythm, melody, clarity), their speed and pauses, and, for a little, what the judges said of them. The judges' heads see the
same, but as a few sums of it. What is like no train recording keeps the judges' answer.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from . import kernel
from .judge import Evidence, Raw

COMPONENTS = 64  # principal components of the evidence
JUDGES = 0.1  # what the judges' answers weigh in a distance
REACH = 0.3  # of the kernel: exp(-REACH * squared distance), of which the evidence's has mean 2
RIDGE = 0.3
SHARE = 0.7  # of the correction that is made: the judges have met the train recordings, so it is of others too sure


class Known(NamedTuple):
    """U recordings that experts have scored."""

    evidence: np.ndarray  # U, 2 * hidden + GLOBALS; see evidence_of
    judged: np.ndarray  # U, 3: the judges' answers
    scores: np.ndarray  # U, 3: the experts' (Utterance.opinion), on the same scale


def evidence_of(e: Evidence) -> torch.Tensor:
    """(B, 2 * hidden + GLOBALS)"""
    return torch.cat([e.utterance, e.globals], -1)


class Likeness(nn.Module):
    """The judges' mean answer -> the same with other scores of the sentence."""

    def __init__(self, features: int, known: int):
        super().__init__()
        components = min(COMPONENTS, known)
        self.register_buffer("centre", torch.zeros(features))
        self.register_buffer("projection", torch.zeros(features, components))
        self.register_buffer("judges_centre", torch.zeros(3))
        self.register_buffer("judges_scale", torch.zeros(3))
        self.register_buffer("known", torch.zeros(known, components + 3))
        self.register_buffer("weight", torch.zeros(known, 3))

    def place(self, evidence: torch.Tensor, judged: torch.Tensor) -> torch.Tensor:
        """(B, COMPONENTS + 3): where recordings lie among each other."""
        return torch.cat([(evidence - self.centre) @ self.projection, (judged - self.judges_centre) * self.judges_scale], -1)

    def forward(self, raw: Raw, e: Evidence) -> Raw:
        alike = kernel.gaussian(self.place(evidence_of(e), raw.sentence), self.known, REACH)
        return raw._replace(sentence=raw.sentence + alike @ self.weight)


@torch.no_grad()
def fit(k: Known) -> Likeness:
    """What the experts' scores teach."""
    m = Likeness(k.evidence.shape[1], len(k.evidence))
    centre, spread = k.evidence.mean(0), k.evidence.std(0) + 1e-6
    *_, axes = np.linalg.svd((k.evidence - centre) / spread, full_matrices=False)
    projection = axes[: m.projection.shape[1]].T / spread[:, None]
    size = np.sqrt((((k.evidence - centre) @ projection) ** 2).sum(1).mean())  # so that all in all they vary by 1
    for buffer, value in ((m.centre, centre), (m.projection, projection / size), (m.judges_centre, k.judged.mean(0)),
                          (m.judges_scale, JUDGES / (k.judged.std(0) + 1e-6))):
        buffer.copy_(torch.from_numpy(value))
    m.known.copy_(m.place(torch.from_numpy(k.evidence), torch.from_numpy(k.judged)))
    lacking = torch.from_numpy(k.scores - k.judged).double()
    m.weight.copy_(SHARE * kernel.ridge(m.known, lacking - lacking.mean(0), REACH, RIDGE))
    return m.eval()


def load(state: dict[str, torch.Tensor]) -> Likeness:
    """One whose state is known."""
    m = Likeness(len(state["centre"]), len(state["known"]))
    m.load_state_dict(state)
    return m.eval()
