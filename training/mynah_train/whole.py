"""What the judges' answers about a sentence lack, from what they said of all of it: its three aspects, and its phones and
words on the whole.

Kernel ridge regression of what experts said less what the judges did, about speakers whom the judges had not met. The judges
draw what they have not met towards the middle, most of all the poorest; what their answers about phones add up to tells
how far.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from . import kernel
from .judge import Standard

REACH = 0.0375  # of the kernel, of standardised features
RIDGE = 0.3
FURTHEST = 4.0  # standard deviations


class Whole(nn.Module):
    """(B, F): the features of sentences -> (B, 3): what is to be added to the judges' scores of them."""

    def __init__(self, features: int, known: int):
        super().__init__()
        self.place = Standard(features, FURTHEST)
        self.register_buffer("known", torch.zeros(known, features))
        self.register_buffer("weight", torch.zeros(known, 3))
        self.register_buffer("usual", torch.zeros(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.usual + kernel.gaussian(self.place(x), self.known, REACH) @ self.weight


def fit(seen: np.ndarray, lacking: np.ndarray) -> Whole:
    """Of the features (U, F) of sentences of which the judges' answers lack so much (U, 3)."""
    m = Whole(seen.shape[1], len(seen))
    x, y = torch.from_numpy(seen), torch.from_numpy(lacking)
    m.place.fit(x)
    m.known.copy_(m.place(x))
    m.usual.copy_(y.mean(0))
    m.weight.copy_(kernel.ridge(m.known, y - m.usual, REACH, RIDGE))
    return m.eval()
