import golden
import keras
import numpy as np
import pytest
from cases import array, inputs

from keras_vit.layers import AlignedUpsampling, PadToMultiple, ToImageSize
from keras_vit.layers.maps.resizing import resized

CASES = ["5x7_to_40x56", "6x6_to_50x43", "9x4_to_4x9"]


@pytest.mark.parametrize("case", CASES)
def test_maps_are_resized_as_pytorch_resizes_them(case):
    known = golden.arrays("dense/resizing.npz")
    x = np.moveaxis(known[f"{case}.in"], 1, -1)
    for name, kernel in (("bilinear", "bilinear"), ("bilinear_aligned", "official")):
        expected = np.moveaxis(known[f"{case}.{name}"], 1, -1)
        found = array(resized(x, expected.shape[1:3], kernel))
        np.testing.assert_allclose(found, expected, atol=2e-6)


def test_upsampling_by_eight_is_pytorchs_with_aligned_corners():
    known = golden.arrays("dense/resizing.npz")
    x = np.moveaxis(known["5x7_to_40x56.in"], 1, -1)
    expected = np.moveaxis(known["5x7_to_40x56.bilinear_aligned"], 1, -1)
    np.testing.assert_allclose(array(AlignedUpsampling(8)(x)), expected, atol=2e-6)


@pytest.mark.parametrize("size", [(10, 13), (8, 16), (1, 1)])
def test_a_map_of_padded_images_is_cut_to_the_images(size):
    images = inputs((2, *size, 3))
    padded = PadToMultiple(8)(images)
    assert all(side % 8 == 0 for side in padded.shape[1:3])
    np.testing.assert_array_equal(array(padded)[:, : size[0], : size[1]], images)
    assert not array(padded)[:, size[0] :].any()
    grid = [side // 8 for side in padded.shape[1:3]]
    maps = inputs((2, *grid, 5), 1)
    whole = array(ToImageSize()(maps, padded))
    found = array(ToImageSize(8)(maps, images))
    assert found.shape == (2, *size, 5)
    np.testing.assert_allclose(found, whole[:, : size[0], : size[1]], atol=1e-6)


def test_a_layer_of_every_size_says_the_size_of_its_images():
    images, maps = keras.Input((None, 16, 3)), keras.Input((None, 2, 5))
    output = ToImageSize(8)(maps, images)
    assert output.shape == (None, None, 16, 5)
    model = keras.Model([maps, images], output)
    assert model([inputs((1, 2, 2, 5)), inputs((1, 11, 16, 3))]).shape == (1, 11, 16, 5)
    again = keras.Model.from_config(model.get_config())
    assert again.layers[-1].get_config() == model.layers[-1].get_config()


def test_half_precision_is_resized_in_float32():
    layer = ToImageSize(dtype="mixed_bfloat16")
    maps = keras.ops.cast(inputs((1, 2, 2, 3)), "bfloat16")
    found = layer(maps, np.zeros((1, 4, 4, 1)))
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
