"""What files for other projects say of images: scaling, resizing and cropping."""

import json

import cases
import keras
import numpy as np
import pytest
from cases import array, inputs

import keras_vit
from keras_vit.data import preprocessing, steps_from_text
from keras_vit.data.steps.preprocessing import Preprocessing
from keras_vit.inference.loaded import preprocessing_of

MEAN, DEVIATION = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def scaled(name="token", **arguments):
    case = cases.MODELS[name]
    return cases.randomize(case.make(input_scaling=(MEAN, DEVIATION), **arguments))


def with_steps(model, text):
    """The model, evaluated with these steps."""
    steps = steps_from_text(text, model.input_shape[1:3])
    model.metadata["preprocessing"] = Preprocessing(steps).to_json()
    return model


def read(folder, name):
    return json.loads((folder / f"{name}.json").read_text())


def test_the_folders_name_the_scaling(tmp_path):
    model = scaled()
    report = keras_vit.export(model, tmp_path / "hf", "hf")
    processor = read(tmp_path / "hf", "preprocessor_config")
    assert processor["image_mean"] == pytest.approx(MEAN)
    assert processor["image_std"] == pytest.approx(DEVIATION)
    assert "mean 0.485, 0.456, 0.406; deviation" in str(report)
    keras_vit.export(model, tmp_path / "timm", "timm")
    cfg = read(tmp_path / "timm", "config")["pretrained_cfg"]
    assert cfg["mean"] == pytest.approx(MEAN) and cfg["std"] == pytest.approx(DEVIATION)


@pytest.mark.parametrize(
    "make",
    [
        lambda: cases.MODELS["token"].make(),
        lambda: scaled(),
        lambda: scaled(include_preprocessing=True),
        lambda: with_steps(cases.MODELS["token"].make(), "resize|value_range(0, 1)"),
        lambda: with_steps(scaled(), "resize|value_range(-2, 3)"),
    ],
    ids=["plain", "scaled", "of pixels", "in [0, 1]", "scaled, in [-2, 3]"],
)
def test_the_scaling_of_a_file_is_what_its_first_layer_reads(make, tmp_path):
    """The numbers of the folder, applied to pixels, are what the patches are cut of."""
    model = make()
    keras_vit.export(model, tmp_path / "m", "hf")
    processor = read(tmp_path / "m", "preprocessor_config")
    pixels = np.random.default_rng(0).integers(0, 256, (2, 8, 12, 3)).astype("float32")
    theirs = pixels * processor["rescale_factor"] - np.array(processor["image_mean"])
    theirs = theirs / np.array(processor["image_std"])
    low, high = keras_vit.models.value_range_of(model)
    entrance = keras.Model(model.input, model.get_layer("patches").input)
    ours = array(entrance(low + pixels / 255 * (high - low)))
    np.testing.assert_allclose(theirs, ours, atol=1e-5)


def test_an_official_file_of_a_vit_scales_in_its_patches(tmp_path):
    model = scaled()
    report = keras_vit.export(model, tmp_path / "m.npz")
    assert report.passed and any(
        "part of the patch projection" in n for n in report.notes
    )
    again = keras_vit.from_checkpoint(tmp_path / "m.npz", image_size=(8, 12))
    assert again.settings["arguments"]["input_scaling"] is None
    x = inputs((2, 8, 12, 3))
    np.testing.assert_allclose(array(again(x)), array(model(x)), atol=2e-5)


@pytest.mark.parametrize("name", ["hybrid", "bit"])
def test_an_official_file_that_cannot_say_the_scaling_is_refused(name, tmp_path):
    case = cases.MODELS[name]
    model = case.make(input_scaling="imagenet")
    with pytest.raises(ValueError, match=r"for images in \[-1, 1\].*0.485"):
        keras_vit.export(model, tmp_path / "m.npz")
    assert list(tmp_path.iterdir()) == []


RESIZED = "resize_small(13,'bicubic',pillow=True)|central_crop"
HUGGING_FACE = [
    ("resize(method='bicubic',pillow=True)", "ViTImageProcessor", 3, "size", (8, 12)),
    (RESIZED, "BitImageProcessor", 3, "size", 13),
    ("resize(9,14,'lanczos3',pillow=True)|central_crop", "Bit", 1, "size", (9, 14)),
    ("central_crop(border=0)", "Bit", 2, "do_resize", False),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    "text, kind, resample, field, value", cases.rest_slow(HUGGING_FACE, 2)
)
def test_a_processor_says_the_models_steps(
    text, kind, resample, field, value, tmp_path
):
    model = with_steps(scaled(), text + "|value_range")
    report = keras_vit.export(model, tmp_path / "m", "hf")
    assert not any("cannot say" in note for note in report.notes)
    processor = read(tmp_path / "m", "preprocessor_config")
    assert processor["image_processor_type"].startswith(kind)
    assert processor["resample"] == resample
    if isinstance(value, tuple):
        value = dict(zip(("height", "width"), value))
    elif field == "size":
        value = {"shortest_edge": value}
    assert processor[field] == value
    crop = processor.get("crop_size")
    assert crop == (None if kind.startswith("ViT") else {"height": 8, "width": 12})


