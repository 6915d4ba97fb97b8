"""Colours in three bits: which class, at the borders of the bins too."""

import numpy as np
import pytest
import tensorflow as tf

from keras_vit.data import randomness, steps
from keras_vit.pretraining import bin_colours, colour_classes


def classes(values):
    return np.asarray(colour_classes(np.asarray(values, "float32")))


def test_a_class_has_a_digit_for_each_channel():
    assert classes([[1.0, 0.0, 0.0]])[0] == 7 * 64
    assert classes([[0.0, 1.0, 0.0]])[0] == 7 * 8
    assert classes([[0.0, 0.0, 1.0]])[0] == 7
    assert classes([[1.0, 1.0, 1.0]])[0] == 511
    np.testing.assert_array_equal(classes([[0.0], [0.5], [1.0]]), [0, 4, 7])


def test_a_lower_border_belongs_to_the_bin():
    borders = np.arange(8) / 8
    np.testing.assert_array_equal(classes(borders[:, None]), np.arange(8))
    below = borders[1:] - 3e-5 / 8
    np.testing.assert_array_equal(classes(below[:, None]), np.arange(7))
    np.testing.assert_array_equal(classes([[-0.1], [1.1]]), [0, 7])


def test_the_middle_of_a_bin_is_in_it():
    for channels in (1, 3):
        every = np.arange(8**channels)
        colours = bin_colours(every, channels)
        np.testing.assert_array_equal(classes(colours), every)
    np.testing.assert_allclose(
        bin_colours(np.array([449]), 3)[0], [0.9375, 0.0625, 0.1875]
    )


@pytest.mark.parametrize("low, high", [(-1.0, 1.0), (0.0, 255.0), (-2.118, 2.249)])
@pytest.mark.parametrize("side", [4, 16, 32])
def test_means_on_a_border_survive_the_normalisation(side, low, high):
    """Patches of whole pixels whose mean is a border exactly, and just below it."""
    rng = np.random.default_rng(side)
    count = side * side
    patches, expected = [], []
    for bin_ in range(1, 8):
        total = bin_ * 255 * count // 8  # exact: 8 divides the number of pixels
        for sum_, class_ in ((total, bin_), (total - 1, bin_ - 1)):
            x = np.full(count, sum_ // count)
            x[: sum_ % count] += 1
            for i, j in rng.integers(0, count, (count, 2)):  # far from uniform
                step = min(255 - x[i], x[j], 40)
                x[i], x[j] = (x[i] + step, x[j] - step) if i != j else (x[i], x[j])
            assert x.sum() == sum_ and x.min() >= 0 and x.max() <= 255
            patches.append(rng.permutation(x).reshape(side, side))
            expected.append(class_)
    x = np.array(patches + [np.zeros((side, side)), np.full((side, side), 255)])
    x = np.concatenate([x, x], axis=2)[..., None]  # two patches in an image
    x = (x / 255 * (high - low) + low).astype("float32")
    step = steps.CorruptPatches(side, low=low, high=high)
    seeds = randomness.image_seeds(0, 0, tf.range(len(x), dtype=tf.int64))
    _, colours, _ = step(tf.constant(x), seeds=seeds)
    np.testing.assert_array_equal(classes(colours)[:, 0], [*expected, 0, 7])
