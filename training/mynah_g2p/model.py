"""The network: letters to phonemes in one pass, without autoregression."""

from __future__ import annotations

import torch
from torch import nn

from .data import LETTERS, SYMBOLS

UPSAMPLE = 2  # output frames for each letter: "x" is two phonemes


class G2P(nn.Module):
    """Two bidirectional LSTMs over the letters, then a convolution over twice as
    many frames, each of which says a symbol or nothing (connectionist temporal
    classification, Graves et al. 2006)."""

    def __init__(self, embedding: int = 64, hidden: int = 144, dropout: float = 0.15):
        super().__init__()
        self.embed = nn.Embedding(1 + len(LETTERS), embedding)
        self.lower = nn.LSTM(embedding, hidden, bidirectional=True, batch_first=True)
        self.upper = nn.LSTM(2 * hidden, hidden, bidirectional=True, batch_first=True)
        self.spread = nn.Linear(2 * hidden, UPSAMPLE * hidden)
        self.mix = nn.Conv1d(hidden, hidden, 5, padding=2)
        self.out = nn.Linear(hidden, 1 + len(SYMBOLS))
        self.drop = nn.Dropout(dropout)
        self.hidden = hidden

    def forward(self, letters: torch.Tensor) -> torch.Tensor:
        """letters [B, L] of equally long words -> log posteriors [B, UPSAMPLE * L, C]."""
        x = self.drop(self.embed(letters))
        x = self.drop(self.lower(x)[0])
        x = self.drop(self.upper(x)[0])
        x = self.spread(x).reshape(letters.shape[0], -1, self.hidden)
        x = nn.functional.gelu(x)
        x = x + nn.functional.gelu(self.mix(x.transpose(1, 2)).transpose(1, 2))
        return self.out(self.drop(x)).log_softmax(-1)


def greedy(logp: torch.Tensor) -> list[list[int]]:
    """The best path of each word: repeats merged, blanks dropped."""
    out = []
    for path in logp.argmax(-1).tolist():
        symbols, last = [], 0
        for c in path:
            if c not in (0, last):
                symbols.append(c)
            last = c
        out.append(symbols)
    return out
