"""The residual units of BiT and the hybrids, and their group norm."""

import golden
import keras
import numpy as np
import pytest
import reference_resnet as oracle
from cases import array, inputs, randomize
from derivatives import check_derivatives, on_tensorflow

from keras_vit.layers import GroupNorm, PostActivationUnit, PreActivationUnit
from keras_vit.layers.convolution.group_norm import group_norm

BIT = {
    **{f"conv{i}.weight": f"conv_{i}/kernel" for i in (1, 2, 3)},
    **{f"gn{i}.weight": f"norm_{i}/gamma" for i in (1, 2, 3)},
    **{f"gn{i}.bias": f"norm_{i}/beta" for i in (1, 2, 3)},
    "downsample.weight": "projection/kernel",
}
HYBRID = {
    **{f"conv{i}/kernel": f"conv_{i}/kernel" for i in (1, 2, 3)},
    **{f"gn{i}/scale": f"norm_{i}/gamma" for i in (1, 2, 3)},
    **{f"gn{i}/bias": f"norm_{i}/beta" for i in (1, 2, 3)},
    "conv_proj/kernel": "projection/kernel",
    "gn_proj/scale": "projection_norm/gamma",
    "gn_proj/bias": "projection_norm/beta",
}


# Group norm --------------------------------------------------------------------------


@pytest.mark.parametrize("case", range(3))
@pytest.mark.parametrize("kind, epsilon", [("bit", 1e-5), ("flax", 1e-6)])
def test_group_norm_equals_the_official_one(kind, epsilon, case):
    data, name = golden.arrays("layers/layers.npz"), f"{kind}_group_norm.{case}"
    x, scale, bias, y = (data[f"{name}.{p}"] for p in ("x", "scale", "bias", "y"))
    norm = GroupNorm(epsilon=epsilon)
    norm.build(x.shape)
    norm.gamma.assign(scale)
    norm.beta.assign(bias)
    np.testing.assert_allclose(array(norm(x)), y, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "shape", [(2, 8), (3, 5, 8), (2, 1, 1, 8), (2, 3, 4, 8), (1, 2, 3, 2, 8)]
)
def test_group_norm_of_every_rank(shape):
    norm = GroupNorm(4, epsilon=1e-3)
    norm.build(shape)
    randomize(norm)
    x = inputs(shape)
    expected = oracle.group_norm(x, array(norm.gamma), array(norm.beta), 1e-3, 4)
    np.testing.assert_allclose(array(norm(x)), expected, atol=1e-5)


def test_a_large_mean_costs_no_precision():
    """E[x^2] - E[x]^2 in float32 would be off by more than the variance."""
    x = inputs((1, 30, 30, 32)) + 300.0
    expected = oracle.group_norm(x.astype("float64"), 1.0, 0.0, 1e-5)
    np.testing.assert_allclose(array(GroupNorm()(x)), expected, atol=2e-3)


def test_a_large_map_is_as_precise_as_a_small_one():
    x = inputs((1, 160, 128, 32)) + 1.0
    expected = oracle.group_norm(x.astype("float64"), 1.0, 0.0, 1e-5)
    np.testing.assert_allclose(array(GroupNorm()(x)), expected, atol=1e-5)


def test_unknown_sizes_give_the_same():
    x = inputs((2, 9, 7, 32))
    norm = GroupNorm()
    image = keras.Input((None, None, 32))
    model = keras.Model(image, norm(image))
    np.testing.assert_allclose(model.predict(x, verbose=0), array(norm(x)), atol=1e-5)


