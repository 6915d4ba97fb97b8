import numpy as np
import pytest
from cases import array, inputs

from keras_vit.layers import LocalResponseNorm


def by_loops(x, size, k, alpha, beta):
    """The equation of the paper, one channel after another."""
    y = np.empty_like(x)
    for i in range(x.shape[-1]):
        low, high = max(0, i - size // 2), min(x.shape[-1] - 1, i + size // 2)
        squares = (x[..., low : high + 1] ** 2).sum(-1)
        y[..., i] = x[..., i] / (k + alpha * squares) ** beta
    return y


@pytest.mark.parametrize("size, channels", [(1, 3), (5, 8), (5, 2), (7, 8)])
def test_it_is_the_equation_of_the_paper(size, channels):
    x = inputs((2, 3, 4, channels), dtype="float64") * 10
    layer = LocalResponseNorm(size, k=1.5, alpha=0.1, beta=0.6, dtype="float64")
    np.testing.assert_allclose(
        array(layer(x)), by_loops(x, size, 1.5, 0.1, 0.6), rtol=1e-12
    )


def test_defaults_are_those_of_the_paper():
    x = inputs((2, 5, 9)) * 100
    expected = by_loops(x.astype("float64"), 5, 2.0, 1e-4, 0.75)
    np.testing.assert_allclose(array(LocalResponseNorm()(x)), expected, rtol=1e-5)


def test_squares_in_half_precision_do_not_overflow():
    x = np.full((1, 6), 1000, "float16")  # whose square is infinite
    y = array(LocalResponseNorm(alpha=1e-4 / 5, k=1, dtype="float16")(x))
    expected = by_loops(x.astype("float64"), 5, 1.0, 1e-4 / 5, 0.75)
    np.testing.assert_allclose(y.astype("float64"), expected, rtol=2e-3)


@pytest.mark.parametrize(
    "arguments, words",
    [({"size": 4}, "odd.*size=4"), ({"size": 0}, "odd"), ({"k": 0}, "positive.*k=0")],
)
def test_mistakes_are_explained(arguments, words):
    with pytest.raises(ValueError, match=words):
        LocalResponseNorm(**arguments)
