"""Numbers from arrays, against closed forms and by counting."""

import math

import numpy as np
import pytest
import sklearn.metrics

from keras_vit.evaluation import (
    calibration,
    class_table,
    confusion_matrix,
    real_accuracy,
    summarise,
    top_k_accuracy,
    wilson_interval,
    worst_pairs,
)
from keras_vit.evaluation.metrics import Counts


def test_wilson_bounds_solve_their_equation():
    # The bounds p are where |share - p| is z standard errors of p.
    for correct, total in ((3, 10), (50, 60), (999, 1000)):
        for p in wilson_interval(correct, total):
            error = abs(correct / total - p) / math.sqrt(p * (1 - p) / total)
            assert error == pytest.approx(1.959963985, rel=1e-8)


def test_wilson_stays_inside_and_is_open_where_all_is_right():
    low, high = wilson_interval(20, 20)
    assert high == 1 and low == pytest.approx(1 / (1 + 1.959963985**2 / 20))
    assert wilson_interval(0, 20)[0] == 0
    assert wilson_interval(1, 1, confidence=0.5)[0] > wilson_interval(1, 1)[0]


@pytest.mark.parametrize("args", [(3, 2), (-1, 2), (0, 0), (1, 2, 1.0)])
def test_wilson_needs_a_share(args):
    with pytest.raises(ValueError, match="Received: correct="):
        wilson_interval(*args)


def test_top_k_counts_like_a_stable_sort():
    random = np.random.default_rng(0)
    scores = random.integers(0, 4, (200, 7)) / 4.0  # many ties
    labels = random.integers(0, 7, 200)
    best = np.argsort(-scores, axis=1, kind="stable")
    for k in (1, 5, 6):
        expected = np.mean([label in row[:k] for label, row in zip(labels, best)])
        assert top_k_accuracy(scores, labels, k) == expected
    assert top_k_accuracy(scores, labels, 1) == (scores.argmax(1) == labels).mean()


@pytest.mark.parametrize("k", [0, 7])
def test_top_k_of_all_classes_is_refused(k):
    with pytest.raises(ValueError, match="less than the number of classes"):
        top_k_accuracy(np.zeros((2, 7)), np.zeros(2, int), k)


def test_real_accuracy_skips_images_without_a_label():
    sets = [[1], [], [0, 2], [2], []]
    assert real_accuracy([1, 1, 2, 0, 0], sets) == 2 / 3
    scores = np.eye(3)[[1, 1, 2, 0, 0]]
    assert real_accuracy(scores, sets) == 2 / 3


def test_real_accuracy_of_single_labels_is_accuracy():
    random = np.random.default_rng(0)
    predicted, labels = random.integers(0, 5, (2, 50))
    found = real_accuracy(predicted, labels[:, None])
    assert found == (predicted == labels).mean()


def test_real_accuracy_explains_what_is_wrong():
    with pytest.raises(ValueError, match="2 predictions, 1 sets"):
        real_accuracy([0, 1], [[0]])
    with pytest.raises(ValueError, match="No image has a label"):
        real_accuracy([0], [[]])


def test_calibration_by_hand():
    # Bins of (0.4, 0.6] and (0.8, 1]: half of two, and one of four, are right.
    confidences = [0.5, 0.6, 0.81, 0.9, 0.95, 1.0]
    correct = [True, False, True, False, False, False]
    found = calibration(confidences, correct, num_bins=5)
    assert found.counts.tolist() == [0, 0, 2, 0, 4]
    assert found.accuracy[2] == 0.5 and found.accuracy[4] == 0.25
    expected = (2 * abs(0.55 - 0.5) + 4 * abs(0.915 - 0.25)) / 6
    assert found.error == pytest.approx(expected, rel=1e-12)
    assert np.isnan(found.accuracy[0])


def test_probabilities_that_are_right_have_a_small_calibration_error():
    random = np.random.default_rng(0)
    confidences = random.uniform(0, 1, 40_000)
    correct = random.uniform(0, 1, 40_000) < confidences
    assert calibration(confidences, correct).error < 0.01
    assert calibration(np.ones(10), np.zeros(10, bool)).error == 1


def test_confusion_and_classes_by_counting():
    labels = np.array([0, 0, 0, 1, 1, 3])
    predicted = np.array([0, 1, 1, 1, 0, 0])
    counts = confusion_matrix(labels, predicted, 4)
    assert counts.tolist() == [[1, 2, 0, 0], [1, 1, 0, 0], [0] * 4, [1, 0, 0, 0]]
    table = class_table(counts)
    assert table[0] == {"support": 3, "precision": 1 / 3, "recall": 1 / 3, "f1": 1 / 3}
    assert table[1]["precision"] == 1 / 3 and table[1]["recall"] == 1 / 2
    assert table[1]["f1"] == pytest.approx(2 / (3 + 2))  # harmonic mean
    assert table[2] == {"support": 0, "precision": None, "recall": None, "f1": None}
    assert table[3] == {"support": 1, "precision": None, "recall": 0.0, "f1": 0.0}
    assert worst_pairs(counts) == [(0, 1, 2), (1, 0, 1), (3, 0, 1)]
    assert worst_pairs(counts, 1) == [(0, 1, 2)]


def test_balanced_accuracy_is_that_of_scikit_learn():
    random = np.random.default_rng(0)
    labels = random.choice([0, 1, 3], 200, p=[0.8, 0.15, 0.05])  # none of class 2
    predicted = np.where(random.random(200) < 0.6, labels, random.integers(0, 4, 200))
    counts = Counts(labels, predicted, 4)
    with pytest.warns(UserWarning, match="y_pred contains classes not in y_true"):
        expected = sklearn.metrics.balanced_accuracy_score(labels, predicted)
    assert counts.balanced_accuracy == pytest.approx(expected)
    sizes = np.bincount(labels)[[0, 1, 3]]
    assert counts.imbalance == sizes.max() / sizes.min()


def test_a_summary_is_mean_and_sample_deviation():
    found = summarise([0.81, 0.83, 0.82])
    assert found.mean == pytest.approx(0.82) and found.n == 3
    assert found.standard_deviation == pytest.approx(0.01)
    assert str(found) == "0.82 ± 0.01 (n = 3)"
    assert summarise([1]).standard_deviation is None
    assert summarise(np.float32([1, 2])).to_json()["values"] == [1.0, 2.0]


@pytest.mark.parametrize("values", [[], [float("nan")], [1, float("inf")]])
def test_a_summary_needs_finite_numbers(values):
    with pytest.raises(ValueError, match="finite numbers"):
        summarise(values)
