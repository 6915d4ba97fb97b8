"""Damaged and hostile models are one line on the command line."""

import json
import os
import zipfile

import keras
import numpy as np
import pytest
from cases import SMALL
from PIL import Image

import keras_vit
from keras_vit.cli import main
from keras_vit.inference.loaded import load_model


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.keras"
    model = keras_vit.ViT(**SMALL)
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def described(members, change):
    config = json.loads(members["config.json"])
    change(config["config"])
    return {**members, "config.json": json.dumps(config).encode()}


CHANGES = {
    "no list of names": lambda c: c["metadata"].update(class_names=7),
    "no settings": lambda c: c.update(settings=[1]),
    "no step": lambda c: c["metadata"].update(
        preprocessing={"num_channels": 3, "steps": [{"step": "\x1b[2J\n"}]}
    ),
    "giant images": lambda c: c["metadata"].update(
        preprocessing={
            "num_channels": 3,
            "steps": [{"step": "resize", "height": 10**9, "width": 10**9}],
        }
    ),
    "no layers": lambda c: c.update(layers=[7, None]),
    "another class": lambda c: c["layers"][1].update(
        class_name="\x1b]0;x\x07", registered_name=None
    ),
    "a giant": lambda c: c["layers"][2]["config"].update(hidden_dim=10**7),
}


@pytest.mark.parametrize("name", CHANGES)
def test_descriptions_that_are_wrong_are_one_line(tmp_path, sound, capfd, name):
    path, photo = tmp_path / "model.keras", tmp_path / "photo.png"
    write(path, described(sound, CHANGES[name]))
    Image.new("RGB", (12, 8)).save(photo)
    capfd.readouterr()
    assert main(["predict", str(path), str(photo)]) == 1
    check_one_line(capfd.readouterr().err, path)


def check_one_line(text, path):
    """One printable error stands on the terminal, after the log's line on devices."""
    lines = [line for line in text.splitlines() if not line.startswith("Devices: ")]
    assert len(lines) == 1 and lines[0].startswith("keras-vit: "), lines
    assert lines[0].isprintable() and str(path) in lines[0] and len(lines[0]) < 4100


def test_a_pipe_and_a_cut_file_are_one_line(tmp_path, sound, capfd):
    write(tmp_path / "whole.keras", sound)
    cut = tmp_path / "cut.keras"
    cut.write_bytes((tmp_path / "whole.keras").read_bytes()[:-3000])
    os.mkfifo(tmp_path / "pipe.keras")
    (tmp_path / "page.safetensors").write_bytes(b"<!DOCTYPE html>")
    for file in ("cut.keras", "pipe.keras", "page.safetensors"):
        capfd.readouterr()
        command = ["evaluate", str(tmp_path / file), "--data", str(tmp_path)]
        assert main(command) == 1
        check_one_line(capfd.readouterr().err, tmp_path / file)


@pytest.mark.slow
def test_other_models_of_keras_load_as_they_were(tmp_path):
    x = keras.Input((8, 8, 3))
    y = keras.layers.Normalization(mean=0.5, variance=2.0)(x)
    y = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3)(y))
    y = keras.layers.Dropout(0.5)(keras.layers.GlobalAveragePooling2D()(y))
    model = keras.Model(x, keras.layers.Dense(3)(y))
    model.save(tmp_path / "plain.keras")
    loaded = load_model(tmp_path / "plain.keras")
    images = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    ours, theirs = (np.asarray(m(images)) for m in (loaded, model))
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
def test_a_quantized_model_loads_and_is_not_taken_elsewhere(tmp_path):
    model = keras_vit.ViT(**SMALL)
    model.quantize("int8")
    model.save(tmp_path / "int8.keras")
    loaded = load_model(tmp_path / "int8.keras")
    assert loaded.get_layer("head").kernel.dtype == "int8"
    target = keras_vit.ViT(**SMALL)
    for source in (model, tmp_path / "int8.keras"):
        with pytest.raises(ValueError, match="before `quantize`"):
            keras_vit.load_weights(target, source)
        with pytest.raises(ValueError, match="before `quantize`"):
            keras_vit.from_checkpoint(source)
    with pytest.raises(ValueError, match="before `quantize`"):
        keras_vit.load_weights(model, target)
