import re

import cases
import golden
import keras
import numpy as np
import pytest
import reference_resnet as oracle
from cases import array, inputs, randomize

import keras_vit
from keras_vit.models.variants import counts
from keras_vit.models.variants.rows import BIT_VARIANTS

SMALL = dict(num_blocks=(1, 1), width_factor=0.5)
TINY = dict(num_blocks=(2, 1, 1, 1), width_factor=0.5)


def ours(key):
    """Our variable path of an official key."""
    key = key.removeprefix("resnet/").replace("standardized_conv2d/", "")
    key = key.replace("root_block/", "root_conv/").replace("head/conv2d/", "head/")

    def unit(match):
        stage, number, part = match.groups()
        i = "abc".index(part) + 1
        return f"stage{stage}_unit{number}/conv_{i}/"

    key = re.sub(r"block(\d)/unit(\d\d)/([abc])/", unit, key)
    key = re.sub(r"conv_\d/proj/", "projection/", key)
    key = re.sub(r"conv_(\d)/group_norm/", r"norm_\1/", key)
    return key.replace("group_norm/", "norm/")


def official(case):
    """The model of a golden bit/ case, filled, and the case's values."""
    config, values = (
        golden.config(f"bit/{case}.json"),
        golden.arrays(f"bit/{case}.io.npz"),
    )
    model = keras_vit.BiT(
        values["logits"].shape[1],
        num_blocks=config["config"]["block_units"],
        width_factor=0.5,
        image_size=values["image"].shape[1:3],
    )
    weights = {w.path: w for w in model.weights}
    for key, value in golden.arrays(f"bit/{case}.ckpt.npz").items():
        weight = weights.pop(ours(key))
        weight.assign(value.reshape(weight.shape))
    assert not weights
    return model, values


def outputs(model, images):
    names = [layer.name for layer in model.layers if layer.name != "image"]
    values = [model.get_layer(name).output for name in names]
    values = keras.Model(model.input, values)(images)
    return dict(zip(names, map(array, values)))


def filled(**kwargs):
    return randomize(keras_vit.BiT(5, **{**TINY, **kwargs}))


@pytest.mark.parametrize("case", ["bit_1111_half", "bit_2111_half_odd"])
def test_every_value_equals_the_official_bit(case):
    model, expected = official(case)
    values = outputs(model, expected["image"])
    pairs = {"root_conv": "root_conv", "root": "root_pooling", "pooled": "pooling"}
    for stage, units in enumerate(model.settings["arguments"]["num_blocks"], start=1):
        pairs[f"block{stage}"] = f"stage{stage}_unit{units:02d}"
    if "block1.unit01" in expected:
        pairs["block1.unit01"] = "stage1_unit01"
    left = expected.keys() - pairs.keys()
    assert left == {"image", "logits", "logits_float64"} and "pooled" in expected
    for theirs in pairs.keys() & expected.keys():  # shipped cases lack the maps
        name = pairs[theirs]
        first = values[name][: len(expected[theirs])]  # maps hold one image only
        assert first.shape == expected[theirs].shape
        scale = max(1.0, np.abs(expected[theirs]).max())
        np.testing.assert_allclose(first, expected[theirs], rtol=0, atol=2e-5 * scale)
    for theirs in ("logits", "logits_float64"):
        np.testing.assert_allclose(values["head"], expected[theirs], rtol=0, atol=2e-5)


@pytest.mark.parametrize(
    "size",
    cases.rest_slow([[1, 1], [33, 50], [64, 37], [75, 100], [32, 32], [7, 96]], 3),
)
def test_every_size_equals_the_oracle(size):
    model = filled(image_size=size, dtype="float64")
    images = inputs((2, *size, 3), dtype="float64")
    values = outputs(model, images)
    expected = oracle.bit(images, oracle.arrays_of(model), TINY["num_blocks"])
    for name, value in expected.items():
        assert values[name].shape == value.shape
        np.testing.assert_allclose(values[name], value, rtol=1e-7, atol=1e-7)


