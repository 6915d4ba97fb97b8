"""ResNets: counts, sizes of the feature maps, and what Keras computes."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from cases import array, inputs, randomize

import keras_vit
from keras_vit.models.variants.resnet import RESNET, operations

TINY = {"num_blocks": (1, 2), "stage_widths": (8, 16), "stem_width": 8}


def count(weights):
    return sum(int(np.prod(w.shape)) for w in weights)


def statistics(sizes):
    """Mean and variance of every channel that a norm sees, from the paper's table."""
    total, width = sizes.stem_width, sizes.stem_width
    for stage, (units, filters) in enumerate(zip(sizes.num_blocks, sizes.stage_widths)):
        for unit in range(units):
            total += filters * 3 // 2 if sizes.bottleneck else 2 * filters
            projects = width != filters or (stage and unit == 0)
            total += filters if projects else 0
            width = filters
    return 2 * total


@pytest.mark.parametrize("name", RESNET.rows)
def test_published_counts_are_met_to_the_unit(name):
    row = RESNET.rows[name]
    assert RESNET.params(row) == row.params
    assert statistics(row) == row.statistics


def test_the_counts_of_resnet_50_are_those_of_its_parts():
    row, stages = RESNET.rows["ResNet50"], (215_808, 1_219_584, 7_098_368, 14_964_736)
    assert row.params == 9_536 + sum(stages) + 2_049_000
    assert RESNET.params(row, num_classes=0) == 23_508_032


def test_costs_are_the_published_ones():
    # 4.09 billion multiply-adds: torchvision; 3.8 by table 1 of the paper, which has
    # the stride in the first convolution, and counts no shortcuts: 3.86 with them.
    sizes = {**RESNET.defaults, **vars(RESNET.rows["ResNet50"])}
    for place, billions in (("3x3", 4.09), ("1x1", 3.86)):
        a = SimpleNamespace(**{**sizes, "stride_in": place})
        a.num_classes, a.num_channels = 1000, 3
        listed = operations(a, (224, 224))
        adds = sum(each.weights * each.positions for each in listed)
        assert round(adds / 1e9, 2) == billions


@pytest.mark.parametrize(
    "options", [{}, {"bottleneck": False, "num_classes": 0, "num_channels": 1}]
)
def test_a_built_model_has_what_the_closed_form_counts(options):
    model = keras_vit.ResNet(**{"num_classes": 5, **TINY, **options})
    a = SimpleNamespace(**keras_vit.models.arguments_of(model))
    listed = list(operations(a, (224, 224)))
    counted = sum(each.weights + each.others for each in listed)
    assert count(model.trainable_weights) == counted
    assert count(model.non_trainable_weights) == statistics(a)


@pytest.mark.parametrize("stride_in", ["3x3", "1x1"])
def test_an_odd_size_is_rounded_up_at_every_stride(stride_in):
    model = keras_vit.ResNet(
        0, **TINY, image_size=(None, None), pooling=None, stride_in=stride_in
    )
    for size, side in ((33, 5), (32, 4), (1, 1)):
        assert model(np.zeros((1, size, size, 3))).shape == (1, side, side, 16)


def test_the_place_of_the_stride_changes_outputs_and_no_weight():
    one, other = (
        randomize(keras_vit.ResNet(5, **TINY, stride_in=place, image_size=32))
        for place in ("3x3", "1x1")
    )
    assert [w.path for w in one.weights] == [w.path for w in other.weights]
    x = inputs((1, 32, 32, 3))
    assert np.abs(array(one(x)) - array(other(x))).max() > 1e-3


@pytest.mark.parametrize(
    "wrong",
    [
        {"num_blocks": ()},
        {"num_blocks": 3},
        {"stage_widths": (8, 18)},
        {"stage_widths": (8,)},
        {"stride_in": "7x7"},
        {"batch_norm_epsilon": 0},
        {"batch_norm_momentum": 1.0},
        {"pooling": "max"},
        {"stem_width": 0},
    ],
)
def test_what_no_resnet_has_is_refused(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=f"(?s)`{name}`.*Received"):
        keras_vit.ResNet(3, **{**TINY, **wrong})


def test_plain_units_have_one_place_for_the_stride():
    with pytest.raises(ValueError, match="`stride_in` must be '3x3' where"):
        keras_vit.ResNet(3, **TINY, bottleneck=False, stride_in="1x1")


@pytest.mark.slow
@pytest.mark.parametrize("size", [(64, 96), (65, 66)])
def test_it_computes_what_keras_computes(size):
    theirs = keras.applications.ResNet50(
        weights=None, input_shape=(*size, 3), classes=7, classifier_activation=None
    )
    ours = keras_vit.ResNet50(
        7, image_size=size, stride_in="1x1", batch_norm_epsilon=1.001e-5
    )
    randomize(ours)
    found = {weight.path: weight for weight in ours.weights}
    for weight in theirs.weights:
        layer, _, kind = weight.path.rpartition("/")
        layer = "head" if layer == "predictions" else layer
        if layer.startswith("conv") and "block" in layer:
            unit, block, rest = layer.split("_", 2)
            layer = f"{unit}_{block}/{rest}"
        if kind == "bias" and layer != "head":
            continue  # zero in both
        weight.assign(found.pop(f"{layer}/{kind}"))
    assert not found
    images = inputs((2, *size, 3))
    expected = array(theirs(images))
    bound = 2e-5 * np.abs(expected).max()
    np.testing.assert_allclose(array(ours(images)), expected, rtol=0, atol=bound)
