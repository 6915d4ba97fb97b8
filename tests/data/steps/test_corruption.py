"""Which patches are corrupted, how, and what is then to be predicted."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_vit import data
from keras_vit.data import randomness, steps
from keras_vit.data.steps import corruption

N = 64
SEEDS = randomness.image_seeds(0, 0, tf.range(2000, dtype=tf.int64))


def drawn(seeds=SEEDS, count=N, rate=0.5):
    shown, weights = corruption.draw(seeds, count, rate)
    return shown.numpy(), weights.numpy() > 0


def pixels(count=5, size=(8, 12), channels=3):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, *size, channels)).astype("uint8")


def preprocessing(step, size=(8, 12), channels=3):
    return data.preprocessing(size, num_channels=channels, last_step=step)


# The draw ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "count, rate, expected", [(64, 0.5, 32), (9, 0.5, 5), (2, 0.5, 1), (196, 0.15, 29)]
)
def test_every_image_has_exactly_the_asked_share(count, rate, expected):
    shown, corrupted = drawn(SEEDS[:300], count, rate)
    assert (corrupted.sum(axis=1) == expected).all()
    own = np.arange(count)
    assert (shown == own)[~corrupted].all()
    assert shown.min() >= -1 and shown.max() < count


def test_the_three_kinds_have_their_shares():
    shown, corrupted = drawn()
    own = np.broadcast_to(np.arange(N), shown.shape)
    total = corrupted.sum()
    for kind, share in (
        (shown < 0, 0.8),
        ((shown >= 0) & (shown != own), 0.1),
        (shown == own, 0.1),
    ):
        found = (kind & corrupted).sum()
        assert abs(found - share * total) < 4 * math.sqrt(total * share * (1 - share))


def test_another_patch_is_never_itself_and_all_others_are_alike():
    shown, corrupted = drawn()
    own = np.broadcast_to(np.arange(N), shown.shape)
    other = corrupted & (shown >= 0) & (shown != own)
    distance = (shown - own)[other] % N
    counts = np.bincount(distance, minlength=N)
    assert counts[0] == 0
    expected = other.sum() / (N - 1)
    assert (((counts[1:] - expected) ** 2 / expected).sum()) < 110  # chi2(62), 1e-4
    # With two patches the other one is the only choice.
    shown, corrupted = drawn(count=2)
    assert set((shown - np.arange(2))[corrupted & (shown >= 0)]) <= {-1, 0, 1}


def test_every_place_is_corrupted_equally_often():
    _, corrupted = drawn()
    often = corrupted.sum(axis=0)
    assert abs(often - 1000).max() < 4.5 * math.sqrt(2000 * 0.25)


def test_an_image_gets_alone_what_it_gets_in_a_batch():
    """So replicas, which see a part of the batch each, never hide the same patches."""
    shown, corrupted = drawn()
    for i in (0, 7):
        alone = drawn(SEEDS[i : i + 1])
        np.testing.assert_array_equal(alone[0][0], shown[i])
        np.testing.assert_array_equal(alone[1][0], corrupted[i])
    assert len(np.unique(corrupted, axis=0)) == len(corrupted)


# The pipeline -----------------------------------------------------------------------


def batches(epochs=2, start_step=0, seed=0, training=True, size=2, channels=3):
    step = steps.CorruptPatches(4)
    images = pixels(channels=channels)
    source = data.from_arrays(images, np.zeros(len(images), int))
    options = {"epochs": epochs, "start_step": start_step} if training else {}
    return list(
        source.batches(
            size,
            preprocessing=preprocessing(step, channels=channels),
            training=training,
            augment="crop_flip",
            seed=seed,
            **options,
        )
    )


def shown_of(found):
    return np.concatenate([inputs["shown"] for inputs, _, _ in found])


def test_a_source_gives_inputs_colours_and_weights():
    inputs, colours, weights = batches()[0]
    assert inputs["image"].shape == (2, 8, 12, 3)
    assert inputs["shown"].shape == weights.shape == (2, 6)
    assert inputs["shown"].dtype == tf.int32
    assert colours.shape == (2, 6, 3) and colours.dtype == tf.float32
    means = (inputs["image"].numpy() + 1) / 2
    means = means.reshape(2, 2, 4, 3, 4, 3).mean(axis=(2, 4)).reshape(2, 6, 3)
    np.testing.assert_allclose(colours, means, atol=1e-6)


def test_a_stream_that_starts_later_goes_on_with_the_same_masks():
    whole, rest = batches(epochs=3), batches(epochs=3, start_step=3)
    np.testing.assert_array_equal(shown_of(whole)[6:], shown_of(rest))


def test_masks_change_with_the_epoch_and_the_seed():
    first = shown_of(batches())
    assert (first == shown_of(batches())).all()
    assert (first != shown_of(batches(seed=1))).any()
    assert (first[:4] != first[4:]).any()


def test_evaluation_has_fixed_masks_and_a_short_last_batch():
    found = batches(training=False)
    assert [len(weights) for _, _, weights in found] == [2, 2, 1]
    np.testing.assert_array_equal(
        shown_of(found), shown_of(batches(training=False, size=1))
    )


def test_images_of_one_channel():
    inputs, colours, _ = batches(channels=1, size=1)[0]
    assert inputs["image"].shape == (1, 8, 12, 1) and colours.shape == (1, 6, 1)


def test_both_ways_through_the_pipeline_agree(tmp_path):
    from PIL import Image

    images = pixels()
    for i, image in enumerate(images):
        (tmp_path / "ab"[i % 2]).mkdir(exist_ok=True)
        Image.fromarray(image).save(tmp_path / "ab"[i % 2] / f"{i}.png")
    source = data.load(f"{tmp_path}:all")
    options = {"preprocessing": preprocessing(steps.CorruptPatches(4))}
    options |= {"training": True, "augment": "flip", "epochs": 1}
    one, other = (
        list(source.batches(5, cache=cache, **options)) for cache in (True, False)
    )
    for a, b in zip(tf.nest.flatten(one), tf.nest.flatten(other)):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_the_step_is_text_and_json_and_stays_last():
    step = steps.CorruptPatches(4, corruption_rate=0.25, cells=4)
    text = data.steps_to_text([step])
    assert text == "corrupt_patches(4,corruption_rate=0.25,cells=4)"
    assert data.steps_from_text(text) == (step,)
    made = preprocessing(step)
    assert data.Preprocessing.from_json(made.to_json()) == made
    training = data.augmentation("resize|flip|mixup(0.2)", made)
    assert [type(s).__name__ for s in training.steps[-2:]] == [
        "Mixup",
        "CorruptPatches",
    ]
    with pytest.raises(ValueError, match="No step can follow"):
        data.augmentation("resize|corrupt_patches(4)|mixup(0.2)", preprocessing(None))


# Targets ----------------------------------------------------------------------------


@pytest.mark.parametrize("side", [8, 6])
def test_cells_are_area_means(side):
    """Against the mean of the pixels after each was repeated to a common size."""
    x = np.random.default_rng(1).uniform(0, 1, (2, side, 2 * side, 3)).astype("f4")
    step = steps.CorruptPatches(side, cells=4, low=0.0)
    _, colours, _ = step(tf.constant(x), seeds=SEEDS[:2])
    large = x.repeat(4, axis=1).repeat(4, axis=2)
    large = large.reshape(2, 4, side, 2, 4, side, 3).mean(axis=(2, 5))
    expected = large.transpose(0, 2, 1, 3, 4).reshape(2, 2, 48)
    np.testing.assert_allclose(colours, expected, atol=1e-6)


def test_every_pixel_can_be_the_target():
    x = np.random.default_rng(1).uniform(0, 255, (1, 4, 6, 1)).astype("f4")
    step = steps.CorruptPatches(2, 3, cells=0, low=0.0, high=255.0)
    _, colours, _ = step(tf.constant(x), seeds=SEEDS[:1])
    assert colours.shape == (1, 4, 6)
    np.testing.assert_allclose(colours[0, 1], x[0, :2, 3:].ravel() / 255, atol=1e-6)


# Any data set -----------------------------------------------------------------------


def dataset(form=lambda x: x, size=2):
    x = pixels().astype("float32") / 127.5 - 1
    return tf.data.Dataset.from_tensor_slices(x).batch(size).map(form)


@pytest.mark.parametrize(
    "form",
    [
        lambda x: x,
        lambda x: (x, tf.zeros(tf.shape(x)[0])),
        lambda x: {"image": x, "id": tf.shape(x)[0]},
        lambda x: ({"image": x}, tf.zeros(tf.shape(x)[0])),
    ],
    ids=["images", "pairs", "dictionaries", "pairs with dictionaries"],
)
def test_any_kind_of_batches_can_be_corrupted(form):
    found = list(data.corrupt_patches(dataset(form), 4, training=False))
    assert [len(weights) for _, _, weights in found] == [2, 2, 1]
    assert (np.concatenate([w for _, _, w in found]).sum(axis=1) == 3).all()


def test_training_goes_on_with_other_masks_and_evaluation_does_not():
    training = data.corrupt_patches(dataset(size=5), 4, training=True, seed=3)
    assert training.cardinality() == tf.data.INFINITE_CARDINALITY
    first, second = training.take(2)
    assert (first[0]["shown"] != second[0]["shown"]).numpy().any()
    (again,) = training.take(1)
    assert (first[0]["shown"] == again[0]["shown"]).numpy().all()
    evaluation = data.corrupt_patches(dataset(size=5), 4, training=False, seed=3)
    assert evaluation.cardinality() == 1
    (only,) = evaluation
    assert (only[0]["shown"] == first[0]["shown"]).numpy().all()


def test_normalised_images_have_their_colours_back():
    mean, std = np.array([0.4, 0.5, 0.6]), np.array([0.2, 0.25, 0.3])
    x = pixels() / 255
    ready = tf.data.Dataset.from_tensors(((x - mean) / std).astype("float32"))
    bounds = np.array(((0 - mean) / std, (1 - mean) / std))
    ((_, colours, _),) = data.corrupt_patches(
        ready, 4, training=False, value_range=bounds
    )
    means = x.reshape(5, 2, 4, 3, 4, 3).mean(axis=(2, 4)).reshape(5, 6, 3)
    np.testing.assert_allclose(colours, means, atol=1e-6)


# Refusals ---------------------------------------------------------------------------


def test_nothing_at_all_is_an_error_and_not_a_wait():
    nothing = dataset().take(0)
    with pytest.raises(ValueError, match="no batches"):
        data.corrupt_patches(nothing, 4, training=True)
    unknown = dataset().filter(lambda x: False)
    with pytest.raises(tf.errors.OpError, match=r"cardinality|number of elements"):
        next(iter(data.corrupt_patches(unknown, 4, training=True)))


@pytest.mark.parametrize("size", [4.5, "4", (4, 4, 4), keras.layers.ReLU()])
def test_a_patch_size_must_be_whole(size):
    with pytest.raises(ValueError, match="`patch_size` must be"):
        data.corrupt_patches(dataset(), size, training=False)


def test_integers_need_their_range():
    integers = dataset(lambda x: tf.cast(x, tf.uint8))
    with pytest.raises(ValueError, match="value_range"):
        data.corrupt_patches(integers, 4, training=False)
    data.corrupt_patches(integers, 4, training=False, value_range=(0, 255))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"patch_height": 0}, "`patch_height` of CorruptPatches must be a pos"),
        ({"patch_height": 4, "corruption_rate": 1.0}, "between 0 and 1"),
        ({"patch_height": 4, "cells": -1}, "`cells` of CorruptPatches must be"),
        ({"patch_height": 4, "low": 1.0}, "two different numbers"),
    ],
)
def test_values_out_of_range_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        steps.CorruptPatches(**arguments)


def test_patches_must_tile_the_images_and_leave_something_to_see():
    with pytest.raises(ValueError, match=r"tile.*8x12 pixels, patches of 5x5"):
        data.corrupt_patches(dataset(), 5, training=False)
    with pytest.raises(ValueError, match="Some patches must be corrupted"):
        data.corrupt_patches(dataset(), (8, 12), training=False)
    with pytest.raises(ValueError, match="key 'image'"):
        data.corrupt_patches(dataset(lambda x: {"x": x}), 4, training=False)
    with pytest.raises(ValueError, match="`value_range`"):
        data.corrupt_patches(dataset(), 4, training=False, value_range=(1, 1))