def test_one_model_for_every_size():
    model = filled(**SMALL, image_size=(None, None))
    assert model.input_shape == (None, None, None, 3)
    assert model.get_layer("norm").output.shape == (None, None, None, 256)
    arrays = oracle.arrays_of(model)
    for size in ((40, 40), (33, 50)):
        images = inputs((2, *size, 3))
        expected = oracle.bit(images, arrays, SMALL["num_blocks"])["head"]
        np.testing.assert_allclose(array(model(images)), expected, atol=2e-4)
        values = model.predict(images, verbose=0)  # compiled
        np.testing.assert_allclose(values, expected, atol=2e-4)


def test_a_padded_zero_wins_the_max_pool():
    data = golden.arrays("layers/layers.npz")
    pad, pool = (
        keras_vit.BiT(0, **SMALL).get_layer(f"root_{name}")
        for name in ("padding", "pooling")
    )
    for case in range(3):
        x, y = (data[f"bit_max_pool.{case}.{part}"] for part in ("x", "y"))
        np.testing.assert_array_equal(array(pool(pad(x))), y)


@pytest.mark.parametrize("name", BIT_VARIANTS)
def test_closed_form_equals_the_published_count(name):
    row = BIT_VARIANTS[name]
    info = {info.name: info for info in keras_vit.list_models("bit")}[name]
    assert info.params == counts.bit_params(row)
    if row.params:
        assert info.params == row.params


def test_counts_with_the_head_of_imagenet_21k():
    row = BIT_VARIANTS["BiT_R152x4"]
    assert counts.bit_params(row, 21_843) == 1_107_299_923
    assert counts.bit_params(row, 0) == 928_340_224  # the paper's figure


def test_the_smallest_published_model_has_its_count():
    model = keras_vit.BiT_R50x1()
    assert model.count_params() == 25_549_352
    assert model.name == "bit_r50x1" and model.output_shape == (None, 1000)
    assert model.get_layer("pooling").output.shape == (None, 2048)


def test_closed_form_of_another_shape():
    row = type(BIT_VARIANTS["BiT_R50x1"])((2, 1, 3), 1)
    model = keras_vit.BiT(7, num_blocks=(2, 1, 3), num_channels=4, image_size=32)
    assert counts.bit_params(row, 7, num_channels=4) == model.count_params()


@pytest.mark.parametrize("widths", [(128, 128), (384, 256)])
def test_stages_of_any_widths_equal_the_oracle(widths):
    # A root of 128 channels: the first stage of 128 keeps the shape, and has a
    # convolution in its shortcut all the same, as in timm and Hugging Face.
    model = randomize(
        keras_vit.BiT(
            5,
            num_blocks=(2, 1),
            width_factor=2,
            stage_widths=widths,
            image_size=(33, 40),
            dtype="float64",
        )
    )
    images = inputs((2, 33, 40, 3), dtype="float64")
    arrays = oracle.arrays_of(model)
    assert "stage1_unit01/projection/kernel" in arrays
    assert "stage1_unit02/projection/kernel" not in arrays
    values = outputs(model, images)
    for name, value in oracle.bit(images, arrays, (2, 1)).items():
        assert values[name].shape == value.shape
        np.testing.assert_allclose(values[name], value, rtol=1e-7, atol=1e-7)
    last = values["stage1_unit02"], values["norm"]
    assert tuple(value.shape[-1] for value in last) == widths


def test_widths_that_double_are_the_default():
    plain = keras_vit.BiT(3, num_blocks=(1, 2), width_factor=0.5, image_size=32)
    named = keras_vit.BiT(
        3, num_blocks=(1, 2), width_factor=0.5, stage_widths=(128, 256), image_size=32
    )
    shapes = [[(w.path, w.shape) for w in m.weights] for m in (plain, named)]
    assert shapes[0] == shapes[1]


def test_cost_is_that_of_the_layers():
    """4.1 billion multiply-adds for a ResNet-50, as everyone counts them."""
    info = {info.name: info for info in keras_vit.list_models("bit")}
    assert info["BiT_R50x1"].gflops == pytest.approx(2 * 4.1, rel=0.01)
    # Kolesnikov et al. use "x3" for three times the width: about nine times the cost.
    ratio = info["BiT_R50x3"].gflops / info["BiT_R50x1"].gflops
    assert ratio == pytest.approx(9, rel=0.03)


