"""VGG: the same numbers as keras.applications and torchvision, the published counts."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from cases import array, inputs, randomize

import keras_vit
from keras_vit.models.variants.rows import FAMILIES
from keras_vit.models.variants.vgg import VGG

TINY = dict(num_convs=(2, 1), widths=(4, 6), hidden_dims=(5, 7), grid_size=(4, 6))


def tiny(**kwargs):
    plain = {"num_classes": 3, "image_size": (16, 24), **TINY}
    return randomize(keras_vit.VGG(**{**plain, **kwargs}))


@pytest.mark.parametrize("name", FAMILIES["vgg"])
def test_closed_form_equals_the_published_count(name):
    assert VGG.params(VGG.rows[name]) == VGG.rows[name].params


def test_counts_of_the_parts_of_vgg_16():
    row = VGG.rows["VGG16"]
    a = SimpleNamespace(**VGG.defaults, num_convs=row.num_convs, num_channels=3)
    a.num_classes, a.batch_norm = 1000, True
    listed = VGG.operations(a, (224, 224))
    counts = [each.weights + each.others for each in listed]
    assert sum(counts) == 138_365_992
    assert counts[-3:] == [102_764_544, 16_781_312, 4_097_000]
    assert VGG.params(row, num_classes=0) == 134_260_544
    assert VGG.params(row) - sum(counts[-3:]) == 14_714_688
    # 15.5 billion multiply-adds, as everyone counts them.
    assert VGG.flops(row) == pytest.approx(2 * 15.47e9, rel=1e-3)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"batch_norm": True, "num_channels": 1},
        {"pooling": "gap", "hidden_dims": ()},
        {"pooling": None, "hidden_dims": (3,)},
        {"num_classes": 0, "grid_size": 2},
    ],
    ids=str,
)
def test_closed_form_of_other_shapes(arguments):
    model = keras_vit.VGG(**{"num_classes": 3, **TINY, "image_size": 18, **arguments})
    a = SimpleNamespace(**model.settings["arguments"])
    listed = VGG.operations(a, a.image_size)
    count = sum(weight.size for weight in map(array, model.trainable_weights))
    assert sum(each.weights + each.others for each in listed) == count


@pytest.mark.slow
def test_the_whole_vgg_16_is_that_of_keras():
    model, theirs = keras_vit.VGG16(), keras.applications.VGG16(weights=None)
    assert model.count_params() == theirs.count_params() == 138_357_544
    names = [layer.name for layer in theirs.layers if layer.weights]
    ours = [layer.name for layer in model.layers if layer.weights]
    assert ours == [*names[:-1], "head"]


@pytest.mark.parametrize("channels", [3, 1])
def test_convolutions_equal_those_of_keras(channels):
    shape = (48, 80, channels)
    theirs = keras.applications.VGG16(False, None, input_shape=shape, pooling="avg")
    model = keras_vit.VGG16(
        0, input_shape=shape, pooling="gap", hidden_dims=(), batch_norm=False
    )
    model.set_weights(theirs.get_weights())
    images = inputs((1, *shape))
    np.testing.assert_array_equal(array(model(images)), array(theirs(images)))


def test_batch_norm_stands_between_convolution_and_relu():
    plain, normed = tiny(hidden_dims=()), tiny(hidden_dims=(), batch_norm=True)
    for layer in normed.layers:
        if layer.name.endswith("_bn"):
            conv = plain.get_layer(layer.name.removesuffix("_bn"))
            old = normed.get_layer(conv.name)
            gamma, beta, mean, variance = map(array, layer.weights)
            factor = gamma / np.sqrt(variance + 1e-5)
            conv.kernel.assign(array(old.kernel) * factor)
            conv.bias.assign((array(old.bias) - mean) * factor + beta)
    plain.get_layer("head").set_weights(normed.get_layer("head").get_weights())
    images = inputs((2, 16, 24, 3))
    np.testing.assert_allclose(array(plain(images)), array(normed(images)), atol=1e-5)


def test_a_map_of_another_size_is_averaged_to_the_grid():
    small, large = tiny(), tiny(image_size=(32, 72))
    assert "grid" not in [layer.name for layer in small.layers]
    grid, pool = large.get_layer("grid"), large.get_layer("block2_pool")
    images = inputs((2, 32, 72, 3))
    maps = array(keras.Model(large.input, pool.output)(images))
    means = maps.reshape(2, 4, 2, 6, 3, 6).mean((2, 4))
    found = array(keras.Model(large.input, grid.output)(images))
    np.testing.assert_allclose(found, means, atol=1e-5)


def test_poolings_read_the_same_map():
    images, options = inputs((2, 16, 24, 3)), dict(hidden_dims=(), num_classes=0)
    each, mean, flat = (
        array(tiny(pooling=pooling, **options)(images))
        for pooling in (None, "gap", "flatten")
    )
    assert each.shape == (2, 4, 6, 6)
    np.testing.assert_allclose(each.mean((1, 2)), mean, atol=1e-5)
    np.testing.assert_allclose(each.reshape(2, -1), flat, atol=1e-5)


def test_one_model_for_every_size():
    model = tiny(image_size=(None, None), pooling="gap")
    assert model.input_shape == (None, None, None, 3)
    assert model(inputs((1, 9, 30, 3))).shape == (1, 3)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"num_convs": 16}, "`num_convs` must be a sequence.*num_convs=16"),
        ({"num_convs": (1, 0)}, r"positive integers.*num_convs=\(1, 0\)"),
        ({"num_convs": (1,)}, r"one number for each block.*\(1,\).*\(4, 6\)"),
        ({"widths": (4, "6")}, r"positive integers.*widths=\(4, '6'\)"),
        ({"hidden_dims": 5}, "`hidden_dims` must be a sequence"),
        ({"grid_size": 0}, "grid_size"),
        ({"pooling": "avg"}, "Did you mean 'gap'"),
        ({"batch_norm": 1}, "True or False.*batch_norm=1"),
        ({"dropout_rate": 1.0}, "dropout_rate=1.0"),
        ({"remat": True}, "`remat` must be False"),
        ({"image_size": (None, None)}, "must be known.*pooling='gap'"),
        ({"image_size": (3, 16)}, r"at least 4.*image_size=\(3, 16\)"),
    ],
)
def test_mistakes_are_explained(arguments, words):
    with pytest.raises(ValueError, match=words):
        tiny(**arguments)
