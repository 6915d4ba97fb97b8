"""What exported files say of themselves, and the printed lines that use it."""

import contextlib
import io
import json
import os
import zipfile
from types import SimpleNamespace

import cases
import keras
import numpy as np
import pytest
from PIL import Image

import keras_vit
from keras_vit.data.steps import CentralCrop, Resize, ResizeSmall, ValueRange
from keras_vit.exporting.describing import describe
from keras_vit.exporting.usage import usage

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="TensorFlow writes graphs"
)
SIZE = (8, 12)
NAMES = list("abcde")
STEPS = {
    "stretch": [Resize(*SIZE)],
    "antialias": [Resize(*SIZE, antialias=True)],
    "pillow": [Resize(*SIZE, "bicubic", pillow=True)],
    "middle": [ResizeSmall(13), CentralCrop(*SIZE)],
    "torchvision": [
        ResizeSmall(15, "bilinear", pillow=True),
        CentralCrop(*SIZE, halves="even"),
    ],
    "cover": [Resize(9, 13, "bicubic", fit="cover", pillow=True), CentralCrop(*SIZE)],
}


@pytest.fixture
def photo(tmp_path, monkeypatch):
    """A photo that is not square and that its file turns, where the lines look."""
    monkeypatch.chdir(tmp_path)
    rng, exif = np.random.default_rng(2), Image.Exif()
    exif[0x0112] = 6
    pixels = Image.fromarray(rng.integers(0, 256, (7, 5, 3)).astype("uint8"))
    pixels.resize((53, 41)).save("photo.jpg", exif=exif, quality=95)
    return "photo.jpg"


def model_with(steps, name="token", low=-1.0, high=1.0):
    model = cases.randomize(cases.MODELS[name].make())
    steps = keras_vit.data.Preprocessing(
        (*steps, ValueRange(low, high)), model.input_shape[-1]
    )
    model.metadata.update(preprocessing=steps.to_json(), class_names=NAMES)
    return model


def executed(lines, **given):
    """What is left in the names of lines of Python."""
    names = dict(given)
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        exec("\n".join(lines), names)
    return names, shown.getvalue()


@pytest.mark.parametrize("name", STEPS)
def test_the_lines_prepare_a_photo_as_predict_does(photo, name):
    model = model_with(STEPS[name])
    job = SimpleNamespace(
        model=model,
        plain=model,
        value_range=(-1, 1),
        preprocess=False,
        postprocess=False,
        input_dtype="float32",
    )
    about = json.loads(json.dumps(describe(job, "logits")))
    lines = usage(about, "m.onnx", "onnx")
    start = next(i for i, line in enumerate(lines) if line.startswith("photo ="))
    end = next(i for i, line in enumerate(lines) if line.startswith("y ="))
    from PIL import ImageOps

    given = {"np": np, "Image": Image, "ImageOps": ImageOps, "about": about}
    names, _ = executed(lines[start:end], **given)
    expected = keras_vit.data.load_image(photo, model.metadata["preprocessing"])
    # A level of 255, where Pillow and TensorFlow decide otherwise about a half.
    bar = 1.01 * 2 / 255 if about["resize"]["pillow"] else 2e-5
    np.testing.assert_allclose(names["x"][0], expected, atol=bar)
    assert abs(names["x"][0] - expected).mean() < 2e-4


def test_where_other_steps_prepare_images_there_are_no_lines():
    model = model_with([Resize(*SIZE, "gaussian")])
    job = SimpleNamespace(
        model=model,
        plain=model,
        value_range=(-1, 1),
        preprocess=False,
        postprocess=False,
        input_dtype="float32",
    )
    about = describe(job, "logits")
    assert usage(about, "m.onnx", "onnx") == []
    assert about["steps"][0]["method"] == "gaussian"
    assert usage({**about, "output": None}, "m.onnx", "onnx") == []


KINDS = {
    "onnx": ("m.onnx", {}),
    "litert": ("m.tflite", {"preprocess": True, "input_dtype": "uint8"}),
    "saved_model": ("m", {"preprocess": True, "postprocess": True}),
}


@pytest.mark.slow
@pytest.mark.parametrize("format", KINDS)
def test_the_printed_lines_give_what_predict_gives(photo, tmp_path, format):
    for package in {
        "onnx": ("onnxruntime", "tf2onnx"),
        "litert": ("ai_edge_litert",),
    }.get(format, ()):
        pytest.importorskip(package)
    file, options = KINDS[format]
    model = model_with(STEPS["stretch"])
    report = keras_vit.export(model, file, format, **options)
    printed = str(report).split("To use it:\n\n")[1].splitlines()
    lines = [line.removeprefix("    ") for line in printed]
    assert lines == report.usage
    names, shown = executed(lines)
    (expected,) = keras_vit.predict(model, photo)
    found = [(name, share) for share, name in eval(shown)]
    # Pixels of uint8 are rounded.
    bar = 0.02 if options.get("input_dtype") == "uint8" else 1e-5
    assert dict(found) == pytest.approx(dict(expected.classes), abs=bar)
    about = names["about"]
    assert about["classes"] == NAMES
    assert about["input"]["shape"] == [None, *SIZE, 3]
    assert about["input"]["range"] == ([0, 255] if options else [-1, 1])
    if format == "litert":
        with zipfile.ZipFile(file) as archive:
            assert archive.read("labels.txt").decode().split() == NAMES
    assert os.path.exists(file)
