"""What the folds of a cross-validation say together."""

import dataclasses

import numpy as np
import pytest

from keras_vit.evaluation import Evaluation, SegmentationEvaluation
from keras_vit.evaluation.measure import Mistake
from keras_vit.evaluation.metrics import grouped_interval, wilson_interval
from keras_vit.evaluation.pooling import pool


def made(number, seed, groups=None):
    random = np.random.default_rng(seed)
    values = random.dirichlet(np.ones(3), number).astype("float32")
    labels, rows = random.integers(0, 3, number), np.arange(number)
    said = values.argmax(axis=1)
    wrong = [
        Mistake(i, None, labels[i], said[i], values[i, said[i]], None)
        for i in np.flatnonzero(said != labels)[:4]
    ]
    return Evaluation(
        data="photos:all fold 1/2, seed 0",
        class_names=["a", "b", "c"],
        num_examples=number,
        loss=float(-np.log(values[rows, labels]).mean()),
        accuracy=float((said == labels).mean()),
        top5_accuracy=None,
        labels=labels,
        predicted=said,
        confidences=values.max(axis=1),
        probabilities=values,
        mistakes=wrong,
        groups=groups,
    )


def test_pooled_numbers_are_those_of_all_predictions():
    folds = [made(number, seed) for seed, number in enumerate((7, 20, 13))]
    found = pool(folds)
    labels = np.concatenate([fold.labels for fold in folds])
    values = np.concatenate([fold.probabilities for fold in folds])
    right = (values.argmax(axis=1) == labels).sum()
    assert found.num_examples == 40 and found.accuracy == pytest.approx(right / 40)
    assert found.loss == pytest.approx(-np.log(values[range(40), labels]).mean())
    assert found.accuracy_interval == wilson_interval(int(right), 40)
    assert found.top5_accuracy is None and found.data == "photos:all 3 folds"
    confidences = [mistake.confidence for mistake in found.mistakes]
    assert confidences == sorted(confidences, reverse=True)
    for mistake in found.mistakes:  # whose places are those of the pooled images
        assert labels[mistake.index] == mistake.true
        assert found.predicted[mistake.index] == mistake.predicted
    other = dataclasses.replace(folds[0], class_names=["a", "b", "d"])
    with pytest.raises(ValueError, match="different classes"):
        pool([folds[0], other])


def test_an_interval_over_groups_counts_copies_of_an_image_once():
    random = np.random.default_rng(0)
    right, names = random.random(60) < 0.7, np.arange(60).astype(str)
    low, high = grouped_interval(right, names)
    wilson = wilson_interval(int(right.sum()), 60)
    np.testing.assert_allclose((low, high), wilson, atol=0.03)
    copied = grouped_interval(np.repeat(right, 10), np.repeat(names, 10))
    np.testing.assert_allclose(copied, (low, high))
    of_copies = wilson_interval(10 * int(right.sum()), 600)
    assert high - low > 2.5 * (of_copies[1] - of_copies[0])
    with pytest.raises(ValueError, match="two groups"):
        grouped_interval(right, ["a"] * 60)


def test_a_report_says_what_its_interval_is_over():
    groups = np.array([f"p{number % 12}" for number in range(24)], object)
    found = pool([made(24, 0, groups), made(24, 1, groups)])
    assert found.interval_method == "bootstrap over 12 groups"
    assert found.to_json()["groups"] == 12
    few = made(24, 0, np.array(["a", "b"] * 12, object))
    assert few.interval_method.endswith("2 groups, too few for a close estimate")
    assert made(24, 0).interval_method == "Wilson"


def masks(tallies, groups=None):
    tallies = np.asarray(tallies)
    found, support, _ = tallies.sum(axis=0)
    confusion = np.diag(found)
    confusion[0, 1], confusion[1, 0] = support - found
    return SegmentationEvaluation(
        data="cells:all fold 1/2, seed 0",
        class_names=["background", "cell"],
        num_images=len(tallies),
        confusion=confusion,
        tallies=tallies,
        ignored=0.0,
        best=[],
        worst=[],
        groups=groups,
    )


def test_pooled_masks_have_the_scores_of_all_pixels():
    one = masks([[[5, 3], [6, 4], [6, 4]]])
    two = masks([[[2, 1], [4, 6], [7, 3]], [[9, 0], [9, 1], [10, 0]]])
    found = pool([one, two])
    assert found.num_images == 3
    np.testing.assert_array_equal(found.confusion, one.confusion + two.confusion)
    np.testing.assert_allclose(found.scores.iou, [16 / 26, 4 / 14])
    grouped = masks(found.tallies, np.array(["a", "a", "b"], object))
    alone = masks([found.tallies[:2].sum(axis=0), found.tallies[2]])
    for name, bounds in alone.intervals.items():
        np.testing.assert_array_equal(grouped.intervals[name], bounds)
