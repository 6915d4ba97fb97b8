"""What a file claims of its model is bounded before the model is built."""

import json
import zipfile

import golden
import keras
import numpy as np
import pytest
from cases import MODELS, SMALL
from test_formats import timm_arrays

import keras_vit
from keras_vit.inference.loaded import load_model


@pytest.fixture
def arrays():
    return golden.arrays("vit/token_norep.ckpt.npz")


def saved(path, arrays):
    np.savez(path / "weights.npz", **arrays)
    return path / "weights.npz"


def test_blocks_are_counted_from_zero_without_a_gap(tmp_path, arrays):
    for name in [n for n in arrays if "encoderblock_1" in n]:
        arrays[name.replace("block_1", "block_99999999")] = arrays.pop(name)
    with pytest.raises(ValueError, match=r"not numbered in turn.*block_99999999"):
        keras_vit.from_checkpoint(saved(tmp_path, arrays))
    bit = golden.arrays("bit/bit_1111_half.ckpt.npz")
    units = {n.replace("unit01", "unit99999999"): a for n, a in bit.items()}
    with pytest.raises(ValueError, match="not numbered in turn"):
        keras_vit.from_checkpoint(saved(tmp_path, units))


def test_a_stack_of_layers_is_bounded(tmp_path, arrays):
    for name in [n for n in arrays if "encoderblock" in n]:
        if "encoderblock_0" in name:
            stack = np.zeros((10_000_000, 0), "f4")
            arrays[name.replace("encoderblock_0", "encoderblock")] = stack
        del arrays[name]
    with pytest.raises(ValueError, match="layers of 10,000,000"):
        keras_vit.from_checkpoint(saved(tmp_path, arrays))


def test_an_empty_array_is_refused(tmp_path):
    arrays = {**timm_arrays(), "head.bias": np.zeros(0, "f4")}
    with pytest.raises(ValueError, match=r"'head\.bias' .* is empty"):
        keras_vit.from_checkpoint(saved(tmp_path, arrays), num_heads=2)


def small(path):
    keras_vit.ViT(**SMALL).save(path)
    return path


def change(path, function):
    """Changes the description in a `.keras` file."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    function(config["config"])
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


@pytest.mark.parametrize(
    "claim",
    [
        {"num_layers": 10**8},
        {"num_classes": 10**9},
        {"image_size": [10**9, 10**9]},
        {"hidden_dim": 10**9},
        {"register_tokens": 10**9},
        {"position_embedding": "relative", "image_size": [1024, 1024]},
    ],
)
def test_claims_of_a_saved_model_are_bounded(tmp_path, claim):
    path = small(tmp_path / "model.keras")
    change(path, lambda config: config["settings"]["arguments"].update(claim))
    with pytest.raises(ValueError, match=r"model\.keras claims .* too large to be one"):
        keras_vit.from_checkpoint(path)


HOSTILE = {
    "lenet": {"image_size": [10**9, 10**9]},
    "alexnet": {"widths": [10**9] * 5},
    "vgg": {"hidden_dims": [10**9]},
    "resnet": {"stage_widths": [10**9, 10**9]},
    "efficientnet": {"top_width": 10**9},
    "unet": {"widths": [2] * 10**5},
    "neocognitron": {"planes": 10**9},
}
OTHERS = (
    ("alexnet", {"grid_size": [10**9, 10**9]}),
    ("vgg", {"num_convs": [1, 10**9]}),
    ("unet", {"upconv_widths": [10**9]}),
    ("bit", {"num_blocks": [10**9]}),
    ("segmenter", {"decoder_layers": 10**9}),
    ("segmenter", {"decoder_mlp_dim": 10**12}),
)


def test_claims_of_every_other_family_are_bounded(tmp_path):
    for index, (name, claim) in enumerate((*HOSTILE.items(), *OTHERS)):
        path = tmp_path / f"{index}.keras"
        MODELS[name].make().save(path)
        change(path, lambda config, c=claim: config["settings"]["arguments"].update(c))
        with pytest.raises(ValueError, match="too large to be one"):
            keras_vit.from_checkpoint(path)


def test_an_image_without_patches_may_be_large(tmp_path):
    sizes = {"widths": (2, 3), "padding": "same", "image_size": (512, 1024)}
    keras_vit.UNet(2, **sizes).save(tmp_path / "model.keras")
    again = keras_vit.from_checkpoint(tmp_path / "model.keras")
    assert again.input_shape == (None, 512, 1024, 1)


def test_what_the_user_asks_for_is_not_doubted(tmp_path):
    path = small(tmp_path / "model.keras")
    claim = {"image_size": [10**9, 10**9]}
    change(path, lambda config: config["settings"]["arguments"].update(claim))
    model = keras_vit.from_checkpoint(path, image_size=(8, 12))
    assert model.input_shape == (None, 8, 12, 3)


def test_keras_is_not_asked_for_more_weights_than_the_file_has(tmp_path):
    path = small(tmp_path / "model.keras")

    def widen(config):
        for layer in config["layers"]:
            if "units" in layer["config"]:
                layer["config"]["units"] = 10**9

    change(path, widen)
    with pytest.raises(ValueError, match=r"describes a model of .* weights"):
        load_model(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("settings", [1]),
        ("settings", {"family": 7, "arguments": {}}),
        ("settings", {"family": "vit", "arguments": None}),
        ("metadata", "text"),
        ("metadata", {"class_names": {"a": 1}}),
        ("metadata", {"class_names": [1, 2, 3, 4, 5]}),
        ("metadata", {"preprocessing": 7}),
    ],
)
def test_fields_of_wrong_types_are_named(tmp_path, name, value):
    path = small(tmp_path / "model.keras")
    change(path, lambda config: config.update({name: value}))
    for door in (load_model, keras_vit.from_checkpoint):
        with pytest.raises(
            ValueError, match=rf"model\.keras' must hold|{name}"
        ) as error:
            door(path)
        assert str(path) in str(error.value)


def test_lambdas_are_refused(tmp_path):
    x = keras.Input((4, 4, 3))
    model = keras.Model(x, keras.layers.Lambda(lambda x: x + 1)(x))
    model.save(tmp_path / "lambda.keras")
    with pytest.raises(ValueError, match=r"lambda\.keras cannot be loaded"):
        load_model(tmp_path / "lambda.keras")
