"""Finding data sets by name, by path, and splitting them."""

import os
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow_datasets as tfds
from pictures import encode, picture
from writing import write

import keras_vit
from keras_vit.data import load, load_splits, splits

EMBEDDED = pathlib.Path(keras_vit.__file__).parent / "data/embedded"


def test_split_syntax_is_that_of_tfds():
    assert load("fashion_mnist_mini").split == "train"
    assert load("fashion_mnist_mini:test").num_examples == 1000
    assert load("fashion_mnist_mini:train[:80%]").num_examples == 4800
    assert load("fashion_mnist_mini:train[:10]+test[-5:]").num_examples == 15
    assert splits("fashion_mnist_mini") == {"train": 6000, "test": 1000}


def test_train_and_test_are_found():
    train, test = load_splits("fashion_mnist_mini")
    assert (train.split, test.split) == ("train", "test")
    train, test = load_splits("fashion_mnist_mini:train[:90%]", test="train[90%:]")
    assert (train.num_examples, test.num_examples) == (5400, 600)


@pytest.fixture
def only_train(tmp_path):
    """A prepared TFDS directory of ten images and one split."""
    features = {
        "image": tfds.features.Image(shape=(8, 8, 1)),
        "label": tfds.features.ClassLabel(num_classes=2),
    }
    image = np.zeros((8, 8, 1), "uint8")
    examples = [{"image": image, "label": i % 2} for i in range(10)]
    write(tmp_path, "only_train", features, examples)
    return str(tmp_path / "only_train")


def test_a_set_without_a_test_split_is_cut(only_train, caplog):
    caplog.set_level("INFO")
    assert [part.num_examples for part in load_splits(only_train)] == [8, 2]
    assert "has no test split: using" in caplog.text
    for split in ("train[:70%]", "all"):
        with pytest.raises(ValueError, match=r"the part for the test too.*test_split"):
            load_splits(f"{only_train}:{split}")
    with pytest.raises(ValueError, match="written as in TFDS"):
        load(f"{only_train}:all[:70%]")
    parts = load_splits(f"{only_train}:train[:70%]", test="train[70%:]")
    assert [part.num_examples for part in parts] == [7, 3]


def test_a_split_that_is_not_there_is_not_cut(only_train, caplog):
    caplog.set_level("INFO")
    with pytest.raises(ValueError, match=r"splits train\. Received: split='trian'"):
        load_splits(f"{only_train}:trian")
    assert "trian" not in caplog.text


def test_a_prepared_directory_is_found_from_its_parents(tmp_path):
    shutil.copytree(EMBEDDED / "fashion_mnist_mini", tmp_path / "my_set")
    for path in (tmp_path / "my_set", tmp_path / "my_set" / "1.0.0"):
        assert load(path).num_examples == 6000
        assert load(f"{path}:test[:50%]").num_examples == 500
    assert load("my_set:test", data_dir=tmp_path).num_examples == 1000
    assert load("my_set:1.0.0:test", data_dir=tmp_path).num_examples == 1000


