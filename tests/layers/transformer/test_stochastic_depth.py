import keras
import numpy as np
import pytest
from cases import array

from keras_vit.layers import StochasticDepth


def test_each_example_is_dropped_or_scaled_as_a_whole():
    x = np.ones((1000, 3, 2), "float32")
    y = array(StochasticDepth(0.25, seed=0)(x, training=True))
    kept = y[:, 0, 0] != 0
    np.testing.assert_array_equal(y[~kept], 0)
    np.testing.assert_allclose(y[kept], 1 / 0.75, rtol=1e-6)
    # Within four standard deviations of the rate.
    assert abs(kept.mean() - 0.75) < 4 * (0.25 * 0.75 / 1000) ** 0.5


def test_the_mean_is_kept():
    x = np.full((4000, 1), 2.0, "float32")
    y = array(StochasticDepth(0.5, seed=1)(x, training=True))
    assert abs(y.mean() - 2) < 4 * 2 / 4000**0.5


def test_inference_passes_everything():
    x = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
    np.testing.assert_array_equal(array(StochasticDepth(0.9)(x)), x)
    np.testing.assert_array_equal(array(StochasticDepth(0.9)(x, training=False)), x)


def test_rate_zero_passes_everything():
    x = np.ones((8, 3), "float32")
    layer = StochasticDepth(0)
    np.testing.assert_array_equal(array(layer(x, training=True)), x)
    assert not layer.variables


def test_any_rank_and_unknown_batch():
    for shape in ((8,), (8, 2), (8, 2, 3, 4, 5)):
        y = StochasticDepth(0.5, seed=0)(np.ones(shape, "float32"), training=True)
        assert y.shape == shape
    x = keras.Input((3,))
    model = keras.Model(x, StochasticDepth(0.5, seed=0)(x))
    y = array(model(np.ones((64, 3), "float32"), training=True))
    assert set(y[:, 0]) == {0.0, 2.0}


def test_half_precision_draws_are_fair():
    """A bfloat16 uniform has 128 values below 0.5: too few for a rate of 0.001."""
    x = keras.ops.ones((20_000, 1), "bfloat16")
    y = StochasticDepth(0.001, seed=0, dtype="bfloat16")(x, training=True)
    assert keras.backend.standardize_dtype(y.dtype) == "bfloat16"
    dropped = (array(keras.ops.cast(y, "float32")) == 0).sum()
    assert 4 <= dropped <= 40


def test_no_draw_is_like_the_next():
    x = np.ones((64, 1), "float32")
    layer = StochasticDepth(0.5, seed=0)
    first, second = (array(layer(x, training=True)) for _ in range(2))
    assert (first != second).any()


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5, True, float("nan"), "0.1", None])
def test_a_rate_that_is_no_probability_is_told(rate):
    with pytest.raises(ValueError, match="rate="):
        StochasticDepth(rate)