TIMM = [
    ("resize(method='bicubic',pillow=True)", "squash", "bicubic", (8, 12)),
    ("resize(9,14,'bilinear',pillow=True)|central_crop", "squash", "bilinear", (9, 14)),
    (
        "resize(10,15,pillow=True,fit='cover')|central_crop",
        "center",
        "bilinear",
        (10, 15),
    ),
    (
        "resize(method='lanczos3',pillow=True,fit='contain')|central_crop(border=0)",
        "border",
        "lanczos",
        (8, 12),
    ),
]


@pytest.mark.parametrize("text, mode, interpolation, to", cases.rest_slow(TIMM, 2))
def test_a_timm_folder_says_the_models_steps(text, mode, interpolation, to, tmp_path):
    model = with_steps(scaled(), text + "|value_range")
    keras_vit.export(model, tmp_path / "m", "timm")
    cfg = read(tmp_path / "m", "config")["pretrained_cfg"]
    assert (cfg["crop_mode"], cfg["interpolation"]) == (mode, interpolation)
    # As timm finds the size to resize to.
    assert tuple(int(n / cfg["crop_pct"]) for n in (8, 12)) == to
    assert cfg["input_size"] == [3, 8, 12]


@pytest.mark.parametrize("format", cases.rest_slow(["hf", "timm"], 1))
def test_steps_without_words_are_said_in_the_report(format, tmp_path):
    model = with_steps(scaled(), "resize_small(30)|pad(2)|central_crop|value_range")
    report = keras_vit.export(model, tmp_path / "m", format)
    (note,) = [note for note in report.notes if "cannot say" in note]
    assert "pad(2)" in note and "8" in note
    trained = keras_vit.export(cases.model("token"), tmp_path / "n", format)
    (note,) = [note for note in trained.notes if "cannot say" in note]
    assert "resize(8,12)" in note and "antialiasing" in note


EVEN = "|central_crop(halves='even')"
READ_BACK = [
    ("hf", "resize(method='bicubic',pillow=True)"),
    ("hf", RESIZED),
    ("hf", "resize(9,14,'lanczos3',pillow=True)|central_crop"),
    ("hf", "central_crop(border=0)"),
    ("timm", "resize(method='bicubic',pillow=True)"),
    ("timm", "resize(9,14,pillow=True)" + EVEN),
    ("timm", "resize(10,15,pillow=True,fit='cover')" + EVEN),
    (
        "timm",
        "resize(method='nearest',pillow=True,fit='contain')"
        "|central_crop(border=(124,116,104),halves='even')",
    ),
]
NAMES = ["ape", "bee", "cat", "dog", "elk"]


@pytest.mark.slow
@pytest.mark.parametrize("format, text", cases.rest_slow(READ_BACK, 2))
def test_a_folder_read_back_is_the_same_model(format, text, tmp_path):
    """Scaling, steps and class names, and so the probabilities of a photo."""
    model = with_steps(scaled(epsilon=1e-6), text + "|value_range")
    model.metadata["class_names"] = NAMES
    keras_vit.export(model, tmp_path / "m", format)
    again = keras_vit.from_checkpoint(tmp_path / "m")
    np.testing.assert_allclose(
        again.settings["arguments"]["input_scaling"], [MEAN, DEVIATION], rtol=1e-6
    )
    assert preprocessing_of(again) == preprocessing_of(model)
    assert again.metadata["class_names"] == NAMES
    photo = np.random.default_rng(0).integers(0, 256, (30, 41, 3)).astype("uint8")
    one, two = (keras_vit.predict(m, photo)[0].classes for m in (model, again))
    assert [name for name, _ in one] == [name for name, _ in two]
    np.testing.assert_allclose([p for _, p in one], [p for _, p in two], atol=1e-5)


def test_timm_crops_what_is_not_square_by_its_own_interpolation(tmp_path):
    """`transforms_imagenet_eval` passes no interpolation on to `ResizeKeepRatio`."""
    model = with_steps(scaled(epsilon=1e-6), READ_BACK[6][1] + "|value_range")
    keras_vit.export(model, tmp_path / "m", "timm")
    config = read(tmp_path / "m", "config")
    config["pretrained_cfg"]["interpolation"] = "bicubic"
    (tmp_path / "m" / "config.json").write_text(json.dumps(config))
    again = keras_vit.from_checkpoint(tmp_path / "m")
    assert preprocessing_of(again) == preprocessing_of(model)


def test_names_survive_a_constructor_with_weights(tmp_path):
    model = scaled(epsilon=1e-6)
    model.metadata["class_names"] = NAMES
    keras_vit.export(model, tmp_path / "m", "hf")
    case = cases.MODELS["token"]
    again = case.make(weights=str(tmp_path / "m"), epsilon=1e-6)
    assert again.metadata["class_names"] == NAMES
    other = case.make(num_classes=7, weights=str(tmp_path / "m"), epsilon=1e-6)
    assert "class_names" not in other.metadata


@pytest.mark.slow
def test_a_model_of_every_size_says_what_its_metadata_say(tmp_path):
    case = cases.MODELS["bit"]
    model = cases.randomize(case.make(image_size=(None, None)))
    keras_vit.export(model, tmp_path / "a", "hf")
    assert read(tmp_path / "a", "preprocessor_config")["size"]["height"] == 224
    model.metadata["preprocessing"] = preprocessing((48, 64)).to_json()
    keras_vit.export(model, tmp_path / "b", "hf")
    size = read(tmp_path / "b", "preprocessor_config")["size"]
    assert size == {"height": 48, "width": 64}
