"""The EfficientNets: counts, padding, stochastic depth, and what Keras computes."""

import inspect

import keras
import numpy as np
import pytest
from cases import array, inputs, rest_slow

import keras_vit
from keras_vit.models.variants.efficientnet import EFFICIENTNET, operations

TINY = {
    "num_blocks": (1, 2, 1, 1, 1, 1, 1),
    "stage_widths": (8, 8, 12, 12, 16, 16, 24),
    "stem_width": 8,
    "top_width": 32,
}


def count(weights):
    return sum(int(np.prod(w.shape)) for w in weights)


def statistics(sizes):
    """Mean and variance of every channel that a norm sees, from the paper's table."""
    total, width = 2 * (sizes.stem_width + sizes.top_width), sizes.stem_width
    for stage, (blocks, filters) in enumerate(
        zip(sizes.num_blocks, sizes.stage_widths)
    ):
        for _ in range(blocks):
            total += 2 * (12 * width if stage else width) + 2 * filters
            width = filters
    return total


@pytest.mark.parametrize("name", EFFICIENTNET.rows)
def test_published_counts_are_met_to_the_unit(name):
    row = EFFICIENTNET.rows[name]
    assert EFFICIENTNET.params(row) == row.params
    assert statistics(row) == row.statistics


@pytest.mark.parametrize(
    "options", rest_slow([{}, {"num_classes": 0, "num_channels": 1}], 1)
)
def test_a_built_model_has_what_the_closed_form_counts(options):
    model = keras_vit.EfficientNet(**{"num_classes": 5, **TINY, **options})
    a = keras_vit.models.arguments_of(model)
    listed = list(operations(type("A", (), a), (224, 224)))
    counted = sum(each.weights + each.others for each in listed)
    assert count(model.trainable_weights) == counted
    assert count(model.non_trainable_weights) == statistics(type("A", (), a))


def test_images_and_dropout_are_those_of_the_published_model():
    parameters = inspect.signature(keras_vit.EfficientNetB3).parameters
    assert parameters["image_size"].default == 300
    assert parameters["dropout_rate"].default == 0.3
    info = {row.name: row for row in keras_vit.list_models("efficientnet")}
    assert info["EfficientNetL2"].params == 480_309_308
    assert info["EfficientNetB7"].image_size == 600
    # 0.39 billion multiply-adds: table 2 of the paper.
    assert round(info["EfficientNetB0"].gflops / 2, 2) == 0.39


@pytest.mark.parametrize("padding", rest_slow(["same", "symmetric"], 1))
def test_an_odd_size_is_rounded_up_at_every_stride(padding):
    model = keras_vit.EfficientNet(
        0, **TINY, image_size=(None, None), pooling=None, padding=padding
    )
    for size, side in ((65, 3), (64, 2), (1, 1)):
        assert model(np.zeros((1, size, size, 3))).shape == (1, side, side, 32)


@pytest.mark.slow
def test_epsilon_follows_the_padding_and_both_the_argument():
    def epsilons(**options):
        model = keras_vit.EfficientNet(3, **TINY, **options)
        block = model.get_layer("block2a")
        return model.get_layer("top_bn").epsilon, block.bn.epsilon

    assert epsilons(padding="symmetric", batch_norm_epsilon=2e-3) == (2e-3, 2e-3)
    assert epsilons(padding="symmetric") == (1e-5, 1e-5)


def test_stochastic_depth_grows_from_nothing_by_the_number_of_the_block():
    model = keras_vit.EfficientNet(3, **TINY, drop_path_rate=0.4)
    blocks = [layer for layer in model.layers if layer.name.startswith("block")]
    names = ["block1a", "block2a", "block2b", "block3a", "block4a"]
    names += ["block5a", "block6a", "block7a"]
    assert [block.name for block in blocks] == names
    rates = [block.drop_path_rate for block in blocks]
    np.testing.assert_allclose(rates, 0.05 * np.arange(8))


@pytest.mark.parametrize(
    "wrong",
    [
        {"padding": "valid"},
        {"num_blocks": (1, 1)},
        {"stage_widths": (8, 8, 8, 8, 8, 8, 0)},
        {"num_blocks": (27, 1, 1, 1, 1, 1, 1)},
        {"batch_norm_epsilon": 0},
        {"drop_path_rate": 1.0},
        {"pooling": "max"},
    ],
)
def test_what_no_efficientnet_has_is_refused(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=f"`{name}`.*Received"):
        keras_vit.EfficientNet(3, **{**TINY, **wrong})


@pytest.mark.slow
@pytest.mark.parametrize("size", [(64, 96), (65, 66)])
def test_it_computes_what_keras_computes(size):
    theirs = keras.applications.EfficientNetB0(
        weights=None, input_shape=(*size, 3), classes=7, classifier_activation=None
    )
    ours = keras_vit.EfficientNetB0(7, image_size=size)
    rng = np.random.default_rng(0)
    for weight in ours.weights:  # mildly, as rounding grows with every block
        if weight.name != "kernel" or weight.path.startswith("head"):
            change = rng.uniform(0, 0.2, weight.shape)
            weight.assign(array(weight) + change)
    for weight in theirs.weights:
        layer, _, kind = weight.path.rpartition("/")
        if layer.startswith("normalization"):
            continue
        layer = "head" if layer == "predictions" else layer
        if layer.startswith("block"):
            layer = layer.replace("_", "/", 1)
        weight.assign(next(w for w in ours.weights if w.path == f"{layer}/{kind}"))
    images = inputs((2, *size, 3))
    expected = array(theirs(images * 255.0))  # which it divides by 255
    bound = 2e-5 * np.abs(expected).max()
    np.testing.assert_allclose(array(ours(images)), expected, rtol=0, atol=bound)
