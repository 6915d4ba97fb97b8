import golden
import keras
import numpy as np
import pytest
import reference
from cases import array, inputs
from derivatives import check_derivatives, on_tensorflow

from keras_vit.layers import LayerNorm
from keras_vit.layers.transformer.layer_norm import layer_norm

UNIT = {"scale": 1.0, "bias": 0.0}


@pytest.mark.parametrize("case", [0, 1])  # 1: inputs so small that epsilon decides
def test_output_equals_the_official_one(case):
    data, name = golden.arrays("layers/layers.npz"), f"layer_norm.{case}"
    norm = LayerNorm()
    norm.build(data[f"{name}.x"].shape)
    norm.gamma.assign(data[f"{name}.scale"])
    norm.beta.assign(data[f"{name}.bias"])
    result = array(norm(data[f"{name}.x"]))
    np.testing.assert_allclose(result, data[f"{name}.y"], atol=2e-6)


@on_tensorflow
def test_derivatives_are_those_of_the_formula():
    def plain(x, gamma, beta):
        x = x - keras.ops.mean(x, -1, keepdims=True)
        variance = keras.ops.mean(x * x, -1, keepdims=True)
        return x / keras.ops.sqrt(variance + 1e-3) * gamma + beta

    def ours(x, gamma, beta):
        return layer_norm(x, gamma, beta, 1e-3)

    check_derivatives(ours, plain, [(2, 5, 8), (8,), (8,)])


def test_a_large_mean_costs_no_precision():
    x = 1000 + inputs((2, 5, 64))
    expected = reference.layer_norm(x.astype("float64"), UNIT, "", 1e-6)
    np.testing.assert_allclose(array(LayerNorm()(x)), expected, atol=2e-4)


def test_equal_values_become_the_shift():
    np.testing.assert_array_equal(array(LayerNorm()(np.full((1, 2, 8), 3.0))), 0)


def test_half_precision_is_computed_in_full():
    x = keras.ops.convert_to_tensor(40 + inputs((2, 5, 64)), dtype="bfloat16")
    result = LayerNorm(dtype="mixed_bfloat16")(x)
    assert keras.backend.standardize_dtype(result.dtype) == "bfloat16"
    rounded = array(keras.ops.cast(x, "float32")).astype("float64")
    expected = reference.layer_norm(rounded, UNIT, "", 1e-6)
    result = array(keras.ops.cast(result, "float32"))
    np.testing.assert_allclose(result, expected, rtol=2**-8, atol=1e-4)


def test_float16_keeps_a_variance_that_one_pass_would_lose():
    x = np.random.default_rng(0).integers(2000, 2003, (4, 64)).astype("float16")
    result = array(LayerNorm(dtype="float16")(x)).astype("float64")
    wide = x.astype("float64")
    spread = np.sqrt(wide.var(-1, keepdims=True) + 1e-6)
    expected = (wide - wide.mean(-1, keepdims=True)) / spread
    np.testing.assert_allclose(result, expected, atol=2e-3)
