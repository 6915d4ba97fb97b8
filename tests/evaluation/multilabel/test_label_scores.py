"""Scores of several labels an image, beside those of scikit-learn."""

import dataclasses

import numpy as np
import pytest
from sklearn import metrics

from keras_vit.evaluation.multilabel.measure import LabelEvaluation
from keras_vit.evaluation.multilabel.scores import (
    average_precision,
    best_threshold,
    f1_scores,
    roc_auc,
)
from keras_vit.training.optimizers.label_metrics import MeanAveragePrecision


def example(number=80, classes=5, digits=1, seed=0):
    """Labels and probabilities, with many that are equal."""
    random = np.random.default_rng(seed)
    labels = (random.random((number, classes)) < [0.5, 0.3, 0.2, 0.1, 0.0]).astype(int)
    noise = random.normal(size=labels.shape) + 1.5 * labels
    return labels, np.round(1 / (1 + np.exp(-noise)), digits)


def evaluation(labels, scores, thresholds):
    names = [f"class {k}" for k in range(labels.shape[1])]
    return LabelEvaluation("data", names, thresholds, labels, scores, [], [])


@pytest.mark.parametrize("digits", [1, 9])
def test_average_precision_and_roc_are_those_of_scikit_learn(digits):
    labels, scores = example(digits=digits)
    for truth, found in zip(labels.T[:4], scores.T):
        expected = metrics.average_precision_score(truth, found)
        np.testing.assert_allclose(average_precision(truth, found), expected)
        np.testing.assert_allclose(
            roc_auc(truth, found), metrics.roc_auc_score(truth, found)
        )
    assert average_precision(labels[:, 4], scores[:, 4]) is None
    assert roc_auc(labels[:, 4], scores[:, 4]) is None
    assert average_precision([1], [0.2]) == 1.0 and roc_auc([1], [0.2]) is None


def test_weights_of_average_precision_are_repeated_images():
    labels, scores = example(30)
    weights = np.random.default_rng(1).integers(0, 3, (4, 30))
    found = average_precision(labels[:, 0], scores[:, 0], weights)
    for value, times in zip(found, weights):
        rows = np.repeat(np.arange(30), times)
        expected = metrics.average_precision_score(labels[rows, 0], scores[rows, 0])
        np.testing.assert_allclose(value, expected)


def test_the_threshold_has_the_highest_f1_of_all():
    labels, scores = example(digits=2)
    for truth, found in zip(labels.T[:4], scores.T):
        cut = best_threshold(truth, found)
        assert 0 < cut < 1
        tried = [
            metrics.f1_score(truth, found >= t) for t in np.arange(-0.005, 1.01, 0.01)
        ]
        np.testing.assert_allclose(metrics.f1_score(truth, found >= cut), max(tried))
    assert best_threshold([0, 0], [0.1, 0.2]) == 0.5
    assert best_threshold([0, 1], [0.2, 0.6]) == pytest.approx(0.4)
    assert 0 < best_threshold([1, 1], [0.3, 0.4]) < 0.3


def test_f1_hamming_and_exact_match_are_those_of_scikit_learn():
    labels, scores = example()
    cuts = np.array([0.5, 0.4, 0.6, 0.7, 0.9])
    found, said = evaluation(labels, scores, cuts), scores >= cuts
    options = {"zero_division": 0}
    expected = {
        "micro_f1": metrics.f1_score(labels, said, average="micro", **options),
        "macro_f1": metrics.f1_score(labels, said, average="macro", **options),
        "hamming_loss": metrics.hamming_loss(labels, said),
        "exact_match": metrics.accuracy_score(labels, said),
        "mean_ap": metrics.average_precision_score(labels[:, :4], scores[:, :4]),
    }
    assert found.scores == pytest.approx(expected)
    report = metrics.classification_report(
        labels, said, output_dict=True, zero_division=0
    )
    for k, row in enumerate(found.classes):
        of_class = report[str(k)]
        assert row["support"] == of_class["support"]
        for ours, theirs in (("recall", "recall"), ("f1", "f1-score")):
            assert (row[ours] or 0) == pytest.approx(of_class[theirs])
    assert found.classes[4]["ap"] is None
    pairs = {(a, b): n for a, b, n in found.confused(100)}
    false, missed = said & (labels == 0), ~said & (labels == 1)
    count = int((false[:, 1] & missed[:, 0]).sum())
    assert pairs.get(("class 1", "class 0"), 0) == count


def test_copies_in_one_group_make_no_interval_narrower():
    labels, scores = example()
    once = evaluation(labels, scores, np.full(5, 0.5))
    names = np.repeat([f"patient {k:02d}" for k in range(len(labels))], 3)
    copies = (np.repeat(x, 3, axis=0) for x in (labels, scores))
    thrice = evaluation(*copies, np.full(5, 0.5))
    grouped = dataclasses.replace(thrice, groups=names.astype(object))
    assert grouped.to_json()["groups"] == len(labels)
    for name, bounds in once.intervals.items():
        np.testing.assert_allclose(grouped.intervals[name], bounds, rtol=1e-5)
        assert np.ptp(thrice.intervals[name]) < np.ptp(bounds)


def test_intervals_hold_the_score_and_shrink_with_the_images():
    widths = []
    for number in (50, 800):
        labels, scores = example(number, digits=9)
        found = evaluation(labels, scores, np.full(5, 0.5))
        for name, (low, high) in found.intervals.items():
            assert low <= found.scores[name] <= high, name
        widths.append({n: high - low for n, (low, high) in found.intervals.items()})
    for name, width in widths[0].items():
        assert 2 < width / widths[1][name] < 9, name  # about the root of 16
    micro, macro = f1_scores([[1, 0]], [[1, 0]], [[0, 0]])
    np.testing.assert_allclose([*micro, *macro], [2 / 3, 1 / 3])


def test_the_metric_of_training_agrees_but_for_its_steps():
    labels, scores = example(200, digits=9)
    logits = np.log(scores / (1 - scores))
    metric = MeanAveragePrecision(5)
    for begin in range(0, 200, 60):
        rows = slice(begin, begin + 60)
        metric.update_state(labels[rows], logits[rows])
    expected = metrics.average_precision_score(labels[:, :4], scores[:, :4])
    assert float(metric.result()) == pytest.approx(expected, abs=5e-3)
    rounded = np.clip(np.floor((logits + 10) * 50), 0, 999)
    expected = metrics.average_precision_score(labels[:, :4], rounded[:, :4])
    assert float(metric.result()) == pytest.approx(expected, abs=1e-6)
    metric.reset_state()
    weights = np.r_[np.zeros(20), np.full(180, 1.2)]
    metric.update_state(labels, logits * 1e6, weights)
    counted = labels[20:, :4], logits[20:, :4] > 0
    expected = metrics.average_precision_score(*counted)
    assert float(metric.result()) == pytest.approx(expected, abs=1e-6)
