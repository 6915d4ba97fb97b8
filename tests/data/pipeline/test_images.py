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
        with pytest.raises(ValueError, match=name.replace(".", r"\.") or "directory"):
            load_image(tmp_path / name, steps)
    files = [broken, good, pathlib.Path("nowhere.png")]
    images, errors = load_images(files, steps, corrupt="skip")
    assert images.shape == (1, 8, 8, 3) and sorted(errors) == [0, 2]
    assert "broken.jpg" in errors[0] and "nowhere.png" in errors[2]
    images, errors = load_images([broken], steps, corrupt="skip")
    assert images.shape == (0, 8, 8, 3)


def test_wrong_arrays_are_explained():
    for bad in (
        np.zeros((4, 4, 3)),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros(3, "uint8"),
    ):
        with pytest.raises(ValueError, match="uint8 array"):
            load_image(bad, preprocessing(8))
