import keras
import numpy as np
import pytest
from cases import array

from keras_vit import preprocess_input


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32"])
def test_pixels_become_minus_one_to_one(dtype):
    x = preprocess_input(np.array([0, 51, 255]).astype(dtype))
    assert keras.backend.standardize_dtype(x.dtype) == "float32"
    np.testing.assert_allclose(array(x), [-1, -0.6, 1], atol=1e-7)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_floats_keep_their_type(dtype):
    x = preprocess_input(keras.ops.convert_to_tensor([0.0, 255.0], dtype))
    assert keras.backend.standardize_dtype(x.dtype) == dtype
    np.testing.assert_array_equal(array(keras.ops.cast(x, "float32")), [-1, 1])


def test_the_input_is_left_alone():
    x = np.full((2, 2), 255.0, "float32")
    preprocess_input(x)
    assert (x == 255).all()


def test_any_shape_and_plain_lists():
    assert preprocess_input([[0, 255]]).shape == (1, 2)
    assert preprocess_input(np.zeros((2, 4, 4, 3), "uint8")).shape == (2, 4, 4, 3)