def test_several_configurations_must_be_told_apart(tmp_path):
    for name in ("small", "large"):
        version = tmp_path / "sets" / name / "1.0.0"
        version.mkdir(parents=True)
        (version / "dataset_info.json").write_text("{}")
    with pytest.raises(ValueError, match=r"several prepared.*large.*small"):
        load(tmp_path / "sets")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fashion_mnist_mimi", "Did you mean fashion_mnist"),
        ("cifr10", "cifar10"),
        ("fashion_mnist_mini:validation", "splits train, test"),
        ("fashion_mnist_mini:train[:8x]", "written as in TFDS"),
        ("./no_such_folder", r"no folder \./no_such_folder"),
        ("what is this?", "path of a folder that exists"),
    ],
)
def test_unknown_names_and_splits_are_explained(name, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        load(name, data_dir=tmp_path)


def test_a_folder_is_split_by_itself(folder):
    train, test = load_splits(folder, test_fraction=0.3)
    assert (train.num_examples, test.num_examples) == (21, 9)
    assert np.bincount(train.labels).tolist() == [14, 7]
    assert train.class_names == test.class_names == ["cat", "dog"]
    everything = load(f"{folder}:all").files
    assert sorted(train.files + test.files) == everything
    assert "cat/00 é.png" in everything
    again = load_splits(str(folder), test_fraction=0.3)
    assert [train.files, test.files] == [source.files for source in again]
    other = load_splits(folder, test_fraction=0.3, split_seed=1)
    assert other[1].files != test.files


def test_the_split_does_not_depend_on_the_file_system(folder, tmp_path, monkeypatch):
    before = load(f"{folder}:test").files
    walk = os.walk

    def backwards(path, **options):
        for here, inner, files in walk(path, **options):
            yield here, inner, files[::-1]

    monkeypatch.setattr(os, "walk", backwards)
    assert load(f"{folder}:test").files == before
    monkeypatch.undo()
    moved = shutil.move(folder, tmp_path / "elsewhere")
    assert load(f"{moved}:test").files == before


def test_part_of_a_folder_has_all_classes(folder):
    half = load(f"{folder}:all[:50%]")
    rest = load(f"{folder}:all[50%:]")
    assert half.num_examples == 15 and not set(half.files) & set(rest.files)
    assert set(half.labels) == {0, 1}


def test_split_folders_are_used(folder, tmp_path):
    root = tmp_path / "split"
    shutil.copytree(folder, root / "train")
    shutil.copytree(folder, root / "val")
    assert splits(root) == {"train": 30, "validation": 30}
    train, test = load_splits(root)
    assert train.files[0] == "train/cat/00 é.png"
    assert (test.split, test.files[0]) == ("validation", "val/cat/00 é.png")
    shutil.copytree(folder, root / "test")
    assert load_splits(root)[1].split == "test"
    assert load(f"{root}:all").num_examples == 90


def test_folders_are_read_as_they_are(folder):
    source = load(f"{folder}:all")
    images = list(source.examples().as_numpy_iterator())
    assert images[0]["image"] == (folder / "cat" / "00 é.png").read_bytes()
    assert images[0]["id"].decode() == str(folder / "cat" / "00 é.png")
    assert [example["label"] for example in images] == [0] * 20 + [1] * 10
    batch, labels = next(iter(source.batches(30, image_size=(16, 12))))
    assert batch.shape == (30, 16, 12, 3) and labels.numpy().sum() == 10


def test_grey_folders_are_noticed(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for i in range(3):
            data = encode(picture(9, 7, channels=1, seed=i), "JPEG")
            (tmp_path / name / f"{i}.jpg").write_bytes(data)
    source = load(f"{tmp_path}:all")
    assert (source.num_channels, source.image_size) == (1, (9, 7))
    assert next(iter(source.batches(2, image_size=8)))[0].shape == (2, 8, 8, 3)
    grey = next(iter(source.batches(2, image_size=8, num_channels=1)))[0]
    assert grey.shape == (2, 8, 8, 1)


def test_names_that_are_not_unicode_are_read(folder):
    strange = os.fsencode(folder / "cat") + b"/\xff\xfe.png"
    with open(strange, "wb") as file:
        file.write(encode(picture()))
    source = load(f"{folder}:all")
    assert source.num_examples == 31
    assert any("\\udcff" in file for file in source.files)
    assert sum(len(labels) for _, labels in source.batches(8, image_size=8)) == 31


def test_skipped_images_are_named_and_counted(folder, caplog):
    for name in ("cat/03 é.jpeg", "dog/00 é.png"):
        (folder / name).write_bytes((folder / name).read_bytes()[:200])
    seen = []
    source = load(
        f"{folder}:all", corrupt="skip", progress=lambda *counts: seen.append(counts)
    )
    assert source.num_examples == 28 and seen[-1] == (30, 30)
    names = [pathlib.Path(name).name for name, _ in source.skipped]
    assert names == ["03 é.jpeg", "00 é.png"]
    assert "2 of 30 images" in caplog.text and "03 é.jpeg" in caplog.text
    assert sum(len(labels) for _, labels in source.batches(8, image_size=8)) == 28
    stream = source.batches(7, image_size=8, training=True, epochs=1)
    assert len(list(stream)) == source.steps_per_epoch(7) == 4


def test_an_unknown_policy_is_an_error(folder):
    with pytest.raises(ValueError, match="corrupt='ignore'"):
        load(folder, corrupt="ignore")


def test_arrays_are_checked():
    images, labels = np.zeros((4, 5, 6, 3), np.uint8), np.arange(4)
    source = keras_vit.data.from_arrays(images, labels[:, None])
    assert source.class_names == ["0", "1", "2", "3"]
    for bad in (images / 255.0, images[..., :2], images[0, 0]):
        with pytest.raises(ValueError, match="must be uint8"):
            keras_vit.data.from_arrays(bad, labels)
    for bad in (labels[:3], labels / 2):
        with pytest.raises(ValueError, match="one per image"):
            keras_vit.data.from_arrays(images, bad)
    with pytest.raises(ValueError, match="from 0 to 3"):
        keras_vit.data.from_arrays(images, labels, ["a", "b"])
