"""What is no image, or too much of one, is an error of that file; nothing waits."""

import os
import struct
import zlib

import cases
import numpy as np
import pytest
import tensorflow as tf
from pictures import encode, picture
from PIL import Image

import keras_vit.data
from keras_vit.data import load_image, preprocessing
from keras_vit.data.decoding import pillow

REASONS = {
    "pipe.png": "a pipe, no regular file",
    "endless.png": "a link to /dev/zero, a device",
    "gone.png": "a link that leads nowhere, to moved-away.png",
    "loop.png": "a link that leads back to itself",
    "text.png": "not an image",
    "sparse.png": "more than the",
}


@pytest.fixture
def odd(folder):
    """A folder of 30 images, and beside the cats what is none."""
    cats = folder / "cat"
    os.mkfifo(cats / "pipe.png")
    (cats / "endless.png").symlink_to("/dev/zero")
    (cats / "gone.png").symlink_to("moved-away.png")
    (cats / "loop.png").symlink_to("loop.png")
    (cats / "text.png").write_text("hello")
    with open(cats / "sparse.png", "wb") as file:
        file.truncate(2**40)
    return folder


def test_what_is_no_image_is_left_out_and_the_others_are_as_without_it(odd):
    source = keras_vit.data.load(f"{odd}:all", corrupt="skip")
    assert len(source.skipped) == len(REASONS)
    for name, reason in source.skipped:
        assert REASONS[os.path.basename(name)] in reason
    found = list(source.batches(30, image_size=8))
    for name in REASONS:
        (odd / "cat" / name).unlink()
    plain = list(keras_vit.data.load(f"{odd}:all").batches(30, image_size=8))
    assert len(found) == len(plain) == 1
    for with_odd_files, without in zip(found[0], plain[0]):
        np.testing.assert_array_equal(with_odd_files, without)


@pytest.mark.parametrize(
    "name", cases.rest_slow(["pipe.png", "endless.png", "gone.png"], 1)
)
def test_what_is_no_file_stops_a_training_by_its_name(odd, name):
    for other in REASONS.keys() - {name}:
        (odd / "cat" / other).unlink()
    batches = keras_vit.data.load(f"{odd}:all").batches(31, image_size=8, training=True)
    with pytest.raises(tf.errors.OpError) as caught:
        next(iter(batches))
    assert f"Corrupt image: {odd}/cat/{name}: {REASONS[name]}" in str(caught.value)


def test_a_file_that_vanishes_after_the_scan_is_named(folder):
    source = keras_vit.data.load(f"{folder}:all")
    (folder / "cat" / "04 é.png").unlink()
    with pytest.raises(tf.errors.OpError, match=r"04 é\.png: not there"):
        list(source.batches(10, image_size=8))


@pytest.mark.parametrize("name", REASONS)
def test_prediction_names_it(odd, name):
    with pytest.raises(ValueError, match=name) as caught:
        load_image(odd / "cat" / name, preprocessing(8))
    assert REASONS[name] in str(caught.value)


class Exploding:
    """A decoder that fails as no one expects."""

    def __init__(self, error):
        self.error = error

    def __call__(self, image):
        raise self.error


@pytest.mark.parametrize(
    "error",
    [
        *(RuntimeError("Failed to decode frame 0"), MemoryError(), zlib.error("-3")),
        *(struct.error("unpack"), OverflowError("too big"), StopIteration()),
        *(KeyError(7), RecursionError(), SystemError("NULL"), EOFError()),
    ],
    ids=repr,
)
def test_whatever_a_decoder_raises_is_about_its_file_alone(folder, monkeypatch, error):
    webp = folder / "cat" / "broken.webp"
    webp.write_bytes(encode(picture(), "WEBP"))
    monkeypatch.setattr(pillow, "pixels", Exploding(error))  # of all but JPEG and PNG
    with pytest.raises(ValueError, match=r"broken\.webp"):
        load_image(webp, preprocessing(8))
    source = keras_vit.data.load(f"{folder}:all", corrupt="skip")
    assert source.num_examples == 30
    assert [os.path.basename(name) for name, _ in source.skipped] == ["broken.webp"]


