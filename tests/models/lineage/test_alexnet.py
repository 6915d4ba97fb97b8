"""AlexNet in both forms: published counts, and the layers of the golden data."""

from types import SimpleNamespace

import numpy as np
import pytest
from cases import array, inputs, randomize

import keras_vit
from keras_vit.models.variants.alexnet import ALEXNET, WIDTHS

TINY = dict(widths=(4, 6, 8, 6, 4), hidden_dims=(5, 7), grid_size=1)


def tiny(**kwargs):
    plain = {"num_classes": 3, "image_size": 67, **TINY}
    return randomize(keras_vit.AlexNet(**{**plain, **kwargs}))


def counts(variant, size):
    a = SimpleNamespace(**ALEXNET.defaults, variant=variant, num_channels=3)
    a.num_classes = 1000
    listed = list(ALEXNET.operations(a, (size, size)))
    return [each.weights + each.others for each in listed], listed


def test_counts_of_every_layer_are_those_published():
    found, listed = counts("2012", 227)
    convolutions = [34_944, 307_456, 885_120, 663_936, 442_624]
    dense = [37_752_832, 16_781_312, 4_097_000]
    assert found == convolutions + dense and sum(found) == 60_965_224
    assert ALEXNET.params(ALEXNET.rows["AlexNet"]) == 60_965_224
    # 0.72 billion multiply-adds, as everyone counts them.
    assert sum(e.weights * e.positions for e in listed) == pytest.approx(0.724e9, 2e-3)
    found, listed = counts("one_tower", 224)
    convolutions = [23_296, 307_392, 663_936, 884_992, 590_080]
    assert found == convolutions + dense and sum(found) == 61_100_840
    assert sum(e.weights * e.positions for e in listed) == pytest.approx(0.714e9, 2e-3)


@pytest.mark.parametrize("variant", WIDTHS)
def test_closed_form_of_other_shapes(variant):
    model = tiny(variant=variant, num_channels=1, grid_size=(1, 2), image_size=(70, 90))
    a = SimpleNamespace(**model.settings["arguments"])
    listed = ALEXNET.operations(a, a.image_size)
    assert sum(each.weights + each.others for each in listed) == model.count_params()


@pytest.mark.slow
def test_whole_models_have_the_published_shapes():
    model = keras_vit.AlexNet()
    assert model.input_shape == (None, 227, 227, 3)
    assert model.get_layer("pool5").output.shape == (None, 6, 6, 256)
    assert model.count_params() == 60_965_224
    model = keras_vit.AlexNet(variant="one_tower")
    assert model.input_shape == (None, 224, 224, 3)
    assert model.get_layer("pool5").output.shape == (None, 6, 6, 256)
    assert model.count_params() == 61_100_840


def test_weights_start_as_in_the_paper():
    model = keras_vit.AlexNet(0, **TINY, image_size=67)
    ones = {f"conv{n}": float(n in (2, 4, 5)) for n in range(1, 6)}
    for name, bias in {**ones, "fc6": 1.0, "fc7": 1.0}.items():
        np.testing.assert_array_equal(array(model.get_layer(name).bias), bias)
    wide = keras_vit.AlexNet(0, image_size=67, hidden_dims=())
    kernel = array(wide.get_layer("conv2").kernel)
    assert kernel.shape == (5, 5, 48, 256)
    assert kernel.std() == pytest.approx(0.01, rel=0.01)


@pytest.mark.parametrize(
    "variant, order",
    [
        ("2012", ["flatten", "fc6", "fc6_dropout", "fc7", "fc7_dropout", "head"]),
        ("one_tower", ["flatten", "fc6_dropout", "fc6", "fc7_dropout", "fc7", "head"]),
    ],
)
def test_dropout_stands_where_each_form_has_it(variant, order):
    names = [layer.name for layer in tiny(variant=variant).layers]
    assert names[names.index("flatten") :] == order


def test_normalisation_is_the_papers_or_caffes_or_none():
    images = inputs((1, 67, 67, 3))
    outputs = [array(tiny(lrn=lrn)(images)) for lrn in ("paper", "caffe", "none")]
    layer = tiny().get_layer("norm1")
    assert (layer.size, layer.k, layer.alpha, layer.beta) == (5, 2.0, 1e-4, 0.75)
    assert np.abs(outputs[0] - outputs[1]).max() > 1e-3
    assert np.abs(outputs[1] - outputs[2]).max() > 1e-8


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"variant": 2012}, "'2012', 'one_tower'"),
        ({"lrn": "tf"}, "`lrn` must be one of"),
        ({"widths": (4, 6, 8)}, r"5 positive integers.*widths=\(4, 6, 8\)"),
        ({"widths": (4, 6, 8, 7, 4)}, "must be even numbers"),
        ({"widths": 5}, "must be a sequence"),
        ({"image_size": 66}, r"at least 67.*image_size=\(66, 66\).*227"),
        ({"image_size": 62, "variant": "one_tower"}, "at least 63.*224"),
        ({"image_size": (None, 67)}, "must be known.*image_size=227"),
        ({"remat": True}, "`remat` must be False"),
    ],
)
def test_mistakes_are_explained(arguments, words):
    with pytest.raises(ValueError, match=words):
        tiny(**arguments)


def test_the_smallest_sizes_work():
    assert tiny().output_shape == (None, 3)
    assert tiny(variant="one_tower", image_size=63).output_shape == (None, 3)
    assert tiny(num_classes=0).output_shape == (None, 7)
