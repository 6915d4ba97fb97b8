"""From stored examples to batches.

Two ways lead there, with the same result to the bit. If the pixels lie in memory and
all steps work on whole batches, the indices are batched first, and every step runs once
per batch. Otherwise each example is read, decoded and taken through all steps by
itself, while its pixels are in the processor's cache, and batched then. A crop that
comes first is done by the decoder.

A broken image fails inside the graph, where nobody knows its name. So the batches that
fail are dropped, each one that comes is compared with the numbers of the examples that
belong in it, and if others came, those are read once more to tell the name of the
broken one and what is wrong.
"""

import re

import tensorflow as tf

from keras_vit.data import randomness
from keras_vit.data.decoding import cut, decode, decode_window, to_channels
from keras_vit.data.step import Crop
from keras_vit.data.stores import Order, PixelStore, as_written, display

CORRUPT = "Corrupt image: "
READABLE = "it could not be read the first time, but could the second"
HINT = " Remove or repair it, or leave such images out with corrupt='skip'."


def batches(
    store, order: Order, preprocessing, batch_size: int, num_classes: int
) -> tf.data.Dataset:
    """Batches of a store.

    Args:
        store: One of `stores.py`, or a `RecordStore`.
        order: Which examples come. If it ends with less than a batch, the last batch is
            short.
        preprocessing: `Preprocessing`, of training or of evaluation.
        batch_size: Integer.
        num_classes: Integer, for the steps that make labels one-hot.

    Returns:
        Dataset of known cardinality: images `float32` `(B, H, W, C)`, labels `int32`
        `(B,)`, or `float32` `(B, num_classes)` if a step makes them so; or what a last
        step makes of the two. B is static unless the last batch is short.
    """
    # Of files and encoded images, the shape is only hearsay.
    size = store.image_shape[:2] if isinstance(store, PixelStore) else None
    sizes = _sizes(preprocessing.image_steps, size)
    batched = all(step.batched for step in preprocessing.image_steps)
    mix = _mixer(preprocessing, num_classes)
    if batched and None not in sizes and isinstance(store, PixelStore):
        dataset = _from_pixels(store, order, preprocessing, batch_size, mix)
    else:
        dataset = _one_by_one(store, order, preprocessing, batch_size, mix)
    count = tf.data.INFINITE_CARDINALITY
    if order.remaining is not None:
        count = -(-order.remaining // batch_size)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(count))
    options = tf.data.Options()
    options.deterministic = True
    policy = tf.data.experimental.AutoShardPolicy.DATA  # files can't be told apart
    options.experimental_distribute.auto_shard_policy = policy
    return dataset.with_options(options).prefetch(2)


def _sizes(steps, size) -> list:
    """The sizes before each step and after the last; None where unknown."""
    sizes = [size]
    for step in steps:
        sizes.append(step.output_size(sizes[-1]))
    return sizes


def _mixer(preprocessing, num_classes):
    """A function that does the steps on batches: images, labels, the images' seeds."""
    first = len(preprocessing.image_steps)

    def mix(images, labels, seeds):
        batch = images, labels
        for number, step in enumerate(preprocessing.batch_steps, first):
            own = randomness.step_seeds(seeds, number) if step.random else None
            batch = step(*batch, num_classes, own)
        return batch

    return mix


def _from_pixels(store, order, preprocessing, batch_size, mix):
    images, labels, _ = store.tensors
    channels, steps = preprocessing.num_channels, preprocessing.image_steps
    late = channels == 3 and all(step.greyscale_first for step in steps)

    @as_written
    def make(at):
        batch = tf.gather(images, at["index"])
        seeds = at["seed"]
        batch = batch if late else to_channels(batch, channels)
        batch = apply(steps, batch, seeds)
        # Grey stays one channel as long as possible: repeating it last costs least.
        label = tf.cast(tf.gather(labels, at["index"]), tf.int32)
        return mix(to_channels(batch, channels), label, seeds)

    static = order.remaining is None or order.remaining % batch_size == 0
    return store.indices(order).batch(batch_size, drop_remainder=static).map(make)


def apply(steps, images, seeds, first: int = 0):
    """Runs steps number `first` and following on a batch of images."""
    for place, step in enumerate(steps):
        own = randomness.step_seeds(seeds, first + place) if step.random else None
        following = next((s for s in steps[place:] if not s.moves), None)
        if following is not None and following.truncates:
            images = tf.cast(images, tf.uint8)
        images = step(images, own)
    return images


def _one_by_one(store, order, preprocessing, batch_size, mix):
    channels, steps = preprocessing.num_channels, preprocessing.image_steps
    shape = (*preprocessing.image_size, channels)

    @as_written
    def read(position, item):
        seed = item["seed"]
        image = tf.ensure_shape(_made(item, channels, steps, seed[None]), shape)
        label = tf.cast(item["label"], tf.int32)
        return {"position": position, "image": image, "seed": seed, "label": label}

    def make(batch):
        return mix(batch["image"], batch["label"], batch["seed"])

    return _whole_batches(store, order, read, make, batch_size)


def _made(item, num_channels, steps, seeds):
    """One image after some steps: `(H, W, num_channels)`."""
    if not steps or not isinstance(steps[0], Crop):
        return apply(steps, pixels_of(item, num_channels)[None], seeds)[0]
    crop, *others = steps
    own = randomness.step_seeds(seeds, 0) if crop.random else None
    image = pixels_of(
        item, num_channels, lambda height, width: crop.window(height, width, own)
    )
    return apply(others, crop.finish(image[None]), seeds, 1)[0]


def pixels_of(item, num_channels, window=None):
    """`uint8` pixels `(H, W, num_channels)` of a file, or encoded or decoded image.

    With a `window`, those of a part of it; see `decode_window`.
    """
    data = tf.io.read_file(item["file"]) if "file" in item else item["data"]
    if data.dtype == tf.string:
        # The decoder repeats grey at once; converting later takes a `cond` per image.
        if window is None:
            return decode(data, num_channels)
        return decode_window(data, window, num_channels)
    image = data if window is None else cut(data, window)
    return image if num_channels is None else to_channels(image, num_channels)


def _whole_batches(store, order, read, make, batch_size):
    """Reads and batches; a batch that can't be read ends in an error with a name."""
    total = order.remaining
    static = total is None or total % batch_size == 0
    # Nothing between the two, so that each image is written into its batch at once.
    read_batches = store.mapped(order, read).batch(batch_size, drop_remainder=static)
    good = read_batches.ignore_errors()
    if total is not None:
        # What a broken image near the end leaves out must be missed, too.
        filler = {
            key: tf.fill([batch_size, *spec.shape[1:]], tf.cast(0, spec.dtype))
            for key, spec in good.element_spec.items()
        }
        filler["position"] -= 1
        good = good.concatenate(tf.data.Dataset.from_tensors(filler))
        good = good.take(-(-total // batch_size))

    @as_written
    def check(number, batch):
        begin, end = number * batch_size, (number + 1) * batch_size
        expected = tf.range(begin, end if total is None else tf.minimum(end, total))
        complete = tf.cond(
            tf.equal(tf.size(batch["position"]), tf.size(expected)),
            lambda: tf.reduce_all(batch["position"] == expected),
            lambda: tf.constant(False),
        )
        passed = tf.cond(
            complete,
            lambda: tf.constant(True),
            lambda: tf.numpy_function(explain, [begin], tf.bool),
        )
        with tf.control_dependencies([passed]):
            return make({key: tf.identity(value) for key, value in batch.items()})

    def explain(begin):
        items = store.items(order).enumerate().skip(int(begin)).take(batch_size)
        for at, item in items:
            reason, name = why_unreadable(read, at, item), display(item["id"].numpy())
            if reason != READABLE:
                raise ValueError(f"{CORRUPT}{name}: {reason}.{HINT}")
        raise ValueError(f"{CORRUPT}one of numbers {begin} on: {READABLE}.{HINT}")

    # In threads of their own, so that reading goes on meanwhile.
    return good.enumerate().map(check, num_parallel_calls=2)


def why_unreadable(read, *arguments) -> str:
    """The reason for which `read` failed, in one line."""
    try:
        read(*arguments)
    except Exception as error:
        return reason_of(error)
    return READABLE


def reason_of(error: BaseException) -> str:
    """One line from an error that came out of a graph."""
    text = getattr(error, "message", None) or str(error)
    text = re.sub(r"\{\{.*?\}\}|\[Op:.*?\]|\[\[.*?\]\]", "", text)
    lines = [line.strip() for line in text.splitlines() if not line.startswith("  ")]
    told = [line for line in lines if line and not line.startswith(_FRAMES)]
    last = told[-1] if told else type(error).__name__
    return re.sub(r"^(\w+Error: )+", "", last).rstrip(". ")


_FRAMES = ("Graph execution", "Detected at", "<stack", "Traceback", "name:")


def corrupt_message(error: BaseException) -> str | None:
    """The line about a broken image in an error that came out of `fit` or a batch."""
    text = str(error)
    if CORRUPT not in text:
        return None
    return CORRUPT + text.split(CORRUPT, 1)[1].split(HINT)[0] + HINT
