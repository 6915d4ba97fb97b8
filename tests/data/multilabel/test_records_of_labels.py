"""TFDS sets whose images have lists of class labels, or groups of booleans."""

import numpy as np
import pytest
import tensorflow_datasets as tfds
from writing import write

import keras_vit.data
from keras_vit.data.readers import records

TASK = {"task": "multilabel"}
NAMES = ["bird", "cat", "dog"]
SETS = [["cat", "dog"], [], ["bird"], ["dog", "dog"]] * 3
LABELS = [[0, 1, 1], [0, 0, 0], [1, 0, 0], [0, 0, 1]] * 3


def prepare(folder, kinds, values, name="several"):
    """A prepared set of twelve images with those features."""
    kinds = {"image": tfds.features.Image(shape=(9, 7, 3)), **kinds}
    images = [np.full((9, 7, 3), i, np.uint8) for i in range(len(values))]
    examples = [{"image": x, **value} for x, value in zip(images, values)]
    write(folder, name, kinds, examples)
    return folder / name


def in_order(source):
    """The labels in the order of the numbers that are the pixels; TFDS shuffles."""
    found = list(source.batches(5, image_size=8))
    pixels, labels = (np.concatenate(column) for column in zip(*found))
    assert labels.dtype == np.float32
    return labels[np.argsort(pixels[:, 0, 0, 0])].tolist()


def test_lists_of_labels_are_read_from_memory_and_in_a_stream(tmp_path, monkeypatch):
    label = tfds.features.ClassLabel(names=NAMES)
    kinds = {"labels": tfds.features.Sequence(label)}
    path = prepare(tmp_path, kinds, [{"labels": names} for names in SETS])
    source = keras_vit.data.load(path, **TASK)
    assert source.class_names == NAMES and in_order(source) == LABELS
    assert keras_vit.data.splits(path, **TASK) == {"train": 12}
    train, test = keras_vit.data.load_splits(path, **TASK)
    assert (train.num_examples, test.num_examples) == (10, 2)
    monkeypatch.setattr(records, "MEMORY_BUDGET", 0)
    streamed = keras_vit.data.load(path, **TASK)
    assert streamed.labels is None
    assert in_order(streamed) == LABELS
    assert streamed.examples_per_class() == {"bird": 3, "cat": 3, "dog": 6}
    with pytest.raises(ValueError, match="--task multilabel"):
        keras_vit.data.load(path)


def test_classes_of_objects_and_groups_of_booleans_are_labels_too(tmp_path):
    label = tfds.features.ClassLabel(names=NAMES)
    kinds = {"objects": tfds.features.Sequence({"label": label, "size": np.float32})}
    objects = [{"label": names, "size": [1.0] * len(names)} for names in SETS]
    path = prepare(tmp_path / "a", kinds, [{"objects": each} for each in objects])
    assert in_order(keras_vit.data.load(path, **TASK)) == LABELS
    kinds = {"attributes": {name: np.bool_ for name in NAMES}}
    flags = [{"attributes": dict(zip(NAMES, map(bool, row)))} for row in LABELS]
    path = prepare(tmp_path / "b", kinds, flags)
    source = keras_vit.data.load(path, **TASK)
    assert in_order(source) == LABELS and source.class_names == NAMES


def test_sets_of_one_label_are_refused(tmp_path):
    kinds = {"label": tfds.features.ClassLabel(names=NAMES)}
    path = prepare(tmp_path, kinds, [{"label": i % 3} for i in range(12)])
    with pytest.raises(ValueError, match=r"one list of class labels.*the lists none"):
        keras_vit.data.load(path, **TASK)
    with pytest.raises(ValueError, match="one label an image"):
        keras_vit.data.load("vtab/dtd", **TASK)
