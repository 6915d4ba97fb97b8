"""The data set that ships with the package."""

import functools
import itertools
import os
import pathlib

import numpy as np
import pytest
import tensorflow as tf

import keras_vit
from keras_vit.data.decoding.jpeg_png import pillow_pixels

ROOT = pathlib.Path(keras_vit.__file__).parent / "data" / "embedded"
DIRECTORY = ROOT / "fashion_mnist_mini" / "1.0.0"
CLASS_NAMES = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"]
CLASS_NAMES += ["Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]


@functools.cache
def whole(split):
    """All (encoded image, label) of a split."""
    source = keras_vit.data.load(f"fashion_mnist_mini:{split}")
    examples = source.examples().batch(1000).as_numpy_iterator()
    pairs = [zip(part["image"], part["label"]) for part in examples]
    return list(itertools.chain.from_iterable(pairs))


def test_it_is_small_and_carries_its_licence():
    files = [file for file in ROOT.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < 4_000_000
    notice = (DIRECTORY / "LICENSE").read_text()
    assert "MIT License" in notice and "Copyright (c) 2017 Zalando SE" in notice


def test_no_file_tells_where_it_was_made():
    for file in DIRECTORY.iterdir():
        content = file.read_bytes()
        assert not any(place in content for place in (b"/tmp/", b"/home/", b"/root/"))


@pytest.mark.parametrize(("split", "per_class"), [("train", 600), ("test", 100)])
def test_it_is_balanced_and_its_classes_are_named(split, per_class):
    source = keras_vit.data.load(f"fashion_mnist_mini:{split}")
    assert source.class_names == CLASS_NAMES
    assert (source.num_channels, source.image_size) == (1, (28, 28))
    assert source.num_examples == 10 * per_class
    labels = [label for _, label in whole(split)]
    assert np.bincount(labels).tolist() == [per_class] * 10


def test_no_test_image_is_a_training_image():
    train, test = ({image for image, _ in whole(s)} for s in ("train", "test"))
    assert len(train) > 5900 and not train & test


def test_images_and_labels_are_those_of_the_original():
    """Runs where the original set lies: `FASHION_MNIST_NPZ` names it."""
    original = os.environ.get("FASHION_MNIST_NPZ")
    if not original:
        pytest.skip("FASHION_MNIST_NPZ is not set")
    with np.load(original) as arrays:
        for split in ("train", "test"):
            known = zip(arrays[f"x_{split}"], arrays[f"y_{split}"])
            labels = {image.tobytes(): int(label) for image, label in known}
            for image, label in whole(split):
                assert labels[pillow_pixels(image).tobytes()] == label


def test_it_trains_offline_and_is_read_like_any_prepared_set():
    by_path = keras_vit.data.load(f"{DIRECTORY}:test[:200]")
    by_name = keras_vit.data.load("fashion_mnist_mini:test[:200]")
    assert by_path.num_examples == by_name.num_examples == 200
    wanted = {"image_size": 28, "num_channels": 1}
    pairs = zip(by_path.batches(64, **wanted).take(2), by_name.batches(64, **wanted))
    for (images, labels), (same_images, same_labels) in pairs:
        assert (images.numpy() == same_images.numpy()).all()
        assert (labels.numpy() == same_labels.numpy()).all()
        assert images.dtype == tf.float32 and labels.dtype == tf.int32
