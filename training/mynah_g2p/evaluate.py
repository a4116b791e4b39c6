"""Error rates on words that were held out, with all inflections of their stem."""

from __future__ import annotations

import dataclasses

import torch

from . import data
from .model import G2P, greedy


@dataclasses.dataclass(frozen=True)
class Rates:
    """Phoneme and word error rates. A word is right when any pronunciation of
    CMUdict is met; its phonemes are compared with the nearest one. The plain rates
    don't look at stress."""

    words: int
    per: float
    wer: float
    plain_per: float
    plain_wer: float

    def __str__(self) -> str:
        return (
            f"PER {100 * self.per:.2f} %, WER {100 * self.wer:.2f} %; "
            f"without stress PER {100 * self.plain_per:.2f} %, WER {100 * self.plain_wer:.2f} % ({self.words} words)"
        )


def edit_distance(a: list[str], b: list[str]) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
    return row[-1]


@torch.no_grad()
def guess(model: G2P, words: list[str]) -> dict[str, list[str]]:
    """What the network says for each word."""
    by_length: dict[int, list[str]] = {}
    for w in words:
        by_length.setdefault(len(w), []).append(w)
    out = {}
    for group in by_length.values():
        for i in range(0, len(group), 512):
            part = group[i : i + 512]
            paths = greedy(model(torch.tensor([data.encode(w) for w in part])))
            out.update({w: [data.SYMBOLS[c - 1] for c in p] for w, p in zip(part, paths)})
    return out


def rates_of(said: dict[str, list[str]], entries: data.Entries) -> Rates:
    """The rates of guesses against the dictionary."""

    def score(view) -> tuple[float, float]:
        edits = phones = wrong = 0
        for w, s in said.items():
            near = min((edit_distance(view(s), view(p)), len(p)) for p in entries[w])
            edits, phones, wrong = edits + near[0], phones + near[1], wrong + (near[0] > 0)
        return edits / phones, wrong / len(said)

    return Rates(len(said), *score(list), *score(data.plain))


def error_rates(model: G2P, entries: data.Entries, words: list[str]) -> Rates:
    return rates_of(guess(model, words), entries)
