"""Streams of batches: complete, deterministic, restartable, and honest about errors."""

import itertools

import cases
import keras
import numpy as np
import pytest
import tensorflow as tf
from pictures import encode, picture

import keras_vit.data
from keras_vit.data import randomness, steps
from keras_vit.data.pipeline.batches import apply

AUGMENTS = {
    "crop_flip": "crop_flip",
    "inception": "inception",
    "strong": "inception_crop|flip|randaugment(2,10)|random_erasing|mixup(0.2)|cutmix",
    "batch": "resize|pad(1)|random_crop|random_erasing|mixup(0.5)|label_smoothing(0.1)",
    "mixed": [steps.Resize(9, 12), steps.Flip(), steps.InceptionCrop(8, 10)],
}


def take(dataset, count=None):
    dataset = dataset if count is None else dataset.take(count)
    return [(images.numpy(), labels.numpy()) for images, labels in dataset]


def same(first, second):
    assert len(first) == len(second)
    for (images, labels), (other_images, other_labels) in zip(first, second):
        assert images.dtype == other_images.dtype
        assert (images == other_images).all() and (labels == other_labels).all()


def flat(lists):
    return list(itertools.chain.from_iterable(lists))


def numbers(batches):
    """Which of the `arrays` came, from their pixels: index i is grey level i."""
    found = [np.round((images[:, 0, 0, 0] + 1) * 127.5) for images, _ in batches]
    return [batch.astype(int).tolist() for batch in found]


@pytest.mark.parametrize("kind", ["pixels", "files"])
@pytest.mark.parametrize(
    "augment",
    cases.rest_slow(["crop_flip", "batch", "mixed", "strong"], 2),
)
def test_a_stream_can_start_at_any_step(arrays, folder, augment, kind):
    source = arrays if kind == "pixels" else keras_vit.data.load(f"{folder}:all")
    wanted = dict(image_size=(8, 10), training=True, seed=3)
    wanted["augment"] = AUGMENTS[augment]
    whole = take(source.batches(5, **wanted), 14)
    steps_per_epoch = source.steps_per_epoch(5)
    for start in (steps_per_epoch, 2 * steps_per_epoch + 1):
        rest = take(source.batches(5, start_step=start, **wanted), 14 - start)
        same(rest, whole[start:])


@pytest.mark.parametrize("augment", cases.rest_slow(AUGMENTS, 2))
def test_both_ways_through_the_pipeline_agree(arrays, augment):
    wanted = dict(image_size=(8, 10), training=True, augment=AUGMENTS[augment])
    slow = arrays.with_store(_SlowStore(arrays.store))
    same(take(slow.batches(4, **wanted), 8), take(arrays.batches(4, **wanted), 8))


@pytest.mark.parametrize("seed", range(8))
def test_pixels_are_truncated_before_they_move_with_the_same_result(seed):
    chain = [steps.Resize(9, 12), steps.Flip(), steps.RandAugment(1, 10)]
    image = np.random.default_rng(seed).integers(0, 256, (1, 7, 7, 3), np.uint8)
    seeds = tf.constant([seed], tf.uint64)
    expected = image
    for number, step in enumerate(chain):
        expected = step(expected, randomness.step_seeds(seeds, number))
    assert (apply(chain, image, seeds) == expected).numpy().all()


class _SlowStore:
    """A pixel store that the pipeline doesn't take for one."""

    image_shape = None

    def __init__(self, store):
        self.num_examples = store.num_examples
        self.items, self.mapped = store.items, store.mapped


def test_batches_mix_differently_in_every_step_and_epoch(arrays):
    wanted = dict(image_size=(6, 8), training=True, augment="resize|mixup(1.0)")
    stream = take(arrays.batches(5, **wanted), 12)
    shares = {round(float(labels[labels > 0].min()), 6) for _, labels in stream}
    assert len(shares) > 8 and all(labels.shape == (5, 3) for _, labels in stream)


@pytest.mark.parametrize("augment", ["inception", "resmall_crop", "random_crop"])
def test_crops_while_decoding_and_afterwards_agree(tmp_path, augment):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for i in range(3):
            image = np.random.default_rng(i).integers(0, 256, (45, 61, 3), np.uint8)
            (tmp_path / name / f"{i}.jpg").write_bytes(encode(image, "JPEG"))
    source = keras_vit.data.load(f"{tmp_path}:all")
    wanted = dict(image_size=(20, 16), training=True, augment=augment)
    decoded, cropped = (
        take(source.batches(2, cache=cache, **wanted), 9) for cache in (True, False)
    )
    same(decoded, cropped)


