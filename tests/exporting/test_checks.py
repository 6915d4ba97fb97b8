"""What is refused, what is deleted, and what stays."""

import dataclasses
import importlib.util
import inspect
import json
import re

import cases
import keras
import numpy as np
import pytest
from cases import array, inputs

import keras_vit
from keras_vit.cli import main
from keras_vit.commands.files.convert import Convert
from keras_vit.commands.files.export import Export
from keras_vit.common.files import replacing
from keras_vit.exporting.formats import FORMATS
from keras_vit.exporting.parity import compare

# Most of this is the same for all formats, and npz is the quickest.


def change_format(monkeypatch, name, **functions):
    """Gives a format another writer or runner."""
    changed = dataclasses.replace(FORMATS[name], **functions)
    monkeypatch.setitem(FORMATS, name, changed)


def test_every_format_is_named_where_one_is_chosen():
    texts = {
        "docstring": keras_vit.export.__doc__,
        "help of export": inspect.getsource(Export),
        "help of convert": inspect.getsource(Convert),
    }
    absent = [
        f"{format} in the {place}"
        for place, text in texts.items()
        for format in FORMATS
        if not re.search(rf"\b{format}\b", text)
    ]
    assert not absent, absent


def test_a_wrong_file_is_deleted_and_the_earlier_one_stays(tmp_path, monkeypatch):
    path = tmp_path / "model.npz"
    keras_vit.export(cases.model("token"), path)
    before = path.read_bytes()
    change_format(
        monkeypatch, "npz", runner=lambda job: lambda images: np.zeros((len(images), 5))
    )
    with pytest.raises(ValueError, match="and was deleted") as error:
        keras_vit.export(cases.model("gap"), path, overwrite=True)
    assert "FAILED" in str(error.value) and "noise, batch of 3" in str(error.value)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["model.npz"]


def test_a_writer_that_breaks_leaves_nothing(tmp_path, monkeypatch):
    def breaks(job):
        job.path.write_text("half")
        raise RuntimeError("out of ideas\nand more")

    change_format(monkeypatch, "npz", write=breaks)
    with pytest.raises(ValueError, match=r"RuntimeError: out of ideas$"):
        keras_vit.export(cases.model("token"), tmp_path / "m.npz")
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_replaced_only_when_asked(tmp_path):
    path = tmp_path / "model.npz"
    path.write_text("precious")
    with pytest.raises(ValueError, match=r"path already exists.*overwrite"):
        keras_vit.export(cases.model("token"), path)
    assert path.read_text() == "precious"
    keras_vit.export(cases.model("token"), path, overwrite=True)
    assert path.read_bytes()[:2] == b"PK"


def test_a_folder_of_other_things_is_never_replaced(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "letter.txt").write_text("dear")
    with pytest.raises(ValueError, match="which holds other things"):
        keras_vit.export(cases.model("token"), folder, "hf", overwrite=True)
    with pytest.raises(ValueError, match="folder of the export does not exist"):
        keras_vit.export(cases.model("token"), tmp_path / "no" / "m", "hf")
    assert (folder / "letter.txt").read_text() == "dear"


def test_a_folder_is_replaced_whole(tmp_path):
    folder = tmp_path / "export"
    keras_vit.export(cases.model("token"), folder, "timm")
    keras_vit.export(cases.model("token"), folder, "hf", overwrite=True)
    assert (folder / "preprocessor_config.json").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["export"]


