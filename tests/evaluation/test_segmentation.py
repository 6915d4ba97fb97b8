"""Scores of masks over a set, their intervals, and what is kept of it."""

import json

import numpy as np
import pytest
from segmented import NAMES, Masks, drawn, shades

from keras_vit.evaluation import (
    MaskConfusion,
    evaluate_segmentation,
    hausdorff_distance,
)
from keras_vit.evaluation.masks import mask_scores


@pytest.fixture(scope="module")
def model():
    return shades()


@pytest.fixture(scope="module")
def data():
    return Masks(*drawn())


@pytest.fixture(scope="module")
def result(model, data):
    return evaluate_segmentation(model, data, examples=2)


def counted(data):
    confusion = MaskConfusion(3)
    for mask, seen in zip(data.masks, data.seen):
        confusion.update(mask, seen)
    return confusion


def test_scores_are_those_of_one_matrix_over_the_set(result, data):
    expected = counted(data)
    np.testing.assert_array_equal(result.confusion, expected.matrix)
    scores = expected.scores()
    assert result.scores.mean_iou == scores.mean_iou
    np.testing.assert_array_equal(result.scores.dice, scores.dice)
    all_pixels = np.concatenate([mask.ravel() for mask in data.masks])
    assert result.ignored == (all_pixels == 255).mean() > 0.05
    assert result.num_images == 7 and result.data == "shades:test"
    means = scores.dice[1:].mean()
    assert result.foreground["foreground_dice"] == pytest.approx(means)


@pytest.mark.parametrize("batch_size", [1, 3, 7])
def test_the_result_does_not_depend_on_batches(model, data, result, batch_size):
    found = evaluate_segmentation(model, data, batch_size=batch_size, examples=2)
    assert found.to_json() == result.to_json()


def test_intervals_are_those_of_images_drawn_again(result):
    random, count = np.random.default_rng(5), result.num_images
    drawn_again = []
    for _ in range(2000):
        some = result.tallies[random.integers(0, count, count)]
        drawn_again.append(mask_scores(*some.sum(axis=0)).mean_dice)
    expected = np.percentile(drawn_again, (2.5, 97.5))
    found = result.intervals["mean_dice"]
    np.testing.assert_allclose(found, expected, atol=0.02)
    assert found[0] < result.scores.mean_dice < found[1]
    assert result.intervals["iou"].shape == (3, 2)


def test_absent_classes_are_unknown_and_a_single_image_has_no_interval(model):
    mask = np.array([[0, 1], [255, 255]], "uint8")
    found = evaluate_segmentation(model, Masks([mask], [mask % 254]))
    text = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert [row["iou"] for row in text["classes"]] == [1, 1, None]
    assert text["mean_iou"] == 1 and text["mean_iou_interval"] is None
    assert text["ignored"] == 0.5 and "dog" in str(found)


def test_pixels_of_255_never_count(model):
    mask = np.full((4, 4), 255, "uint8")
    found = evaluate_segmentation(model, Masks([mask], [mask * 0]), spacing=1)
    assert found.confusion.sum() == 0 and np.isnan(found.scores.mean_iou)
    assert found.best == found.worst == [] and found.ignored == 1
    assert np.isnan(found.distances).all()


def test_the_best_and_the_worst_images_are_kept_and_no_other(result, data):
    order = np.argsort(result.image_dice, kind="stable")
    assert [e.index for e in result.worst] == order[:2].tolist()
    assert [e.dice for e in result.best] == sorted(result.image_dice)[:-3:-1]
    worst = result.worst[0]
    np.testing.assert_array_equal(worst.truth, data.masks[worst.index])
    np.testing.assert_array_equal(worst.predicted, data.seen[worst.index])
    assert worst.name == f"image {worst.index}.png"


def test_large_examples_are_kept_small(model):
    mask = np.zeros((700, 100), "uint8")
    mask[350:] = 2
    (kept,) = evaluate_segmentation(model, Masks([mask], [mask])).best
    assert kept.image.shape == (320, 46, 1) and kept.truth.shape == (320, 46)
    assert (kept.truth[:160] == 0).all() and (kept.truth[160:] == 2).all()


def test_distances_are_by_image_and_class_with_the_spacing(model, data):
    found = evaluate_segmentation(model, data, spacing=(2, 0.5))
    assert np.isnan(found.distances[:, 0]).all()  # the background has none
    truth, seen = data.masks[5], np.where(data.masks[5] == 255, 255, data.seen[5])
    expected = hausdorff_distance(truth == 2, seen == 2, (2, 0.5))
    assert found.distances[5, 2] == expected
    row = found.classes[2]
    own = found.distances[:, 2]
    assert row["hd95"] == pytest.approx(own[np.isfinite(own)].mean())
    assert row["hd95_images"] + row["hd95_one_sided"] <= 7
    assert row["hd95_one_sided"] == np.isinf(own).sum() > 0


def test_classes_are_matched_by_their_names(model):
    mask = np.array([[0, 1], [1, 255]], "uint8")
    seen = np.array([[0, 2], [2, 0]], "uint8")  # in the order of the model
    other = Masks([mask], [seen], class_names=["background", "dog"])
    found = evaluate_segmentation(model, other)
    assert found.class_names == NAMES and found.scores.pixel_accuracy == 1
    foreign = Masks([mask], [seen], class_names=["background", "bird"])
    with pytest.raises(ValueError, match="bird"):
        evaluate_segmentation(model, foreign)


def test_a_class_without_pixels_may_be_unknown_to_the_model(model):
    mask = np.array([[0, 2], [2, 255]], "uint8")
    seen = np.array([[0, 1], [1, 0]], "uint8")
    listed = Masks([mask], [seen], class_names=["background", "bird", "cat"])
    found = evaluate_segmentation(model, listed)
    assert found.class_names == NAMES and found.scores.pixel_accuracy == 1


def test_coloured_images_are_turned_grey_for_a_model_of_grey_ones(model, data):
    coloured = Masks(data.masks, data.seen, channels=3)
    found = evaluate_segmentation(model, coloured)
    np.testing.assert_array_equal(found.confusion, counted(data).matrix)


def test_what_does_not_fit_is_refused(model):
    mask = np.zeros((4, 5), "uint8")
    for truth, seen, message in (
        (mask + 3, mask, "Received: 3 in the mask of image 0.png"),
        (mask[:3], mask, r"of the size of its image, \(4, 5\)"),
        (mask.astype(float), mask, "float64"),
    ):
        with pytest.raises(ValueError, match=message):
            evaluate_segmentation(model, Masks([truth], [seen]))
    with pytest.raises(ValueError, match="at least one image"):
        evaluate_segmentation(model, Masks([], []))
    with pytest.raises(ValueError, match="`spacing` must be a positive"):
        evaluate_segmentation(model, Masks([mask], [mask]), spacing=(1, 0))
