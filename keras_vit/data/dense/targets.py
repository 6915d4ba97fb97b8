"""What goes through the steps of a pipeline with the images: masks."""

import tensorflow as tf

from keras_vit.data.pipeline.complete import ANNOTATION
from keras_vit.data.steps.base import refused


def check_steps(preprocessing, what: str):
    """Raises for steps on whole batches, which mix images and labels."""
    for step in preprocessing.batch_steps:
        raise refused(step, what)


class Masks:
    """The class of each pixel, with its image through all steps.

    Args:
        store: Store whose `mask(index, size)` gives a `uint8` array `(h, w)`.
    """

    def __init__(self, store):
        self.store = store

    def read(self, item, size):
        """The mask of an example: `uint8` `(1, H, W)`; `size` is that of its image."""

        def load(index, size):
            try:
                return self.store.mask(int(index), tuple(size.tolist()))
            except ValueError as error:
                raise ValueError(f"{ANNOTATION}{error}") from None

        inputs = [item["index"], size]
        mask = tf.numpy_function(load, inputs, tf.uint8, stateful=False)
        return tf.ensure_shape(mask, [None, None])[None]

    def after(self, step, masks, size, seeds):
        """The masks after a step, `size` and `seeds` those of the images before it."""
        return step.on_masks(masks, seeds)

    def done(self, masks, size):
        """What is batched, by name, for images of a size."""
        return {"mask": tf.ensure_shape(masks[0], size)}

    def of_batch(self, batch):
        """What takes the place of the labels: `int32` `(B, H, W)`."""
        return tf.cast(batch["mask"], tf.int32)
