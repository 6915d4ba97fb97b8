"""U-Net's weights of pixels, against maps that NumPy and SciPy made."""

import golden
import numpy as np
import pytest

import keras_vit


def test_they_are_equation_2_outside_the_cells():
    io = golden.arrays("lineage/unet/weight_map.npz")
    pair = [float(w) for w in io["class_weights"]]
    found = keras_vit.unet_weight_map(io["labels"], pair)
    assert found.dtype == "float32"
    np.testing.assert_allclose(found, io["weights_background"], atol=1e-5)


@pytest.mark.parametrize(
    "name, labels, options",
    [
        ("weights", "instances", {}),
        ("weights_classes", "instances", {"class_weights": (0.7, 1.9)}),
        ("weights_w0_20_sigma_3", "instances", {"w0": 20, "sigma": 3}),
        ("weights_one", "one_instance", {}),
    ],
)
def test_they_are_those_of_exact_distances(name, labels, options):
    io = golden.arrays("dense/unet_weight_map.npz")
    found = keras_vit.unet_weight_map(io[labels], **options)
    np.testing.assert_allclose(found, io[name], rtol=1e-6)


def test_two_points_are_as_far_as_pythagoras_says():
    labels = np.zeros((12, 12), int)
    labels[2, 3], labels[8, 11] = 7, 2
    found = keras_vit.unet_weight_map(labels, w0=3.0, sigma=4.0)
    for y, x in ((0, 0), (2, 4), (5, 7), (11, 11)):
        d = np.hypot(y - 2, x - 3) + np.hypot(y - 8, x - 11)
        assert found[y, x] == pytest.approx(1 + 3 * np.exp(-(d**2) / 32), rel=1e-6)
    assert found[2, 3] == found[8, 11] == 1


def test_a_batch_has_a_map_for_each_image():
    labels = np.zeros((2, 5, 6), "uint8")
    labels[0, 1, 1] = labels[0, 3, 3] = 1
    labels[0, 3, 3] = 2
    found = keras_vit.unet_weight_map(labels)
    assert found.shape == (2, 5, 6) and (found[1] == 1).all()
    np.testing.assert_array_equal(found[0], keras_vit.unet_weight_map(labels[0]))


def test_what_cannot_be_labels_is_refused():
    with pytest.raises(ValueError, match="`labels` must be integers"):
        keras_vit.unet_weight_map(np.zeros((3, 3)))
    with pytest.raises(ValueError, match="must not be negative"):
        keras_vit.unet_weight_map(np.full((3, 3), -1))
    with pytest.raises(ValueError, match="`class_weights` must be a pair"):
        keras_vit.unet_weight_map(np.zeros((3, 3), int), (1.0,))
    with pytest.raises(ValueError, match="`sigma` must be positive"):
        keras_vit.unet_weight_map(np.zeros((3, 3), int), sigma=0)
