"""Forced alignment of expected phones to frames: Viterbi over CTC's topology.

The scorer in Go does the same; scorer/testdata/golden holds both to it.
"""

from __future__ import annotations

import numpy as np

from .phonemes import BLANK

_NEVER = np.float32(-1e30)


class NotAlignable(ValueError):
    """There are fewer frames than the phones need."""


def viterbi(logp: np.ndarray, phones: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """First and last frame of each of N phones, and the log likelihood of the best path.

    States are blank, phone 0, blank, phone 1, ... blank (2N + 1). A path starts
    in the first blank or phone and ends in the last phone or blank; each frame
    stays, moves on by one state, or skips a blank between two different
    phonemes. All transitions weigh the same. Ties are broken towards staying,
    then one step, then the skip; at the end towards the last blank. Sums are
    float32, in the order of the frames.
    """
    frames, n = len(logp), len(phones)
    states = 2 * n + 1
    classes = np.full(states, BLANK)
    classes[1::2] = phones
    emit = logp.astype(np.float32)[:, classes]
    can_skip = np.zeros(states, bool)
    can_skip[3::2] = classes[3::2] != classes[1:-2:2]
    score = np.full(states, _NEVER, np.float32)
    score[:2] = emit[0, :2]
    moves = np.zeros((frames, states), np.int8)
    one, two = np.full(states, _NEVER, np.float32), np.full(states, _NEVER, np.float32)
    for t in range(1, frames):
        one[1:] = score[:-1]
        two[2:] = np.where(can_skip[2:], score[:-2], _NEVER)
        best, move = score, moves[t]
        better = one > best
        best = np.where(better, one, best)
        move[better] = 1
        better = two > best
        best = np.where(better, two, best)
        move[better] = 2
        score = best + emit[t]
    s = states - 1 if score[-1] >= score[-2] else states - 2
    if score[s] <= _NEVER / 2:
        raise NotAlignable(f"{n} phones in {frames} frames")
    total = float(score[s])
    first, last = np.zeros(n, np.int64), np.zeros(n, np.int64)
    previous = -1
    for t in range(frames - 1, -1, -1):
        if s % 2:
            if s != previous:
                last[s // 2] = t
            first[s // 2] = t
        previous = s
        s -= int(moves[t, s])
    return first, last, total