def plain_group_norm(x, gamma, beta, groups, epsilon):
    ops, shape = keras.ops, x.shape
    x = ops.reshape(x, (shape[0], -1, groups, shape[-1] // groups))
    x = x - ops.mean(x, (1, 3), keepdims=True)
    x = x * ops.rsqrt(ops.mean(x * x, (1, 3), keepdims=True) + epsilon)
    return ops.reshape(x, shape) * gamma + beta


@on_tensorflow
def test_first_and_second_derivatives_are_those_of_the_formula():
    check_derivatives(
        lambda x, gamma, beta: group_norm(x, gamma, beta, 4, 1e-3),
        lambda x, gamma, beta: plain_group_norm(x, gamma, beta, 4, 1e-3),
        [(2, 3, 4, 8), (8,), (8,)],
    )


def test_group_norm_is_precise_in_half_precision():
    x = inputs((2, 5, 6, 64))
    norm = GroupNorm(dtype="mixed_bfloat16")
    result = norm(x)
    assert keras.backend.standardize_dtype(result.dtype) == "bfloat16"
    rounded = keras.ops.convert_to_tensor(x, dtype="bfloat16")
    rounded = array(keras.ops.cast(rounded, "float32")).astype("float64")
    expected = oracle.group_norm(rounded, 1.0, 0.0, 1e-5)
    result = array(keras.ops.cast(result, "float32"))
    np.testing.assert_allclose(result, expected, rtol=2**-8, atol=1e-4)


def test_groups_that_do_not_divide_are_named():
    with pytest.raises(ValueError, match=r"must divide.*groups=32.*48"):
        GroupNorm()(inputs((1, 2, 2, 48)))


# Units -------------------------------------------------------------------------------


def official(unit, kind, case, names):
    """Fills a unit with a golden case; its input and output."""
    data, name = golden.arrays("layers/layers.npz"), f"{kind}_unit.{case}"
    unit.build(data[f"{name}.x"].shape)
    weights = {w.path.removeprefix("unit/"): w for w in unit.weights}
    arrays = [key for key in data if key.startswith(f"{name}.param.")]
    assert len(arrays) == len(weights)
    for key in arrays:
        weight = weights[names[key.removeprefix(f"{name}.param.")]]
        weight.assign(data[key].reshape(weight.shape))
    return data[f"{name}.x"], data[f"{name}.y"]


@pytest.mark.parametrize("case", range(3))
@pytest.mark.parametrize(
    "layer, kind, names",
    [(PreActivationUnit, "bit", BIT), (PostActivationUnit, "hybrid", HYBRID)],
)
def test_output_equals_the_official_unit(layer, kind, names, case):
    unit = layer(32, strides=2 if case == 2 else 1, name="unit")
    x, y = official(unit, kind, case, names)
    result = array(unit(x))
    assert result.shape == unit.compute_output_shape(x.shape)
    np.testing.assert_allclose(result, y, rtol=0, atol=2e-5)


@pytest.mark.parametrize("size", [(1, 1), (2, 5), (6, 7), (8, 8), (None, 5)])
@pytest.mark.parametrize("strides", [1, 2, 3])
@pytest.mark.parametrize("layer", [PreActivationUnit, PostActivationUnit])
def test_units_at_every_size(layer, strides, size):
    # In float64: at a single position the variance of a group may be all rounding.
    unit = layer(32, strides, dtype="float64", name="unit")
    unit.build((None, *size, 64))
    randomize(unit)
    x = inputs((2, size[0] or 4, size[1], 64), dtype="float64")
    arrays = {w.path: array(w) for w in unit.weights}
    if layer is PreActivationUnit:
        form = ("variance", 1e-10, 1e-5, oracle.symmetric)
        expected = oracle.Unit(arrays, "unit/", strides, *form).pre_activation(x)
    else:
        form = ("std", 1e-5, 1e-6, oracle.same)
        expected = oracle.Unit(arrays, "unit/", strides, *form).post_activation(x)
    result = array(unit(x))
    assert result.shape == expected.shape == unit.compute_output_shape(x.shape)
    np.testing.assert_allclose(result, expected, rtol=1e-8, atol=1e-8)


def test_a_hybrid_unit_starts_as_its_shortcut():
    x = inputs((1, 4, 4, 128))
    np.testing.assert_allclose(array(PostActivationUnit(32)(x)), np.maximum(x, 0))


@pytest.mark.parametrize("layer", [PreActivationUnit, PostActivationUnit])
def test_unknown_forms_are_named(layer):
    with pytest.raises(ValueError, match=r"'variance'.*'std'.*Received.*'sqrt'"):
        layer(32, standardization="sqrt")
