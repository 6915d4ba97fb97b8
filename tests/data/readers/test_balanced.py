import numpy as np
import pytest

import keras_vit
from keras_vit.data import randomness
from keras_vit.data.readers import balanced
from keras_vit.data.readers.balanced import balanced_draws

LABELS = np.repeat([0, 1, 3], [30, 3, 7])  # class 2 has no example


def source(size=1):
    values = np.arange(len(LABELS), dtype="uint8").reshape(-1, 1, 1, 1)
    images = np.broadcast_to(values, (len(LABELS), size, size, 1))
    return keras_vit.data.from_arrays(images, LABELS, class_names=list("abcd"))


def rows_of(batches, count):
    parts = [batch for batch, _ in zip(batches, range(count))]
    return [np.concatenate([np.asarray(part[i]) for part in parts]) for i in (0, 1)]


def test_every_round_has_every_class_once_in_changing_orders():
    indices, _ = balanced_draws(LABELS, 5, 0, 300)
    rounds = LABELS[indices].reshape(100, 3)
    assert (np.sort(rounds, axis=1) == [0, 1, 3]).all()
    orders, counts = np.unique(rounds, axis=0, return_counts=True)
    assert len(orders) == 6 and counts.min() > 5  # of 100/6 each


def test_a_class_gives_each_example_once_before_any_comes_again():
    indices, times = balanced_draws(LABELS, 5, 0, 630)
    for label in (0, 1, 3):
        own = LABELS[indices] == label
        size = (LABELS == label).sum()
        passes = indices[own].reshape(-1, size)
        members = np.flatnonzero(LABELS == label)
        assert (np.sort(passes, axis=1) == members).all()
        assert (times[own].reshape(-1, size).T == np.arange(len(passes))).all()
        assert len(np.unique(passes, axis=0)) > 1  # and not always in one order


def test_draws_are_a_function_of_their_number():
    whole = balanced_draws(LABELS, 5, 0, 300)
    for begin, end in ((0, 40), (40, 80), (41, 43), (299, 300)):
        for part, all_of_it in zip(balanced_draws(LABELS, 5, begin, end), whole):
            assert (part == all_of_it[begin:end]).all()
    assert (balanced_draws(LABELS, 6, 0, 300)[0] != whole[0]).any()


def test_numpy_mixes_as_tensorflow_does():
    values = np.array([0, 1, 2**63, 2**64 - 1], np.uint64)
    assert (balanced._mix(values) == randomness.mix(values).numpy()).all()


def test_batches_start_anywhere_and_come_in_parts():
    data = source()
    options = {"image_size": 1, "training": True, "augment": "none", "seed": 3}
    options |= {"sampling": "balanced", "num_channels": 1}
    images, labels = rows_of(data.batches(6, **options), 14)  # two epochs and more
    assert np.bincount(labels).tolist() == [28, 28, 0, 28]
    later = rows_of(data.batches(6, start_step=8, **options), 6)[0]
    assert (later == images[48:]).all()
    parts = [
        rows_of(data.batches(6, part=(index, 2), **options), 14)[0].reshape(14, 3)
        for index in (0, 1)
    ]
    assert (np.concatenate(parts, axis=1).reshape(-1) == images.reshape(-1)).all()


def test_an_image_that_comes_again_is_augmented_anew():
    data = source(4)
    random = np.random.default_rng(0)
    images = random.integers(0, 255, (3, 4, 4, 1), "uint8")
    data = keras_vit.data.from_arrays(images, [0, 0, 1], class_names=["a", "b"])
    batches = data.batches(
        2, image_size=4, training=True, augment="flip", seed=0, sampling="balanced"
    )
    images, labels = rows_of(batches, 12)
    flipped = {image.tobytes() for image in images[labels == 1]}
    assert len(flipped) == 2  # of one image


def test_sampling_by_class_needs_classes(tmp_path):
    with pytest.raises(ValueError, match="Did you mean 'balanced'"):
        source().batches(4, image_size=1, training=True, sampling="balance")
    # In evaluation every example comes once, whatever is said.
    batches = source().batches(4, image_size=1, sampling="balanced")
    assert (rows_of(batches, 99)[1] == LABELS).all()
