"""Turns stored examples into batches.

Two ways lead there, with the same result to the bit. If the pixels lie in memory and
all steps work on whole batches, the indices are batched first, and every step runs once
per batch. Otherwise each example is read, decoded and taken through all steps by
itself, while its pixels are in the processor's cache, and batched then. A crop that
comes first is done by the decoder.

Every process can read its own part of every batch. What becomes of an image is a
function of seed, epoch and image, so a process that leaves out the others' rows has the
same images in its own as one process that reads all. Nothing is decoded that is not
used, with one exception: where images of a batch are mixed (mixup, cutmix), the partner
may be another process's, so each reads whole batches and keeps its rows.

In evaluation the last batch is then filled up, since processes must have equal numbers
of batches and every device equal numbers of images. The filling has weight 0.
"""

import dataclasses

import tensorflow as tf

from keras_vit.data import randomness
from keras_vit.data.decoding.jpeg_png import pixels_of, to_channels
from keras_vit.data.graphs import as_written, usable_cores
from keras_vit.data.pipeline.complete import complete_batches
from keras_vit.data.readers.order import Order
from keras_vit.data.readers.stores import PixelStore
from keras_vit.data.steps.base import Crop


def batches(
    store, order, preprocessing, batch_size, num_classes, part=None, targets=None
):
    """Batches of a store; with a `part`, only that part of every batch.

    Args:
        store: One of `stores.py`, or a `RecordStore`.
        order: `Order` of whole batches.
        preprocessing: `Preprocessing`, of training or of evaluation.
        batch_size: Integer, examples of a whole batch.
        num_classes: Integer.
        part: `(index, count)`, or `None` for whole batches, the last as short as it is.
        targets: What goes through the steps with the images and takes the place of
            their labels: `Masks` or `Boxes` of `keras_vit.data.dense.targets`.

    Returns:
        Dataset of (images, labels), and in evaluation (images, labels, weights), of
        static shapes. All images have one weight, such that a mean over the rows of
        all batches, filling included, is that over the images. Weights of patches stay
        0 and 1.

    Raises:
        ValueError: if there is no such part, or the batch has no equal parts.
    """
    if part is None:
        return _batches(store, order, preprocessing, batch_size, num_classes, targets)
    index, count = part
    if not 0 <= index < count or batch_size % count:
        raise ValueError(
            "`part` must be (index, count), the index below the count, and the count "
            f"must divide the batch. Received: part={part}, batch_size={batch_size}"
        )
    total, size = order.per_epoch, batch_size // count
    if not order.shuffle:
        end = -(-total // batch_size) * batch_size
        # The filling is the beginning of the set: its next epoch.
        order = dataclasses.replace(order, end=end, epochs=-(-end // total))
    # What is random in a step on batches is the mixing, but for a last one.
    random = (step.random and not step.last for step in preprocessing.batch_steps)
    mixed = count > 1 and any(random)
    if not mixed:
        order = dataclasses.replace(order, part=part, batch=batch_size)
    read = batch_size if mixed else size
    dataset = _batches(store, order, preprocessing, read, num_classes, targets)
    if mixed:
        rows = slice(index * size, (index + 1) * size)

        @as_written
        def own(*examples):
            return tf.nest.map_structure(lambda value: value[rows], examples)

        dataset = dataset.map(own)
    if order.shuffle:
        return dataset

    @as_written
    def weighted(number, examples):
        places = number * batch_size + index * size + tf.range(size, dtype=tf.int64)
        weights = tf.where(places < total, order.end / total, 0.0)
        weights = tf.cast(weights, tf.float32)
        inputs, targets, *own = examples
        for each in own:  # of every patch: metrics take 1 for "is corrupted"
            weights = tf.where(weights[:, None] > 0, each, 0.0)
        return inputs, targets, weights

    return dataset.enumerate().map(weighted)


def _batches(
    store, order: Order, preprocessing, batch_size: int, num_classes: int, targets
) -> tf.data.Dataset:
    """All rows of every batch that `order` says; the last one may be short.

    Returns:
        Dataset of known cardinality: images `float32` `(B, H, W, C)`, labels `int32`
        `(B,)`, or `float32` `(B, num_classes)` of several labels an image and if a step
        makes them so; or what a last
        step makes of the two. B is static unless the last batch is short.
    """
    # Of files and encoded images, the shape is only hearsay.
    size = store.image_shape[:2] if isinstance(store, PixelStore) else None
    sizes = _sizes(preprocessing.image_steps, size)
    batched = all(step.batched for step in preprocessing.image_steps)
    mix = _mixer(preprocessing, num_classes)
    if targets is not None:
        dataset = _with_targets(store, order, preprocessing, batch_size, targets)
    elif batched and None not in sizes and isinstance(store, PixelStore):
        dataset = _from_pixels(store, order, preprocessing, batch_size, mix)
    else:
        dataset = _one_by_one(store, order, preprocessing, batch_size, mix)
    count = tf.data.INFINITE_CARDINALITY
    if order.remaining is not None:
        count = -(-order.remaining // batch_size)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(count))
    options = tf.data.Options()
    options.deterministic = True
    options.autotune.enabled = False  # it keeps many a stream to a single core
    if isinstance(store, PixelStore):
        # They copy all images for a moment, for each iterator. What they would do here,
        # run the maps in parallel, is said where the maps are.
        options.experimental_optimization.apply_default_optimizations = False
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
        label = _labels(tf.gather(labels, at["index"]), 2)
        return mix(to_channels(batch, channels), label, seeds)

    static = order.remaining is None or order.remaining % batch_size == 0
    indices = store.indices(order).batch(batch_size, drop_remainder=static)
    return indices.map(make, num_parallel_calls=usable_cores())


def _labels(labels, rank):
    """Class numbers as `int32`; 0 and 1 for each class, of that rank, as `float32`."""
    return tf.cast(labels, tf.float32 if labels.shape.rank == rank else tf.int32)


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
        label = _labels(item["label"], 1)
        return {"position": position, "image": image, "seed": seed, "label": label}

    @as_written
    def make(batch):
        return mix(batch["image"], batch["label"], batch["seed"])

    whole = complete_batches(store, order, preprocessing, read, batch_size)
    # In threads of their own, so that reading goes on meanwhile.
    return whole.map(make, num_parallel_calls=2)


def _with_targets(store, order, preprocessing, batch_size, targets):
    """Images whose targets go through the same steps with the same seeds."""
    channels, steps = preprocessing.num_channels, preprocessing.image_steps
    shape = (*preprocessing.image_size, channels)

    @as_written
    def read(position, item):
        image = pixels_of(item, channels)[None]
        target, seeds = targets.read(item, tf.shape(image)[1:3]), item["seed"][None]
        for place, step in enumerate(steps):
            own = randomness.step_seeds(seeds, place) if step.random else None
            target = targets.after(step, target, tf.unstack(tf.shape(image)[1:3]), own)
            image = apply((step,), image, seeds, place)
        image = tf.ensure_shape(image[0], shape)
        label = tf.cast(item["label"], tf.int32)
        done = targets.done(target, preprocessing.image_size)
        return {"position": position, "image": image, "label": label, **done}

    @as_written
    def make(batch):
        return batch["image"], targets.of_batch(batch)

    whole = complete_batches(store, order, preprocessing, read, batch_size)
    return whole.map(make, num_parallel_calls=2)


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
