"""Files are read again by a fresh process that did nothing but `import keras_vit`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cases
import keras
import numpy as np
import pytest
from cases import LAYERS, MODELS, array, inputs
from each import holds_for_each

import keras_vit
from keras_vit.models import ViT
from keras_vit.models.segmentation.segmenter import FAMILY as SEGMENTER
from keras_vit.models.variants.rows import FAMILIES

READER = """
import sys, json, numpy as np
import keras_vit
import keras
folder = sys.argv[1]
report = {}
for name, kind in json.load(open(f"{folder}/list.json")).items():
    model = keras.models.load_model(f"{folder}/{name}.keras")
    x = np.load(f"{folder}/{name}.npy")
    np.save(f"{folder}/{name}.out.npy", keras.ops.convert_to_numpy(model(x)))
    report[name] = [
        type(model).__name__,
        getattr(model, "metadata", None),
        getattr(model, "settings", None),
    ]
json.dump(report, open(f"{folder}/report.json", "w"))
"""


def cut_outs():
    """Sub-models of a model, as a user cuts them."""
    model = cases.model("registers")
    names = ["patches", "patch_encoder", "block_00", "encoder_norm", "pooling"]
    for name in names:
        layer = model.get_layer(name)
        yield f"cut_at_{name}", keras.Model(model.input, layer.output)
    outputs = {name: model.get_layer(name).output for name in names[1:]}
    last = keras.Model(model.input, outputs).get_layer("pooling").output
    yield "cut_dictionary", keras.Model(model.input, last)
    tokens = keras.Input(model.get_layer("block_01").input.shape[1:])
    x = tokens
    for name in ("block_01", "encoder_norm", "pooling", "head"):
        x = model.get_layer(name)(x)
    yield "cut_second_half", keras.Model(tokens, x)
    images = keras.Input((8, 12, 3))
    x = keras.layers.Dense(2, name="mine")(MODELS["gap"].make()(images))
    yield "nested", cases.randomize(keras.Model(images, x))


def saved_models():
    for name in LAYERS:
        yield f"layer_{name}", cases.layer_model(name), LAYERS[name].shape
    for name in MODELS:
        yield f"model_{name}", cases.model(name), MODELS[name].shape
    for name, model in cut_outs():
        yield name, model, (2, *model.input.shape[1:])


@pytest.fixture(scope="module")
def reading(tmp_path_factory):
    """Everything saved here and read there: the folder and the expected outputs."""
    folder, expected, kinds = tmp_path_factory.mktemp("files"), {}, {}
    for name, model, shape in saved_models():
        if hasattr(model, "metadata"):
            model.metadata.update(name=name, class_names=["a", "b"], nested=[{"x": 1}])
        model.save(folder / f"{name}.keras")
        x = inputs(shape)
        np.save(folder / f"{name}.npy", x)
        expected[name] = model, array(model(x))
        kinds[name] = type(model).__name__
    (folder / "list.json").write_text(json.dumps(kinds))
    environment = {**os.environ, "PYTHONPATH": str(Path(keras_vit.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", READER, str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder, expected, json.loads((folder / "report.json").read_text())


NAMES = [
    *(f"layer_{name}" for name in LAYERS),
    *(f"model_{name}" for name in MODELS),
    *("cut_at_patches", "cut_at_patch_encoder", "cut_at_block_00"),
    *("cut_at_encoder_norm", "cut_at_pooling", "cut_dictionary"),
    *("cut_second_half", "nested"),
]


@pytest.mark.slow
def test_a_fresh_process_reads_what_was_saved(reading):
    folder, expected, report = reading

    def check(name):
        model, output = expected[name]
        found = np.load(folder / f"{name}.out.npy")
        np.testing.assert_allclose(found, output, atol=1e-6)
        kind, metadata, settings = report[name]
        assert kind == type(model).__name__
        if hasattr(model, "metadata"):
            assert metadata == model.metadata
            assert metadata["class_names"] == ["a", "b"]
            assert settings == json.loads(json.dumps(model.settings))
            assert settings["family"] in {*FAMILIES, SEGMENTER}

    holds_for_each(NAMES, check)


@pytest.mark.slow
def test_no_file_was_left_untested(reading):
    assert sorted(NAMES) == sorted(reading[2])


# Compiled models ----------------------------------------------------------------------


def test_a_compiled_model_keeps_its_optimizer_and_goes_on(tmp_path):
    def trained(steps):
        keras.utils.set_random_seed(3)
        model = MODELS["token"].make()
        model.compile(keras.optimizers.AdamW(1e-2), "mse", run_eagerly=True)
        for step in range(steps):
            model.train_on_batch(inputs((2, 8, 12, 3), step), inputs((2, 5), step))
        return model

    model = trained(2)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert int(again.optimizer.iterations) == 2
    again.run_eagerly = True
    again.train_on_batch(inputs((2, 8, 12, 3), 2), inputs((2, 5), 2))
    for a, b in zip(again.get_weights(), trained(3).get_weights()):
        np.testing.assert_allclose(a, b, atol=1e-6)


# The `weights` argument ---------------------------------------------------------------


def same_values(model, other):
    for a, b in zip(model.weights, other.weights):
        assert a.path == b.path
        np.testing.assert_array_equal(array(a), array(b))


@pytest.mark.parametrize("name", ["token", "map", "registers", "hybrid", "bit"])
def test_weights_of_a_weights_file(name, tmp_path):
    model = cases.model(name)
    model.save_weights(tmp_path / "model.weights.h5")
    for path in (tmp_path / "model.weights.h5", str(tmp_path / "model.weights.h5")):
        same_values(MODELS[name].make(weights=path), model)


@pytest.mark.parametrize("name", ["token", "map", "registers", "hybrid", "bit"])
def test_weights_of_a_keras_file(name, tmp_path):
    model = cases.model(name)
    model.save(tmp_path / "model.keras")
    same_values(MODELS[name].make(weights=tmp_path / "model.keras"), model)


def test_weights_do_not_change_the_settings(tmp_path):
    model = cases.model("token")
    model.save(tmp_path / "model.keras")
    again = MODELS["token"].make(weights=tmp_path / "model.keras")
    assert again.settings == MODELS["token"].make().settings


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError) as error:
        MODELS["token"].make(weights=tmp_path / "absent.keras")
    assert "absent.keras" in str(error.value)


def test_a_file_of_another_kind_is_named(tmp_path):
    (tmp_path / "model.txt").write_text("no weights")
    with pytest.raises(ValueError, match=r"model\.txt"):
        MODELS["token"].make(weights=tmp_path / "model.txt")


@pytest.mark.parametrize("suffix", [".keras", ".weights.h5"])
@pytest.mark.parametrize(
    "other",
    [
        {"hidden_dim": 32},
        {"num_layers": 3},
        {"num_layers": 1},
        {"mlp_dim": 32},
        {"patch_size": 2},
        {"representation_size": 8},
        {"layer_scale": 0.1},
    ],
    ids=str,
)
def test_a_file_of_another_architecture_is_refused(other, suffix, tmp_path):
    path = tmp_path / f"model{suffix}"
    model = cases.model("token")
    model.save(path) if suffix == ".keras" else model.save_weights(path)
    with pytest.raises(ValueError, match=path.name):
        ViT(**{**cases.SMALL, **other}, weights=path)


@pytest.mark.parametrize("suffix", [".keras", ".weights.h5"])
def test_a_damaged_file_is_named(suffix, tmp_path):
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(b"this is no archive")
    with pytest.raises(ValueError, match="broken"):
        MODELS["token"].make(weights=path)
