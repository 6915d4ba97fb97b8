"""Constructors that are given weights: what the weights decide, and what the user."""

import json
import logging

import cases
import numpy as np
import pytest
from cases import array, inputs, randomize

import keras_vit
from keras_vit.checkpoints.names import vit as paths

X = inputs((2, 8, 12, 3))


def small(**kwargs):
    return keras_vit.ViT(**{**cases.SMALL, **kwargs})


def tokens_of(model, images=X):
    """Every token after the last norm."""
    layer = model.get_layer("encoder_norm")
    return array(keras_vit.models.VisionModel(model.input, layer.output)(images))


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A file with a class token and a head."""
    path = tmp_path_factory.mktemp("weights") / "model.keras"
    randomize(small()).save(path)
    return path


@pytest.mark.parametrize("pooling", [None, "gap", "gap_all"])
def test_features_of_a_file_with_a_class_token(file, pooling):
    model = small(num_classes=0, pooling=pooling, weights=file)
    whole = keras_vit.from_checkpoint(file)
    expected = tokens_of(whole)
    assert model.settings["arguments"]["class_token"] is True
    if pooling == "gap":
        expected = expected[:, 1:].mean(1)
    elif pooling == "gap_all":
        expected = expected.mean(1)
    np.testing.assert_allclose(array(model(X)), expected, atol=1e-5)


def test_a_class_token_that_is_not_wanted_is_refused(file):
    with pytest.raises(ValueError, match="class_token"):
        small(num_classes=0, pooling="gap", class_token=False, weights=file)


@pytest.mark.parametrize(
    "name",
    cases.rest_slow(
        ["registers", "layer_scale_erf", "no_biases", "clip", "swiglu", "prefix"]
        + ["token_and_gap", "gap_of_all_tokens", "sincos2d", "relative_positions"]
        + ["positions_shared", "gap_beside_class_token", "map", "scaled"],
        4,
    ),
)
def test_weights_bring_the_parts_that_they_have(name, tmp_path):
    theirs = cases.model(name)
    theirs.save(tmp_path / "model.keras")
    own = {k: v for k, v in cases.MODELS[name].arguments.items() if k == "pooling"}
    model = small(**own, weights=tmp_path / "model.keras")
    assert model.settings == theirs.settings
    x = cases.pixels(cases.MODELS[name])
    np.testing.assert_array_equal(array(model(x)), array(theirs(x)))
    assert small(weights=tmp_path / "model.keras").settings == theirs.settings


def test_what_the_head_reads_is_the_users_choice(tmp_path):
    theirs = cases.model("gap_of_all_tokens")
    theirs.save(tmp_path / "model.keras")
    model = small(
        num_classes=0, pooling="gap", pooled_norm=True, weights=tmp_path / "model.keras"
    )
    assert model.settings["arguments"]["pooling"] == "gap"
    assert model.output_shape == (None, 16)


def test_widths_of_stages_come_with_the_weights():
    theirs = cases.model("bit_of_other_widths")
    given = {**cases.MODELS["bit_of_other_widths"].arguments}
    del given["stage_widths"]
    model = keras_vit.BiT(**given, weights=theirs)
    x = inputs((2, 16, 24, 3))
    np.testing.assert_array_equal(array(model(x)), array(theirs(x)))


def test_prefix_positions_are_those_of_the_weights():
    """16 rows for 15 patches and a class token: the square of 4, and yet no square."""
    theirs = randomize(small(image_size=(12, 20)))
    assert theirs.get_layer("patches").output.shape[1] == 15
    arrays = {w.path: array(w) for w in theirs.weights}
    model = small(image_size=(12, 20), weights=arrays)
    assert model.settings["arguments"]["embed_prefix"] is True
    x = inputs((1, 12, 20, 3))
    np.testing.assert_array_equal(array(model(x)), array(theirs(x)))
    without = randomize(small(image_size=16, embed_prefix=False))
    arrays = {w.path: array(w) for w in without.weights}
    assert arrays[paths.POSITIONS].shape[1] == 16
    model = small(image_size=16, weights=arrays)
    assert model.settings["arguments"]["embed_prefix"] is False
    x = inputs((1, 16, 16, 3))
    np.testing.assert_array_equal(array(model(x)), array(without(x)))


@pytest.mark.parametrize("name", ["token", "bit", "hybrid"])
def test_grey_images_take_the_sum_of_colour_weights(name, caplog):
    case, theirs = cases.MODELS[name], cases.model(name)
    with caplog.at_level(logging.INFO, "keras_vit"):
        model = case.make(num_channels=1, weights=theirs)
    grey = inputs((2, *case.shape[1:3], 1))
    expected = array(theirs(np.repeat(grey, 3, axis=-1)))
    if name == "token":  # a standardised kernel is another one after the sum
        np.testing.assert_allclose(array(model(grey)), expected, atol=1e-4)
    assert "3 channels to 1 by 'sum'" in caplog.text
    colours = case.make(num_channels=3, weights=theirs)
    np.testing.assert_array_equal(
        array(colours(inputs(case.shape))), array(theirs(inputs(case.shape)))
    )


def test_grey_weights_for_colours_are_refused():
    with pytest.raises(ValueError, match="in_channels_rule"):
        small(weights=randomize(small(num_channels=1)))


def test_class_names_come_with_the_weights(tmp_path):
    theirs = randomize(small())
    theirs.metadata["class_names"] = names = ["ant", "bee", "cat", "dog", "emu"]
    theirs.save(tmp_path / "model.keras")
    for weights in (theirs, tmp_path / "model.keras"):
        model = small(weights=weights)
        assert model.metadata["class_names"] == names
        model.metadata["class_names"].append("fly")
        assert len(theirs.metadata["class_names"]) == 5
        # Another head has other classes.
        assert "class_names" not in small(num_classes=3, weights=weights).metadata
        assert "class_names" not in small(num_classes=0, weights=weights).metadata
        model = keras_vit.from_checkpoint(weights, skip="head", keep="head")
        assert "class_names" not in model.metadata


def test_a_saved_model_without_names_gets_none_of_imagenet(tmp_path):
    theirs = randomize(small(num_classes=1000))
    theirs.save(tmp_path / "model.keras")
    for weights in (theirs, tmp_path / "model.keras"):
        assert "class_names" not in small(num_classes=1000, weights=weights).metadata


def test_what_a_file_says_of_images_and_classes_comes_with_it(tmp_path, caplog):
    theirs = randomize(small(image_size=8))
    theirs.metadata["class_names"] = ["ant", "bee", "cat", "dog", "emu"]
    keras_vit.export(theirs, tmp_path / "folder", "timm")
    config = json.loads((tmp_path / "folder" / "config.json").read_text())
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    config["pretrained_cfg"].update(mean=mean, std=std)
    (tmp_path / "folder" / "config.json").write_text(json.dumps(config))
    whole = keras_vit.from_checkpoint(tmp_path / "folder")
    caplog.clear()
    model = small(image_size=8, weights=tmp_path / "folder")
    assert not [r for r in caplog.records if r.levelname == "WARNING"]
    assert model.settings["arguments"]["input_scaling"] == [mean, std]
    x = X[:, :, :8]
    normal = (((x + 1) / 2 - mean) / std).astype("float32")
    np.testing.assert_allclose(array(model(x)), array(theirs(normal)), atol=1e-4)
    assert model.metadata == whole.metadata
    assert model.metadata["class_names"] == theirs.metadata["class_names"]
    assert model.metadata["preprocessing"]["steps"]
    # With the values that its first kernel reads, no step of the package makes them.
    bare = small(image_size=8, weights=tmp_path / "folder", input_scaling=None)
    assert "preprocessing" not in bare.metadata


def test_a_bare_file_that_cannot_say_its_scaling_is_told_of(tmp_path, caplog):
    keras_vit.export(randomize(small(image_size=8)), tmp_path / "folder", "timm")
    (tmp_path / "bare").mkdir()
    path = tmp_path / "bare" / "model.safetensors"
    (tmp_path / "folder" / "model.safetensors").rename(path)
    caplog.clear()
    small(image_size=8, weights=path)
    assert "input_scaling" in caplog.text and "[-1, 1]" in caplog.text
    caplog.clear()
    small(image_size=8, weights=path, input_scaling="imagenet")
    assert "assumed" not in caplog.text


@pytest.mark.parametrize("patch_size", [7, (7, 4)])
def test_the_weights_of_a_grey_model_load_into_it(patch_size, tmp_path):
    grey = {"num_channels": 1, "patch_size": patch_size, "image_size": 28}
    model = randomize(small(**grey))
    model.save_weights(tmp_path / "model.weights.h5")
    images, path = inputs((2, 28, 28, 1)), tmp_path / "model.weights.h5"
    again = small(**grey)
    keras_vit.load_weights(again, path)
    np.testing.assert_array_equal(array(again(images)), array(model(images)))
    new = small(**grey, weights=path)
    np.testing.assert_array_equal(array(new(images)), array(model(images)))