def test_staging_puts_the_old_folder_back(tmp_path):
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "old").touch()
    with pytest.raises(FileNotFoundError):
        with replacing(tmp_path / "f"):
            pass  # nothing was written
    assert (tmp_path / "f" / "old").exists() and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "path, options, message",
    [
        ("m.onx", {}, "can be left out where the path ends in '.keras', '.npz'"),
        ("m", {"format": "onxn"}, "Did you mean 'onnx'"),
        ("m.npz", {"format": "onnx"}, "must end in .onnx"),
        ("m.onnx", {"format": "saved_model"}, "is a folder"),
        ("m.npz", {"preprocess": True}, "hold no computation.*preprocess"),
        ("m.onnx", {"input_dtype": "uint8"}, "needs `preprocess=True`"),
        ("m.onnx", {"input_dtype": "int4"}, "one of 'float32', 'uint8'"),
        ("m.tflite", {"quantization": "lots"}, "one of 'dynamic', 'static'"),
        (
            "m.tflite",
            {"format": "litert_int8", "quantization": "static"},
            "pass `data=`",
        ),
    ],
)
def test_options_that_contradict_are_refused_first(path, options, message, tmp_path):
    if options.get("format") == "litert_int8":
        pytest.importorskip("ai_edge_litert")
    with pytest.raises(ValueError, match=message):
        keras_vit.export(cases.model("token"), tmp_path / path, **options)
    assert list(tmp_path.iterdir()) == []


def test_features_have_no_probabilities(tmp_path):
    pytest.importorskip("tf2onnx")
    with pytest.raises(ValueError, match="one score per class"):
        keras_vit.export(
            cases.model("token_features"), tmp_path / "m.onnx", postprocess=True
        )


def test_a_missing_package_names_the_extra(tmp_path, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: None if name in ("tf2onnx", "onnxruntime") else found(name),
    )
    with pytest.raises(ImportError, match=r"onnxruntime.*vision-transformer\[export\]"):
        keras_vit.export(cases.model("token"), tmp_path / "m.onnx")


def test_other_backends_are_told_how(tmp_path, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ValueError, match="KERAS_BACKEND=tensorflow keras-vit export"):
        keras_vit.export(cases.model("token"), tmp_path / "m.onnx")


def test_a_quantized_model_is_refused(tmp_path):
    model = cases.randomize(cases.MODELS["token"].make())
    model.get_layer("head").quantize("int8")
    with pytest.raises(ValueError, match="format='litert_int8'"):
        keras_vit.export(model, tmp_path / "m.npz")


def test_not_a_number_is_no_pass():
    ones = np.ones((2, 3))
    assert compare("same", ones, ones).passed
    assert not compare("other", ones, ones * np.nan).passed
    assert not compare("shape", ones, np.ones((2, 4))).passed
    far = compare("far", ones, ones + 2e-4)
    assert not far.passed and far.difference == pytest.approx(2e-4)
    assert compare("far", ones, ones + 2e-4, is_int8=True).passed


@pytest.mark.slow
def test_the_command_prints_the_table(tmp_path, capsys):
    model = cases.model("token")
    model.save(tmp_path / "model.keras")
    args = ["export", str(tmp_path / "model.keras"), str(tmp_path / "m.npz")]
    assert main(args) == 0
    printed = capsys.readouterr().out
    assert "images of fashion_mnist_mini" in printed and "ok" in printed
    assert main(args) == 1
    assert "path already exists" in capsys.readouterr().err
    assert main([*args, "--overwrite", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["format"] == "npz" and len(report["parity"]) == 3
    again = keras_vit.from_checkpoint(tmp_path / "m.npz", image_size=(8, 12))
    x = inputs((2, 8, 12, 3))
    np.testing.assert_allclose(array(again(x)), array(model(x)), atol=1e-6)


@pytest.mark.parametrize(
    ("format", "name"), [("npz", "out.npz"), ("hf", "out"), ("timm", "out")]
)
def test_other_networks_are_not_written_for_other_projects(format, name, tmp_path):
    with pytest.raises(
        ValueError, match=r"of ViT, hybrid and BiT.*'efficientnet'.*onnx"
    ):
        keras_vit.export(cases.model("efficientnet"), tmp_path / name, format)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.keras", "a.weights.h5", "a.safetensors"])
def test_they_are_written_under_their_own_names(name, tmp_path):
    model = cases.model("efficientnet_of_every_size")
    report = keras_vit.export(model, tmp_path / name)
    assert report.path.endswith(name)
    again = keras_vit.from_checkpoint(
        tmp_path / name, padding="symmetric", pooling=None, image_size=(33, 40)
    )
    x = inputs((2, 33, 40, 3))
    np.testing.assert_allclose(array(again(x)), array(model(x)), atol=1e-4)