def test_every_epoch_has_its_own_order_of_all_examples(arrays):
    batches = take(
        arrays.batches(1, image_size=(6, 8), training=True, augment="none", epochs=2)
    )
    order = [batch[0] for batch in numbers(batches)]
    assert sorted(order[:23]) == sorted(order[23:]) == list(range(23))
    assert order[:23] != order[23:] and order[:23] != list(range(23))
    assert [labels[0] for _, labels in batches] == [i % 3 for i in order]


def test_what_is_left_over_changes_from_epoch_to_epoch(arrays):
    stream = arrays.batches(
        5, image_size=(6, 8), training=True, augment="none", epochs=9
    )
    found = numbers(take(stream))
    assert [len(batch) for batch in found] == [5] * 36
    epochs = [flat(found[i : i + 4]) for i in range(0, 36, 4)]
    assert all(len(set(epoch)) == 20 for epoch in epochs)
    assert len(set(flat(epochs))) == 23


def test_seed_decides(arrays):
    streams = {
        seed: take(arrays.batches(8, image_size=8, training=True, seed=seed), 4)
        for seed in (0, 1)
    }
    same(streams[0], take(arrays.batches(8, image_size=8, training=True), 4))
    assert any((a[0] != b[0]).any() for a, b in zip(streams[0], streams[1]))


def test_global_seed_does_not_matter(arrays):
    streams = []
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        streams.append(take(arrays.batches(8, image_size=8, training=True), 4))
    same(*streams)


def test_evaluation_keeps_order_and_the_short_last_batch(arrays):
    dataset = arrays.batches(10, image_size=(6, 8))
    assert dataset.cardinality() == 3
    assert numbers(take(dataset)) == [[*range(10)], [*range(10, 20)], [20, 21, 22]]
    dropped = arrays.batches(10, image_size=(6, 8), drop_remainder=True)
    assert dropped.cardinality() == 2 and len(take(dropped)) == 2
    assert dropped.element_spec[0].shape == (10, 6, 8, 3)


def test_shapes_are_static_and_cardinality_is_known(arrays):
    stream = arrays.batches(4, image_size=(6, 10), training=True, num_channels=1)
    assert stream.cardinality() == tf.data.INFINITE_CARDINALITY
    assert stream.element_spec[0].shape == (4, 6, 10, 1)
    assert stream.element_spec[1].shape == (4,)
    finite = arrays.batches(4, image_size=6, training=True, epochs=3, start_step=6)
    assert finite.cardinality() == len(take(finite)) == 3 * 5 - 6
    evaluation = arrays.batches(4, image_size=6)
    assert evaluation.element_spec[0].shape == (None, 6, 6, 3)
    assert arrays.batches(23, image_size=6).element_spec[0].shape == (23, 6, 6, 3)


def test_autotuning_is_off_which_keeps_streams_to_a_single_core(folder):
    options = keras_vit.data.load(f"{folder}:all").batches(4, image_size=8).options()
    assert options.autotune.enabled is False


def test_a_set_smaller_than_a_batch_is_one_batch(arrays):
    assert arrays.steps_per_epoch(100) == 1
    stream = arrays.batches(100, image_size=(6, 8), training=True, augment="none")
    batches = take(stream, 3)
    assert [sorted(batch) for batch in numbers(batches)] == [[*range(23)]] * 3
    assert numbers(take(arrays.batches(100, image_size=(6, 8)))) == [[*range(23)]]


def test_batches_of_one(arrays):
    assert len(take(arrays.batches(1, image_size=5))) == 23
    assert take(arrays.batches(1, image_size=5, training=True), 1)[0][0].shape == (
        1,
        5,
        5,
        3,
    )


def test_a_model_fits_on_it_and_its_validation(arrays):
    layers = [keras.layers.Flatten(), keras.layers.Dense(3)]
    model = keras.Sequential([keras.Input((6, 8, 1)), *layers])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, jit_compile=False)
    wanted = dict(image_size=(6, 8), num_channels=1)
    train = arrays.batches(4, training=True, **wanted)
    history = model.fit(
        train,
        epochs=2,
        steps_per_epoch=arrays.steps_per_epoch(4),
        validation_data=arrays.batches(4, **wanted),
        shuffle=False,
        verbose=0,
    )
    assert len(history.history["val_loss"]) == 2
    assert int(model.optimizer.iterations) == 10


