"""TFDS sets: mocked ones, ones read in a stream, and ones without labels."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from pictures import encode, picture
from writing import write, write_numbered

import keras_vit.data
from keras_vit.data.readers import records


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write_numbered(tmp_path_factory.mktemp("numbered"))


@pytest.fixture(scope="module")
def broken_path(tmp_path_factory):
    images = [encode(picture(9 + i, 9, seed=i)) for i in range(12)]
    images[5] = images[5][:60]
    kinds = {
        "image": tfds.features.Image(),
        "label": tfds.features.ClassLabel(num_classes=2),
    }
    return write_numbered(tmp_path_factory.mktemp("broken"), 12, images, **kinds)


@pytest.fixture
def streamed(path, monkeypatch):
    monkeypatch.setattr(records, "MEMORY_BUDGET", 0)
    source = keras_vit.data.load(path)
    assert isinstance(source.store, records.RecordStore)
    return source


def numbers(dataset):
    return [
        np.round((x[:, 0, 0, 0] + 1) * 127.5).astype(int).tolist() for x, _ in dataset
    ]


def flat(lists):
    return list(itertools.chain.from_iterable(lists))


WANTED = dict(image_size=4, num_channels=1, training=True, augment="none")


def test_mocked_tfds_sets_go_through_the_whole_pipeline(monkeypatch, tmp_path):
    monkeypatch.setattr("keras_vit.data.sets.downloads.answer", lambda url: None)
    with tfds.testing.mock_data(num_examples=7):
        source = keras_vit.data.load("cifar10:train[:50%]", data_dir=tmp_path)
        assert source.num_classes == 10 and source.num_examples == 7
        batches = list(source.batches(3, image_size=32))
    assert [len(labels) for _, labels in batches] == [3, 3, 1]
    assert batches[0][0].shape == (3, 32, 32, 3)


def test_a_streamed_set_comes_whole_in_every_epoch(streamed):
    found = numbers(streamed.batches(5, epochs=2, **WANTED))
    first, second = flat(found[:6]), flat(found[6:])
    assert sorted(first) == sorted(second) == list(range(30))
    assert first != second
    evaluated = numbers(streamed.batches(8, image_size=4))
    assert sorted(flat(evaluated)) == list(range(30))
    ids = [example["id"] for example in streamed.examples().as_numpy_iterator()]
    assert len(set(ids)) == 30 and b"numbered-train.tfrecord-0000" in ids[0]


def test_a_streamed_set_can_start_at_any_step(streamed):
    options = {**WANTED, "augment": "crop_flip", "seed": 4}
    tf.random.set_seed(1)
    whole = [x.numpy() for x, _ in streamed.batches(4, epochs=3, **options)]
    for start in (6, 7, 15):
        tf.random.set_seed(start)  # must not matter
        rest = streamed.batches(4, epochs=3, start_step=start, **options)
        rest = [x.numpy() for x, _ in rest]
        assert len(rest) == 21 - start
        assert all((a == b).all() for a, b in zip(rest, whole[start:]))


def test_parts_of_a_streamed_set_are_disjoint(path, monkeypatch):
    monkeypatch.setattr(records, "MEMORY_BUDGET", 0)
    parts = [keras_vit.data.load(f"{path}:train{p}") for p in ("[:70%]", "[70%:]")]
    assert [part.num_examples for part in parts] == [21, 9]
    found = [flat(numbers(part.batches(4, image_size=4))) for part in parts]
    assert sorted(flat(found)) == list(range(30))


def test_streamed_and_kept_sets_hold_the_same(path, monkeypatch):
    kept = flat(numbers(keras_vit.data.load(path).batches(8, image_size=4)))
    monkeypatch.setattr(records, "MEMORY_BUDGET", 0)
    streamed = flat(numbers(keras_vit.data.load(path).batches(8, image_size=4)))
    assert kept == streamed


def test_secret_labels_are_refused_and_not_taken_for_the_test(tmp_path, monkeypatch):
    def example(label):
        return {"image": np.full((6, 6, 3), 9, np.uint8), "label": label}

    labels = tfds.features.ClassLabel(num_classes=2)
    features = {"image": tfds.features.Image(shape=(6, 6, 3)), "label": labels}
    examples = {"train": [0, 1] * 4, "validation": [1, 0], "test": [-1, -1]}
    examples = {k: [example(label) for label in v] for k, v in examples.items()}
    write(tmp_path, "secret", features, examples)
    monkeypatch.setattr(records, "MEMORY_BUDGET", 0)
    _, test = keras_vit.data.load_splits("secret", tmp_path)
    assert test.split == "validation"
    hidden = keras_vit.data.load("secret:test", tmp_path)
    with pytest.raises(tf.errors.OpError) as caught:
        list(hidden.batches(2, image_size=4))
    message = keras_vit.data.corrupt_message(caught.value)
    assert "without a label: secret-test" in message and "split" in message


@pytest.mark.slow
@pytest.mark.parametrize("budget", [0, 2**20])
def test_broken_records_are_named_or_skipped(broken_path, monkeypatch, budget):
    monkeypatch.setattr(records, "MEMORY_BUDGET", budget)
    source = keras_vit.data.load(broken_path)
    with pytest.raises(tf.errors.OpError) as caught:
        list(source.batches(4, image_size=8))
    assert "numbered-train.tfrecord" in keras_vit.data.corrupt_message(caught.value)
    rest = keras_vit.data.load(broken_path, corrupt="skip")
    assert rest.num_examples == 11 and "numbered-train" in rest.skipped[0][0]
    assert sum(len(labels) for _, labels in rest.batches(4, image_size=8)) == 11
    stream = rest.batches(5, image_size=8, training=True, epochs=3)
    assert len(list(stream)) == 6


def test_sets_without_labels_are_refused(tmp_path):
    kinds = {"image": tfds.features.Image(shape=(4, 4, 1)), "label": np.int64}
    with pytest.raises(ValueError, match=r"no labels.*one class label"):
        keras_vit.data.load(write_numbered(tmp_path, **kinds))
