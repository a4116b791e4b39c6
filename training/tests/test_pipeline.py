"""The parts of the corpus: nobody is answered about by a model that has met them."""

from pathlib import Path

import numpy as np

from mynah_train import data
from mynah_train.data import Utterance


def utterance(speaker: str, age: int, score: float, i: int) -> Utterance:
    nothing = np.zeros(1, np.int64)
    return Utterance(f"{speaker}-{i}", Path(), "a", speaker, nothing, nothing, nothing, scores=np.full(3, score), age=age)


def test_parts_hold_every_speaker_once_and_are_alike():
    rng = np.random.default_rng(0)
    us = [utterance(f"{s:04d}", 8 if s % 2 else 30, score, i) for s in range(60) for score in [rng.uniform(2, 10)] for i in range(3)]
    parts = data.parts(us, 3)
    assert sorted(s for p in parts for s in p) == sorted({u.speaker for u in us})
    of = [[u for u in us if u.speaker in p] for p in parts]
    assert {sum(u.age < 16 for u in p) for p in of} == {30}
    means = [np.mean([u.scores[0] for u in p]) for p in of]
    assert max(means) - min(means) < 0.6
    assert data.parts(list(reversed(us)), 3) == parts