def test_features_and_feature_maps():
    images = inputs((2, 40, 33, 3))
    features = keras_vit.BiT(0, **SMALL, image_size=(40, 33))
    maps = keras_vit.BiT(None, **SMALL, image_size=(40, 33), pooling=None)
    maps.set_weights(features.get_weights())
    assert maps.output_shape == (None, 5, 5, 256)
    pooled = array(maps(images)).mean((1, 2))
    np.testing.assert_allclose(array(features(images)), pooled, rtol=1e-4, atol=1e-5)
    each = keras_vit.BiT(3, **SMALL, image_size=(40, 33), pooling=None)
    assert each.output_shape == (None, 5, 5, 3)


def test_a_new_model_says_nothing():
    model = keras_vit.BiT(4, **SMALL, image_size=32)
    np.testing.assert_array_equal(array(model(inputs((2, 32, 32, 3)))), 0)


def test_the_form_of_standardisation_matters():
    images = inputs((1, 32, 32, 3))
    model = filled(**SMALL, image_size=32)
    for arguments in (
        {"standardization": "std", "standardization_epsilon": 1e-2},
        {"standardization": None},
        {"group_norm_epsilon": 1e-1},
    ):
        other = keras_vit.BiT(5, **SMALL, image_size=32, **arguments)
        other.set_weights(model.get_weights())
        assert np.abs(array(other(images)) - array(model(images))).max() > 1e-3


def test_pixels_are_scaled_inside():
    model = filled(**SMALL, image_size=32)
    other = filled(**SMALL, image_size=32, include_preprocessing=True)
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype("uint8")
    right = model(keras_vit.preprocess_input(images.astype("float32")))
    np.testing.assert_allclose(
        array(other(images.astype("float32"))), array(right), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"num_blocks": ()}, "at least one stage"),
        ({"num_blocks": 50}, "sequence of positive integers.*num_blocks=50"),
        ({"num_blocks": (3, 0)}, r"positive integers.*num_blocks=\(3, 0\)"),
        ({"width_factor": 0.75}, "multiple of 0.5.*width_factor=0.75"),
        ({"width_factor": True}, "multiple of 0.5"),
        ({"width_factor": -1}, "multiple of 0.5"),
        ({"stage_widths": (128,)}, r"sequence of 2 positive.*stage_widths=\(128,\)"),
        ({"stage_widths": (128, 200)}, "multiples of 128"),
        ({"stage_widths": (128, -128)}, "2 positive integers"),
        ({"stage_widths": (128, 128.0)}, "2 positive integers"),
        ({"stage_widths": 128}, "stage_widths=128"),
        ({"pooling": "gab"}, "Did you mean 'gap'"),
        ({"standardization": "variances"}, "Did you mean 'variance'"),
        ({"image_size": (0, 32)}, "positive integer"),
        ({"input_shape": (3, 64, 64)}, r"input_shape=\(64, 64, 3\)"),
        ({"include_top": False, "num_classes": 5}, "include_top"),
    ],
)
def test_mistakes_are_explained(arguments, words):
    with pytest.raises(ValueError, match=words):
        keras_vit.BiT(**{**SMALL, **arguments})


def test_the_names_of_keras_applications():
    model = keras_vit.BiT(input_shape=(None, None, 1), include_top=False, **SMALL)
    assert model.input_shape == (None, None, None, 1)
    assert model.output_shape == (None, 256)
    assert keras_vit.BiT(classes=7, **SMALL).output_shape == (None, 7)


def test_a_variant_is_found_by_its_name():
    model = keras_vit.build("bit_r50x1", 3, num_blocks=(1,), image_size=(None, None))
    assert model.output_shape == (None, 3)
    assert model.settings["family"] == "bit"
    assert model.settings["arguments"]["num_blocks"] == [1]
