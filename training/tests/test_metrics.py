"""Measures against figures worked out by hand or by scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, matthews_corrcoef

from mynah_train import calibration, metrics
from mynah_train.recogniser import edit_distance, greedy


@pytest.fixture
def labels():
    rng = np.random.default_rng(1)
    want = rng.integers(0, 5, 500)
    return want, np.clip(want + rng.integers(-1, 2, 500), 0, 4)


def test_kappa_and_matthews_agree_with_scikit_learn(labels):
    assert metrics.quadratic_kappa(*labels) == pytest.approx(cohen_kappa_score(*labels, weights="quadratic"))
    assert metrics.matthews(*labels) == pytest.approx(matthews_corrcoef(*labels))


def test_best_f1_is_one_when_badness_separates():
    want = np.array([True, False, True, False])
    assert metrics.best_f1(want, np.array([3.0, 0.0, 2.0, 1.0])) == (1.0, 1.0)


def test_calibration_error_is_the_gap_between_confidence_and_truth():
    p = np.tile([0.8, 0.2, 0, 0, 0], (100, 1))
    want = np.r_[np.zeros(60, int), np.ones(40, int)]
    np.random.default_rng(0).shuffle(want)
    assert metrics.calibration_error(p, want, np.zeros(100, int), bins=1) == pytest.approx(0.2)


def test_interval_resamples_whole_speakers():
    values = np.r_[np.zeros(50), np.ones(50)]
    speakers = np.r_[np.zeros(50), np.ones(50)]
    assert metrics.interval(speakers, lambda i: values[i].mean()) == (0.0, 1.0)


def test_edit_distance_and_greedy_decoding():
    assert edit_distance([1, 2, 3], [1, 3, 4]) == 2
    assert edit_distance([], [1, 2]) == 2
    logp = np.log(np.eye(3)[[0, 1, 1, 0, 1, 2, 0]] + 1e-9)
    assert greedy(logp) == [1, 1, 2]


def test_class_edges_belong_to_the_class_above():
    assert calibration.classify(np.array([0, 0.4, 0.5, 1.0, 1.5, np.float32(1.9), 2]), "phone").tolist() == [0, 0, 1, 2, 3, 4, 4]
    assert calibration.classify(np.array([2.4, 2.5, 9.0]), "sentence").tolist() == [0, 1, 4]
