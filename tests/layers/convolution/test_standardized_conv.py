import golden
import keras
import numpy as np
import pytest
import reference_resnet as oracle
from cases import array, inputs, randomize

from keras_vit.layers import StandardizedConv2D
from keras_vit.layers.convolution.standardized_conv import standardize

FORMS = {
    "bit": {"standardization": "variance", "epsilon": 1e-10, "padding": "symmetric"},
    "hybrid": {"standardization": "std", "epsilon": 1e-5, "padding": "same"},
}


@pytest.mark.parametrize("case", range(3))
@pytest.mark.parametrize("form", FORMS)
def test_output_equals_the_official_layer(form, case):
    name = f"{form}_std_conv.{case}"
    data = golden.arrays("layers/layers.npz")
    x, kernel, y = (data[f"{name}.{part}"] for part in ("x", "kernel", "y"))
    conv = StandardizedConv2D(8, 3, 2 if case == 1 else 1, **FORMS[form])
    conv.build(x.shape)
    conv.kernel.assign(kernel)
    np.testing.assert_allclose(array(conv(x)), y, rtol=0, atol=2e-5)
    if form == "hybrid":
        result = array(conv.standardized(conv.kernel))
        np.testing.assert_allclose(result, data[f"{name}.standardised"], atol=1e-5)


@pytest.mark.parametrize("case", range(3))
def test_the_forms_can_be_told_apart_at_small_scales(case):
    """The numbers above fix the form and the place of epsilon."""
    data = golden.arrays("layers/layers.npz")
    kernel = data[f"hybrid_std_conv.{case}.kernel"]
    right = data[f"hybrid_std_conv.{case}.standardised"]
    wrong = array(standardize(kernel, "variance", 1e-5))
    assert np.abs(wrong - right).max() > 1e-6


@pytest.mark.parametrize("size", [(1, 1), (6, 5), (7, 8), (9, 9), (2, 13)])
@pytest.mark.parametrize("kernel_size, strides", [(1, 2), (3, 1), (3, 2), (7, 2)])
@pytest.mark.parametrize("padding", ["symmetric", "same"])
def test_padding_at_every_size(padding, kernel_size, strides, size):
    conv = StandardizedConv2D(4, kernel_size, strides, padding)
    x = inputs((2, *size, 3))
    declared = conv.compute_output_shape(x.shape)
    result = array(conv(x))
    kernel = oracle.standardize(array(conv.kernel), "variance", 1e-10)
    expected = oracle.conv(x, kernel, strides, getattr(oracle, padding))
    assert result.shape == declared == expected.shape
    np.testing.assert_allclose(result, expected, atol=1e-5)


def test_valid_padding_and_bias():
    conv = StandardizedConv2D(4, 3, padding="valid", use_bias=True)
    x = inputs((2, 6, 5, 3))
    conv.build(x.shape)
    randomize(conv)
    kernel = oracle.standardize(array(conv.kernel), "variance", 1e-10)
    expected = oracle.conv(x, kernel, 1, lambda *_: (0, 0)) + array(conv.bias)
    np.testing.assert_allclose(array(conv(x)), expected, atol=1e-5)


def test_none_is_a_plain_convolution():
    x = inputs((2, 6, 5, 3))
    conv = StandardizedConv2D(4, 3, 2, "same", standardization=None)
    plain = keras.layers.Conv2D(4, 3, 2, "same", use_bias=False)
    conv.build(x.shape)
    plain.build(x.shape)
    plain.kernel.assign(conv.kernel)
    np.testing.assert_array_equal(array(conv(x)), array(plain(x)))


@pytest.mark.parametrize("form", FORMS)
def test_statistics_are_not_rounded_in_half_precision(form):
    """A kernel far from zero: in bfloat16 it would be one number."""
    conv = StandardizedConv2D(4, 3, dtype="mixed_bfloat16", **FORMS[form])
    x = inputs((1, 5, 5, 2))
    conv.build(x.shape)
    kernel = 1 + 1e-3 * inputs((3, 3, 2, 4), seed=1)
    conv.kernel.assign(kernel)
    expected = oracle.standardize(
        kernel.astype("float64"), FORMS[form]["standardization"], conv.epsilon
    )
    expected = oracle.conv(x, expected, 1, oracle.same)
    result = conv(x)
    assert keras.backend.standardize_dtype(result.dtype) == "bfloat16"
    result = array(keras.ops.cast(result, "float32"))
    np.testing.assert_allclose(result, expected, rtol=0.02, atol=0.1)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="uses GradientTape")
@pytest.mark.parametrize("form", FORMS)
def test_a_constant_kernel_has_a_finite_gradient(form):
    import tensorflow as tf

    conv = StandardizedConv2D(4, 3, kernel_initializer="zeros", **FORMS[form])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(conv(inputs((1, 5, 5, 2))) ** 2)
    assert np.isfinite(tape.gradient(loss, conv.kernel.value)).all()


def test_lora_adapts_the_raw_kernel():
    conv = StandardizedConv2D(4, 3)
    x = inputs((1, 5, 5, 2))
    before = array(conv(x))
    conv.enable_lora(2)
    np.testing.assert_array_equal(array(conv(x)), before)
    conv.lora_kernel_b.assign(inputs((2, 4), seed=2))
    kernel = oracle.standardize(array(conv.kernel), "variance", 1e-10)
    expected = oracle.conv(x, kernel, 1, oracle.symmetric)
    np.testing.assert_allclose(array(conv(x)), expected, atol=1e-5)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"padding": "explicit"}, "'symmetric', 'same', 'valid'"),
        ({"standardization": "sqrt"}, "'variance'.*'std'.*Received"),
    ],
)
def test_unknown_options_are_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        StandardizedConv2D(4, 3, **arguments)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="uses GradientTape")
@pytest.mark.parametrize("form", ["variance", "std"])
def test_first_and_second_derivatives_are_those_of_the_formula(form):
    import tensorflow as tf

    kernel, weight, other = (
        tf.constant(inputs((3, 2, 4, 5), i, "float64")) for i in (1, 2, 3)
    )

    def plain(kernel, form, epsilon):
        centred = kernel - tf.reduce_mean(kernel, (0, 1, 2))
        variance = tf.reduce_mean(centred**2, (0, 1, 2))
        if form == "variance":
            return centred / tf.sqrt(variance + epsilon)
        return centred / (tf.sqrt(variance) + epsilon)

    def derivatives(function):
        with tf.GradientTape() as outer:
            outer.watch(kernel)
            with tf.GradientTape() as tape:
                tape.watch(kernel)
                loss = tf.reduce_sum(weight * function(kernel, form, 1e-2) ** 2)
            first = tape.gradient(loss, kernel)
            probe = tf.reduce_sum(other * first)
        return first, outer.gradient(probe, kernel)

    for ours, right in zip(derivatives(standardize), derivatives(plain)):
        np.testing.assert_allclose(ours, right, rtol=1e-8, atol=1e-9)
