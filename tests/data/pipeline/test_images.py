"""Prediction sees what evaluation sees."""

import io
import pathlib

import numpy as np
import pytest
from pictures import encode, picture
from PIL import Image

import keras_vit.data
from keras_vit.data import load_image, load_images, preprocessing


@pytest.mark.parametrize("resize", ["stretch", "central_crop"])
@pytest.mark.parametrize("channels", [1, 3])
def test_prediction_equals_evaluation(folder, resize, channels):
    steps = preprocessing((14, 10), resize=resize, num_channels=channels)
    source = keras_vit.data.load(f"{folder}:all")
    evaluated = np.concatenate(
        [images for images, _ in source.batches(8, preprocessing=steps.to_json())]
    )
    files = [folder / file for file in source.files]
    predicted, errors = load_images(files, steps.to_json())
    assert not errors and predicted.dtype == np.float32
    assert (predicted == evaluated).all()


def test_images_come_in_many_forms(tmp_path):
    array, steps = picture(), preprocessing(16)
    file = tmp_path / "with space é.png"
    file.write_bytes(encode(array))
    forms = [file, str(file), encode(array), io.BytesIO(encode(array)), array]
    forms.append(Image.fromarray(array))
    loaded, _ = load_images(forms, steps)
    assert loaded.shape == (6, 16, 16, 3)
    assert (loaded == loaded[:1]).all()


def test_grey_arrays_and_tensors_are_taken():
    grey = picture(channels=1)
    found = load_image(grey, preprocessing(8))
    assert found.shape == (8, 8, 3) and (found[..., 0] == found[..., 2]).all()


def test_rotated_pillow_images_are_set_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(picture(), "JPEG", exif=exif)
    steps = preprocessing((32, 24))
    opened = Image.open(io.BytesIO(data))
    assert (load_image(opened, steps) == load_image(data, steps)).all()


def test_unreadable_files_are_named(tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(encode(picture(), "JPEG")[:200])
    (tmp_path / "text.png").write_text("hello")
    good = tmp_path / "good.png"
    good.write_bytes(encode(picture()))
    steps = preprocessing(8)
    for name in ("broken.jpg", "text.png", "missing.png", ""):
        with pytest.raises(ValueError, match=name.replace(".", r"\.") or "folder"):
            load_image(tmp_path / name, steps)
    files = [broken, good, pathlib.Path("nowhere.png")]
    images, errors = load_images(files, steps, corrupt="skip")
    assert images.shape == (1, 8, 8, 3) and sorted(errors) == [0, 2]
    assert "broken.jpg" in errors[0] and "nowhere.png" in errors[2]
    images, errors = load_images([broken], steps, corrupt="skip")
    assert images.shape == (0, 8, 8, 3)


def test_transparent_arrays_are_laid_over_white():
    array = np.zeros((8, 8, 4), np.uint8)
    array[:4, :, 3] = 255  # black above, nothing below
    found = load_image(array, preprocessing(8))
    assert (found[:4] == -1).all() and (found[4:] == 1).all()
    image = load_image(Image.fromarray(array, "RGBA"), preprocessing(8))
    assert (found == image).all()


@pytest.mark.parametrize(
    ("bad", "hint"),
    [
        (np.zeros((4, 4, 3)), r"float64, shape \(4, 4, 3\). Of values in \[0, 1\]"),
        (np.zeros((4, 4, 3), "int64"), "int64"),
        (np.zeros((4, 4), bool), "bool"),
        (np.zeros((4, 4, 2), np.uint8), r"shape \(4, 4, 2\)"),
        (np.zeros((3, 5, 7), np.uint8), "Channels come last"),
        (np.zeros((0, 4, 3), np.uint8), r"shape \(0, 4, 3\)"),
        (np.zeros((2, 4, 4, 3), np.uint8), r"shape \(2, 4, 4, 3\)"),
        (np.zeros(3, "uint8"), r"shape \(3,\)"),
        (None, "NoneType, object"),
        ({"image": 1}, "dict, object"),
    ],
)
def test_wrong_arrays_are_explained(bad, hint):
    with pytest.raises(ValueError, match=f"uint8 array of shape .*{hint}"):
        load_image(bad, preprocessing(8))
