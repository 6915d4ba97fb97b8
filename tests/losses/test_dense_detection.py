"""The loss of a dense detector against loops over places and boxes."""

import keras
import numpy as np
import pytest
from cases import array

from keras_vit.losses import DenseDetectionLoss
from keras_vit.losses.dense_detection import targets

STRIDES, SIZE = (8, 16), 48


def points():
    """Those of two levels, `(1, P, 3)`."""
    found = [
        (s * (j + 0.5), s * (i + 0.5), s)
        for s in STRIDES
        for i in range(SIZE // s)
        for j in range(SIZE // s)
    ]
    return np.array([found], "float32")


def truth():
    """Three images: two objects that overlap, one and a crowd, and none."""
    boxes = np.zeros((3, 3, 4), "float32")
    boxes[0, :2] = (2, 3, 40, 44), (10, 10, 26, 31)
    boxes[1, :2] = (20, 4, 30, 21), (0, 20, 48, 48)
    classes = np.array([[1, 0, -1], [2, 0, -1], [-1, -1, -1]], "int32")
    crowd = np.zeros((3, 3), bool)
    crowd[1, 1] = True
    return {"boxes": boxes, "classes": classes, "crowd": crowd}


def outputs(seed=0):
    rng = np.random.default_rng(seed)
    at = np.repeat(points(), 3, 0)
    count = at.shape[1]
    distances = at[..., 2:] * np.exp(rng.normal(0.5, 0.4, (3, count, 4)))
    corners = [at[..., :2] - distances[..., :2], at[..., :2] + distances[..., 2:]]
    return {
        "logits": rng.normal(0, 2, (3, count, 4)).astype("float32"),
        "boxes": np.concatenate(corners, -1).astype("float32"),
        "centreness": rng.normal(0, 2, (3, count)).astype("float32"),
        "points": at,
    }


def by_hand(y, i, x, y_at, stride):
    """The box of a place and whether it counts, from the words of the paper."""
    best, crowd = None, False
    for box, label, is_crowd in zip(y["boxes"][i], y["classes"][i], y["crowd"][i]):
        left, top, right, bottom = (float(v) for v in box)
        sides = (x - left, y_at - top, right - x, bottom - y_at)
        if label < 0 or min(sides) <= 0:
            continue
        if is_crowd:
            crowd = True
            continue
        middle = (left + right) / 2, (top + bottom) / 2
        if max(abs(x - middle[0]), abs(y_at - middle[1])) >= 1.5 * stride:
            continue
        # Of two levels the finer one has the boxes whose sides are less than 64 away.
        if (max(sides) < 64) != (stride == 8):
            continue
        area = (right - left) * (bottom - top)
        if best is None or area < best[0]:
            best = area, label, (left, top, right, bottom)
    return best, best is not None or not crowd


def test_places_have_the_smallest_box_of_their_level_in_whose_middle_they_are():
    y, at = truth(), np.repeat(points(), 3, 0)
    classes, boxes, has, counts = (array(v) for v in targets(y, at))
    assert has.sum() > 8 and (counts == 0).sum() > 2
    for i in range(3):
        for p, (x, y_at, stride) in enumerate(at[i]):
            best, counted = by_hand(y, i, x, y_at, stride)
            assert has[i, p] == (best is not None) and counts[i, p] == counted
            if best is not None:
                assert classes[i, p] == best[1]
                np.testing.assert_array_equal(boxes[i, p], best[2])


def test_large_boxes_belong_to_the_coarser_level():
    at = points()
    y = {"boxes": np.array([[[0.0, 0, 130, 130]]]), "classes": np.array([[0]])}
    at[..., :2] *= 3  # an image of 144 pixels
    has = array(targets(y, at)[2])[0]
    assert has.any() and not has[at[0, :, 2] == 8].any()
    y["boxes"] = np.array([[[50.0, 50, 80, 80]]])
    has = array(targets(y, at)[2])[0]
    assert not has[at[0, :, 2] == 16].any()


@pytest.mark.parametrize("strides", [(8, 32), (4, 8, 64), (2, 4, 8, 16, 32)])
def test_a_box_of_any_size_has_places_in_one_level_or_in_two_neighbours(strides):
    side = 768
    at = [
        (s * (j + 0.5), s * (i + 0.5), s)
        for s in strides
        for i, j in np.ndindex(side // s, side // s)
        if max(abs(s * (i + 0.5) - side / 2), abs(s * (j + 0.5) - side / 2)) < 2 * s
    ]  # those in the middle of the image
    at = np.array([at], "float32")
    for half in np.geomspace(strides[0], side / 2, 30):
        low, high = side / 2 - half, side / 2 + half
        y = {"boxes": np.array([[[low, low, high, high]]]), "classes": [[0]]}
        has = array(targets(y, at)[2])[0] > 0
        levels = sorted({strides.index(s) for s in at[0, has, 2]})
        assert levels and levels[-1] - levels[0] == len(levels) - 1 <= 1, half


def test_the_loss_is_that_of_loops_over_places():
    y, out = truth(), {k: v.astype("float64") for k, v in outputs().items()}
    loss = DenseDetectionLoss(0.3, 1.5, box_weight=2.0, centreness_weight=0.5)
    found = loss.parts(y, out)
    for i in range(3):
        focal, boxes, near, number, weight = 0.0, 0.0, 0.0, 0, 0.0
        for p, (x, y_at, stride) in enumerate(out["points"][i]):
            best, counted = by_hand(y, i, x, y_at, stride)
            for k, logit in enumerate(out["logits"][i, p]):
                share = 1 / (1 + np.exp(-logit))
                if best is not None and best[1] == k:
                    focal -= 0.3 * (1 - share) ** 1.5 * np.log(share)
                elif counted:
                    focal -= 0.7 * share**1.5 * np.log(1 - share)
            if best is None:
                continue
            number += 1
            left, top, right, bottom = best[2]
            a, b = sorted((x - left, right - x)), sorted((y_at - top, bottom - y_at))
            middle = np.sqrt(a[0] / a[1] * b[0] / b[1])
            boxes += middle * (1 - giou(out["boxes"][i, p], best[2]))
            weight += middle
            share = 1 / (1 + np.exp(-out["centreness"][i, p]))
            near -= middle * np.log(share) + (1 - middle) * np.log(1 - share)
        expected = [
            focal / max(number, 1),
            boxes / (weight or 1),
            near / max(number, 1),
        ]
        given = [float(found[n][i]) for n in ("classes", "boxes", "centreness")]
        np.testing.assert_allclose(given, expected, rtol=1e-5)
    whole = sum(found["classes"] + 2 * found["boxes"] + 0.5 * found["centreness"]) / 3
    assert float(loss(y, out)) == pytest.approx(float(whole), rel=1e-5)


def giou(a, b):
    width = max(0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = [(v[2] - v[0]) * (v[3] - v[1]) for v in (a, b)]
    union = sum(areas) - width * height
    hull = (max(a[2], b[2]) - min(a[0], b[0])) * (max(a[3], b[3]) - min(a[1], b[1]))
    return width * height / union - (hull - union) / hull


def test_a_batch_is_the_mean_of_its_images_however_it_is_split():
    y, out = truth(), outputs()
    loss = DenseDetectionLoss()

    def of(images):
        parts = ({k: v[images] for k, v in each.items()} for each in (y, out))
        return float(loss(*parts))

    assert not getattr(loss, "of_whole_batch", False)
    alone = [of([i]) for i in range(3)]
    assert of([0, 1, 2]) == pytest.approx(np.mean(alone), rel=1e-6)
    assert of([2]) > 0  # what is not there is learned from an empty image


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="takes a gradient")
@pytest.mark.parametrize("most", [0, 1])
def test_images_without_objects_have_a_finite_loss_and_gradient(most):
    import tensorflow as tf

    y = {"boxes": np.zeros((3, most, 4)), "classes": np.full((3, most), -1)}
    out = {k: tf.constant(v) for k, v in outputs().items()}
    out["logits"] *= 1000  # as extreme as can be
    with tf.GradientTape() as tape:
        tape.watch(out)
        loss = DenseDetectionLoss()(y, out)
    slopes = tape.gradient(loss, {k: out[k] for k in ("logits", "boxes", "centreness")})
    assert np.isfinite(loss)
    for name, slope in slopes.items():
        assert np.isfinite(array(slope)).all(), name
    assert not array(slopes["boxes"]).any()


def test_an_image_with_a_class_that_the_model_lacks_has_no_loss():
    y, out = truth(), outputs()  # of 4 classes
    whole = array(DenseDetectionLoss(reduction=None)(y, out))
    y["classes"][0, 0] = 3
    assert np.isfinite(array(DenseDetectionLoss(reduction=None)(y, out))).all()
    y["classes"][0, 0] = 4
    found = array(DenseDetectionLoss(reduction=None)(y, out))
    assert np.isnan(found[0])
    np.testing.assert_array_equal(found[1:], whole[1:])


def test_crowd_regions_are_no_background():
    y, out = truth(), outputs()
    before = DenseDetectionLoss(reduction=None)(y, out)
    out["logits"][:, :, 0] += np.where(out["points"][..., 1] > 24, 9.0, 0.0)
    after = DenseDetectionLoss(reduction=None)(y, out)
    rise = array(after) - array(before)
    y["crowd"][:] = False
    y["classes"][1, 1] = -1
    plain = array(DenseDetectionLoss(reduction=None)(y, out))
    assert rise[2] > 1 and plain[1] > array(after)[1] + 1


def test_config_and_wrong_values():
    loss = DenseDetectionLoss(alpha=0.4, centreness_weight=0.5)
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(loss)
    )
    assert again.get_config() == loss.get_config()
    for words, arguments in {
        "alpha": {"alpha": 1},
        "gamma": {"gamma": -1},
        "box_weight": {"box_weight": "2"},
    }.items():
        with pytest.raises(ValueError, match=words):
            DenseDetectionLoss(**arguments)
    with pytest.raises(ValueError, match=r"`y_true` must be a dictionary .*'classes'"):
        loss({"boxes": np.zeros((1, 1, 4))}, outputs())
