"""The alignment against every possible path of tiny cases."""

from itertools import product

import numpy as np
import pytest

from mynah_train.align import NotAlignable, viterbi


def collapse(path):
    """CTC: repeats merged, blanks dropped."""
    return [c for i, c in enumerate(path) if c and (i == 0 or c != path[i - 1])]


@pytest.mark.parametrize("phones", [[1], [1, 2], [1, 1], [2, 1, 2], [1, 2, 2]])
@pytest.mark.parametrize("seed", range(5))
def test_finds_the_likeliest_of_all_paths(phones, seed):
    frames, classes = 6, 3
    logp = np.random.default_rng(seed).standard_normal((frames, classes)).astype(np.float32)
    logp -= np.log(np.exp(logp).sum(1, keepdims=True))
    best = max(
        sum(logp[t, c] for t, c in enumerate(path))
        for path in product(range(classes), repeat=frames)
        if collapse(path) == phones
    )
    first, last, score = viterbi(logp, np.array(phones))
    assert score == pytest.approx(best, abs=1e-4)
    path = np.zeros(frames, int)
    for a, b, c in zip(first, last, phones):
        assert a <= b
        assert not path[a : b + 1].any()
        path[a : b + 1] = c
    assert collapse(path) == phones
    assert sum(logp[t, c] for t, c in enumerate(path)) == pytest.approx(best, abs=1e-4)


def test_breaks_ties_towards_staying():
    # All paths are equally likely: the one found reaches the last blank as soon as it can, and stays there.
    first, last, _ = viterbi(np.zeros((5, 3), np.float32), np.array([1, 2]))
    assert first.tolist() == [0, 1] and last.tolist() == [0, 1]


def test_needs_a_blank_between_equal_phones():
    logp = np.log(np.full((3, 2), 0.5, np.float32))
    first, last, _ = viterbi(logp, np.array([1, 1]))
    assert first.tolist() == [0, 2] and last.tolist() == [0, 2]


def test_refuses_more_phones_than_frames():
    with pytest.raises(NotAlignable):
        viterbi(np.zeros((2, 3), np.float32), np.array([1, 1]))


def test_long_sentences_align():
    phones = np.tile([1, 2], 80)
    logp = np.full((320, 3), -9.0, np.float32)
    logp[np.arange(320), np.stack([phones, np.zeros(160, int)], 1).ravel()] = 0.0
    first, last, _ = viterbi(logp, phones)
    assert first.tolist() == last.tolist() == list(range(0, 320, 2))