def break_file(folder, name="cat/07 é.jpeg"):
    file = folder / name
    file.write_bytes(file.read_bytes()[:300])
    return file


@pytest.mark.parametrize(
    ("place", "training"),
    [("cat/00 é.png", False), ("cat/07 é.jpeg", True), ("dog/09 é.jpeg", False)],
)
def test_a_broken_file_is_named(folder, place, training):
    file = break_file(folder, place)
    source = keras_vit.data.load(f"{folder}:all")
    dataset = source.batches(4, image_size=8, training=training)
    with pytest.raises(tf.errors.OpError) as caught:
        take(dataset, 8)
    message = keras_vit.data.corrupt_message(caught.value)
    assert str(file) in message and "skip" in message and "Traceback" not in message


def test_a_broken_file_is_named_where_every_batch_holds_it(folder):
    file = break_file(folder, "cat/07 é.jpeg")
    source = keras_vit.data.load(f"{folder}:all")
    wanted = dict(image_size=8, training=True, cache=False)
    with pytest.raises(tf.errors.OpError) as caught:
        take(source.batches(source.num_examples, **wanted), 1)
    assert str(file) in keras_vit.data.corrupt_message(caught.value)


def test_images_that_a_step_does_not_suit_are_not_called_corrupt(folder):
    source = keras_vit.data.load(f"{folder}:all")
    # Endless, and of 20 to 39 pixels: none is large enough.
    wanted = dict(image_size=64, training=True, augment="random_crop|flip")
    with pytest.raises(tf.errors.OpError) as caught:
        take(source.batches(4, **wanted), 1)
    message = keras_vit.data.corrupt_message(caught.value)
    assert "does not suit" in message and "pixels, in random_crop" in message
    assert "resize_small" in message and "skip" not in message


@pytest.mark.parametrize("batch_size", [1, 5])
@pytest.mark.parametrize("count", cases.rest_slow([17, 16, 15, 34], 1))
def test_streams_of_any_length_are_whole(batch_size, count):
    images = np.tile(np.arange(80, dtype=np.uint8)[:, None, None], (1, 4, 4))
    source = keras_vit.data.from_arrays(images[:count], np.zeros(count, int), ["a"])
    slow = source.with_store(_SlowStore(source.store))
    whole = numbers(take(slow.batches(batch_size, image_size=4)))
    assert flat(whole) == list(range(count))
    endless = numbers(take(slow.batches(batch_size, image_size=4, training=True), 40))
    assert [len(batch) for batch in endless] == [batch_size] * 40


def test_a_file_that_vanishes_is_named(folder):
    source = keras_vit.data.load(f"{folder}:all")
    (folder / "dog" / "03 é.jpeg").unlink()
    with pytest.raises(tf.errors.OpError) as caught:
        take(source.batches(4, image_size=8))
    assert "dog/03 é.jpeg" in keras_vit.data.corrupt_message(caught.value)


def test_other_errors_are_not_taken_for_broken_images():
    assert keras_vit.data.corrupt_message(ValueError("something else")) is None


def test_broken_pixels_that_go_into_memory_are_named(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for i in range(4):
            (tmp_path / name / f"{i}.png").write_bytes(encode(picture(8, 8, seed=i)))
    break_file(tmp_path, "b/2.png").write_bytes(b"")
    source = keras_vit.data.load(f"{tmp_path}:all")
    assert source.image_size == (8, 8)
    with pytest.raises(ValueError, match=r"b/2\.png"):
        source.batches(4, image_size=8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(batch_size=0, image_size=8), "batch_size=0"),
        (dict(batch_size=4), "either `image_size` or `preprocessing`"),
        (dict(batch_size=4, image_size=8, start_step=3), "for training only"),
        (dict(batch_size=4, image_size=8, training=True, start_step=-1), "start_step"),
        (dict(batch_size=4, image_size=8, cache="yes"), "cache='yes'"),
        (dict(batch_size=99, image_size=8, drop_remainder=True), "leaves nothing"),
        (
            dict(batch_size=4, image_size=8, training=True, drop_remainder=False),
            "always full",
        ),
    ],
)
def test_mistakes_are_explained(arrays, options, message):
    with pytest.raises(ValueError, match=message):
        arrays.batches(**options)