def test_a_pillow_image_that_cannot_be_decoded_is_a_value_error(tmp_path):
    (tmp_path / "cut.jpg").write_bytes(encode(picture(), "JPEG")[:700])
    with pytest.raises(ValueError, match="not a readable image"):
        load_image(Image.open(tmp_path / "cut.jpg"), preprocessing(8))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "TIFF"])
def test_the_users_limit_of_pixels_holds_for_every_format(monkeypatch, kind):
    data = encode(picture(24, 32), kind)  # 768 pixels
    monkeypatch.setenv("KERAS_VIT_MAX_PIXELS", "768")
    assert load_image(data, preprocessing(8)).shape == (8, 8, 3)
    monkeypatch.setenv("KERAS_VIT_MAX_PIXELS", "767")
    with pytest.raises(ValueError, match=r"768 .*limit of 767; .*KERAS_VIT_MAX_PIXELS"):
        load_image(data, preprocessing(8))


def test_a_limit_that_is_no_number_is_not_the_fault_of_an_image(monkeypatch, folder):
    monkeypatch.setenv("KERAS_VIT_MAX_PIXELS", "many")
    for read in (
        lambda: load_image(encode(picture()), preprocessing(8)),
        lambda: keras_vit.data.describe(folder),
        lambda: keras_vit.data.load(folder),
    ):
        with pytest.raises(ValueError, match=r"^The environment variable KERAS_VIT_M"):
            read()


def test_an_image_beyond_the_limit_is_left_out_with_its_size_and_the_option(
    folder, monkeypatch
):
    (folder / "cat" / "large.png").write_bytes(encode(picture(50, 60)))
    monkeypatch.setenv("KERAS_VIT_MAX_PIXELS", "2,999")
    source = keras_vit.data.load(f"{folder}:all", corrupt="skip")
    ((name, reason),) = source.skipped
    assert name == f"{folder}/cat/large.png" and source.num_examples == 30
    assert "50 x 60 pixels (height x width), 3,000 in all" in reason
    assert "limit of 2,999" in reason and "KERAS_VIT_MAX_PIXELS" in reason


def test_decoded_images_are_in_memory_once(folder):
    size = 3 * 24 * 32
    for number in range(30):
        (folder / "dog" / f"same{number}.png").write_bytes(encode(picture(seed=number)))
    for file in folder.rglob("* é.*"):
        file.unlink()
    for number in range(30):
        (folder / "cat" / f"same{number}.png").write_bytes(
            encode(picture(seed=-number))
        )
    source = keras_vit.data.load(f"{folder}:all")
    store = source._cached("auto")
    images, _, _ = store.tensors
    assert store.images.nbytes == 60 * size
    store.images[7, 5, 3, 2] ^= 255  # the tensor's memory is the array's
    assert (images.numpy() == store.images).all()


def test_arrays_of_the_user_are_copied_once_and_not_shared():
    given = np.zeros((5, 8, 8, 3), np.uint8)
    source = keras_vit.data.from_arrays(given, [0, 1, 0, 1, 0])
    images, _, _ = source.store.tensors
    given += 9
    assert not images.numpy().any() and not source.store.images.any()


@pytest.mark.slow
def test_a_panorama_is_a_photo(folder, recwarn):
    image = Image.new("1", (20_000, 9_000))  # 180 million pixels
    image.paste(1, (10_000, 0, 20_000, 9_000))
    image.save(folder / "cat" / "panorama.png")
    found = load_image(folder / "cat" / "panorama.png", preprocessing((9, 20)))
    assert (found[:, :10] == -1).all() and (found[:, 10:] == 1).all()
    source = keras_vit.data.load(f"{folder}:all", corrupt="skip")
    assert source.num_examples == 31 and not source.skipped
    assert not [
        w for w in recwarn if issubclass(w.category, Warning) and "bomb" in str(w)
    ]
