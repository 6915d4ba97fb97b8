"""The unit of the ResNets: where the stride is, how it begins, what is refused."""

import keras
import numpy as np
import pytest
from cases import array, inputs, randomize

from keras_vit.layers import ResNetUnit


def conv(x, kernel, strides, pad):
    """A convolution written out: `pad` zeros on every side."""
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    rows, columns = (
        (n - k) // strides + 1 for n, k in zip(x.shape[1:3], kernel.shape[:2])
    )
    out = np.zeros((len(x), rows, columns, kernel.shape[-1]))
    for i in range(rows):
        for j in range(columns):
            r, c = i * strides, j * strides
            window = x[:, r : r + kernel.shape[0], c : c + kernel.shape[1]]
            out[:, i, j] = np.tensordot(window, kernel, 3)
    return out


def oracle(unit, x):
    """The paper's unit in NumPy, from the weights by their names."""
    weights = {
        w.path.split("/", 1)[1]: array(w).astype("float64") for w in unit.weights
    }

    def normed(x, number, strides):
        kernel = weights[f"{number}_conv/kernel"]
        x = conv(x, kernel, strides, len(kernel) // 2)
        names = ("gamma", "beta", "moving_mean", "moving_variance")
        gamma, beta, mean, variance = (weights[f"{number}_bn/{n}"] for n in names)
        epsilon = unit.batch_norm_epsilon
        return (x - mean) / np.sqrt(variance + epsilon) * gamma + beta

    strides = {1: unit.strides} if unit.stride_in == "1x1" else {2: unit.strides}
    if not unit.bottleneck:
        strides = {1: unit.strides}
    y, count = x, 3 if unit.bottleneck else 2
    for number in range(1, count + 1):
        y = normed(y, number, strides.get(number, 1))
        y = np.maximum(y, 0) if number < count else y
    if "0_conv/kernel" in weights:
        x = normed(x, 0, unit.strides)
    return np.maximum(x + y, 0)


@pytest.mark.parametrize("size", [(5, 4), (6, 7)])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"strides": 2, "batch_norm_epsilon": 1e-3},
        {"strides": 2, "stride_in": "1x1"},
        {"bottleneck": False},
        {"bottleneck": False, "strides": 2},
    ],
)
def test_a_unit_is_that_of_the_paper(options, size):
    unit = ResNetUnit(8, **options, name="unit")
    x = inputs((2, *size, 8)).astype("float64")
    unit.build(x.shape)
    randomize(unit)
    np.testing.assert_allclose(array(unit(x)), oracle(unit, x), rtol=1e-4, atol=1e-5)


def test_a_unit_begins_as_its_shortcut():
    x = inputs((2, 4, 4, 8))
    unit = ResNetUnit(8)
    np.testing.assert_allclose(array(unit(x, training=True)), np.maximum(x, 0))


def test_kernels_begin_with_the_variance_of_he_et_al():
    unit = ResNetUnit(256)
    unit.build((None, 4, 4, 256))
    kernel = array(unit.convs[1].kernel)  # (3, 3, 64, 64)
    assert np.isclose(kernel.var(), 2 / (9 * 64), rtol=0.05)


def test_statistics_move_once_where_a_unit_is_computed_twice():
    x, states = inputs((4, 5, 5, 8)), []
    for remat in (False, True):
        unit = ResNetUnit(8, strides=2, remat=remat, name="unit")
        model = keras.Sequential([keras.Input(x.shape[1:]), unit])
        randomize(model)
        model.compile(keras.optimizers.SGD(0.1), "mse")
        model.train_on_batch(x, inputs((4, 3, 3, 8), 1))
        states.append(model.get_weights())
    for plain, twice in zip(*states):
        np.testing.assert_allclose(twice, plain, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "wrong",
    [
        {"filters": 6},
        {"filters": 8, "stride_in": "5x5"},
        {"filters": 8, "strides": 0},
        {"filters": 8, "bottleneck": 1},
    ],
)
def test_what_no_unit_has_is_refused(wrong):
    name = [*wrong][-1]
    with pytest.raises(ValueError, match=f"`{name}`.*Received: {name}="):
        ResNetUnit(**wrong)
