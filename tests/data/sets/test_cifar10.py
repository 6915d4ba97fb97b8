"""Real CIFAR-10 as a prepared TFDS directory, where the arrays are at hand.

Set KERAS_VIT_TEST_DATA to a folder with `cifar10.npz`: `x_train`, `y_train`, `x_test`
and `y_test`, as `keras.datasets.cifar10.load_data` returns them.
"""

import importlib.util
import os
import pathlib

import numpy as np
import pytest

from keras_vit.data import describe, load, load_splits, preprocessing

FOLDER = os.environ.get("KERAS_VIT_TEST_DATA")
ARRAYS = pathlib.Path(FOLDER or "", "cifar10.npz")
ROOT = pathlib.Path(__file__).resolve().parents[3]
needs_cifar10 = pytest.mark.skipif(
    not (FOLDER and ARRAYS.is_file()),
    reason="KERAS_VIT_TEST_DATA names no folder with cifar10.npz",
)


def script():
    path = ROOT / "benchmarks" / "make_cifar10.py"
    spec = importlib.util.spec_from_file_location("make_cifar10", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check(arrays, data_dir, per_class):
    train, test = load_splits("cifar10", data_dir)
    assert train.num_examples == test.num_examples == 10 * per_class
    assert train.class_names[:2] == ["airplane", "automobile"]
    assert set(train.examples_per_class().values()) == {per_class}
    assert (train.image_size, train.num_channels) == ((32, 32), 3)
    # Every image is one of the arrays', with its label.
    known = {
        image.tobytes(): int(label)
        for image, label in zip(arrays["x_test"], arrays["y_test"].ravel())
    }
    for images, labels in test.batches(64, image_size=32):
        pixels = np.round((images.numpy() + 1) * 127.5).astype(np.uint8)
        assert [known[image.tobytes()] for image in pixels] == labels.numpy().tolist()
    found = describe("cifar10", data_dir)
    assert found.prepared and found.splits["train"] == 10 * per_class
    assert load("cifar10:train,per_class=2", data_dir).num_examples == 20


def test_arrays_become_a_prepared_directory(tmp_path):
    random = np.random.default_rng(0)
    arrays = {}
    for split in ("train", "test"):
        arrays[f"x_{split}"] = random.integers(0, 256, (60, 32, 32, 3), np.uint8)
        arrays[f"y_{split}"] = (np.arange(60) % 10).astype(np.uint8)[:, None]
    np.savez(tmp_path / "cifar10.npz", **arrays)
    script().main(str(tmp_path / "cifar10.npz"), str(tmp_path / "out"), "3")
    check(arrays, tmp_path / "out", 3)


@needs_cifar10
def test_real_cifar10_becomes_a_prepared_directory(tmp_path):
    with np.load(ARRAYS) as file:
        arrays = {name: file[name] for name in file.files}
    script().main(str(ARRAYS), str(tmp_path), "100")
    check(arrays, tmp_path, 100)
    source = load("cifar10", tmp_path).take_per_class(100)
    steps = preprocessing(32, value_range=(0, 255))
    images, _ = next(iter(source.batches(1000, preprocessing=steps)))
    # The mean of the whole training set.
    assert images.numpy().mean() == pytest.approx(120.7, abs=3)
