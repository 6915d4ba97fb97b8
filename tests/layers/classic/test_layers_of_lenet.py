import keras
import numpy as np
import pytest
from cases import array, inputs, randomize

from keras_vit.layers import EuclideanRBF, PartialConv2D, Subsampling, scaled_tanh


def test_a_partial_convolution_is_a_sum_over_the_maps_it_reads():
    connections = [[2], [1, 0], [0, 1, 2]]
    x = inputs((2, 6, 7, 3))
    layer = PartialConv2D(connections, 3)
    layer(x)
    randomize(layer)
    kernel, bias = array(layer.kernel), array(layer.bias)
    assert kernel.shape == (3, 3, 6)
    place = 0
    for output, maps in enumerate(connections):
        expected = bias[output]
        for i in maps:
            one = keras.ops.conv(x[..., i : i + 1], kernel[:, :, place, None, None])
            expected = expected + array(one)[..., 0]
            place += 1
        found = array(layer(x))[..., output]
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_subsampling_sums_and_does_not_average():
    x = inputs((1, 4, 5, 2))
    layer = Subsampling(2)
    layer(x)
    layer.coefficient.assign([2.0, -1.0])
    layer.bias.assign([0.5, 0.0])
    sums = x[:, :, :4].reshape(1, 2, 2, 2, 2, 2).sum((2, 4))
    np.testing.assert_allclose(array(layer(x)), sums * [2, -1] + [0.5, 0], atol=1e-5)


def test_distances_are_squared_and_negative():
    x = inputs((3, 84))
    layer = EuclideanRBF(10)
    layer(x)
    codes = array(layer.codes)
    assert set(np.unique(codes)) == {-1.0, 1.0}
    distances = ((x[:, None] - codes) ** 2).sum(-1)
    np.testing.assert_allclose(array(layer(x)), -distances, rtol=1e-5)
    np.testing.assert_array_equal(array(layer(codes)).argmax(1), np.arange(10))
    assert not layer.trainable_weights
    again = EuclideanRBF(10)
    again(x)
    np.testing.assert_array_equal(array(again.codes), codes)
    chances = array(EuclideanRBF(10, activation="softmax")(x))
    np.testing.assert_allclose(chances.sum(1), 1, atol=1e-6)


def test_the_activation_is_one_at_one():
    x = np.array([-1.0, 0.0, 1.0, 50.0], "float32")
    np.testing.assert_allclose(array(scaled_tanh(x)), [-1, 0, 1, 1.7159], atol=1e-4)


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: PartialConv2D([[0], []], 3), r"at least one.*\[\]"),
        (lambda: PartialConv2D([[0, 0]], 3), "none twice"),
        (lambda: PartialConv2D([[-1]], 3), "from 0"),
        (lambda: PartialConv2D([[0]], 0), "kernel_size=0"),
        (lambda: PartialConv2D([[3]], 3).build((1, 5, 5, 3)), "map 3.*map 2"),
        (lambda: Subsampling(0), "size=0"),
        (lambda: EuclideanRBF(0), "units=0"),
        (lambda: EuclideanRBF(3, activation="softmaxx"), "softmaxx"),
    ],
)
def test_mistakes_are_explained(make, words):
    with pytest.raises(ValueError, match=words):
        make()
