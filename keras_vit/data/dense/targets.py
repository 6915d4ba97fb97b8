"""What goes through the steps of a pipeline with the images: masks or boxes."""

import numpy as np
import tensorflow as tf

from keras_vit.data.pipeline.complete import ANNOTATION
from keras_vit.data.steps.base import refused


def check_steps(preprocessing, what: str):
    """Raises for steps on whole batches, which mix images and labels."""
    for step in preprocessing.batch_steps:
        raise refused(step, what)


def _loader(load):
    """`load(index, size)` for a graph; what is wrong is said to be an annotation."""

    def inner(index, size):
        try:
            return load(int(index), tuple(size.tolist()))
        except ValueError as error:
            raise ValueError(f"{ANNOTATION}{error}") from None

    return inner


class Masks:
    """The class of each pixel, with its image through all steps.

    Args:
        store: A store of `stores.py`, of masks.
    """

    def __init__(self, store):
        self._load = _loader(store.mask)

    def read(self, item, size):
        """The mask of an example: `uint8` `(1, H, W)`; `size` is that of its image."""
        inputs = [item["index"], size]
        mask = tf.numpy_function(self._load, inputs, tf.uint8, stateful=False)
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


class Boxes:
    """The boxes of the objects of each image, with it through all steps.

    Args:
        store: A store of `stores.py`, of boxes.
        most: Integer M, rows for objects of every image.
    """

    def __init__(self, store, most: int):
        self.most = most

        def load(index, size):
            found = store.boxes(index, size)
            count = len(found["classes"])
            if count > most:
                raise ValueError(f"the image has {count} objects, more than {most}")
            boxes, classes = (
                np.zeros((most, 4), np.float32),
                np.full(most, -1, np.int32),
            )
            crowd = np.zeros(most, bool)
            boxes[:count], classes[:count] = found["boxes"], found["classes"]
            crowd[:count] = found["crowd"]
            return boxes, classes, crowd

        self._load = _loader(load)

    def read(self, item, size):
        """(boxes `float32` `(1, M, 4)`, classes `(1, M)`, crowd `(1, M)`)."""
        kinds = [tf.float32, tf.int32, tf.bool]
        inputs = [item["index"], size]
        found = tf.numpy_function(self._load, inputs, kinds, stateful=False)
        shapes = [self.most, 4], [self.most], [self.most]
        return tuple(tf.ensure_shape(x, shape)[None] for x, shape in zip(found, shapes))

    def after(self, step, found, size, seeds):
        """The boxes after a step, `size` and `seeds` those of the images before it."""
        boxes, *others = found
        return step.on_boxes(boxes, size, seeds), *others

    def done(self, found, size):
        """What is batched, by name; objects of which nothing is left are none."""
        boxes, classes, crowd = (value[0] for value in found)
        left = (boxes[:, 2:] > boxes[:, :2]) & (classes >= 0)[:, None]
        left = tf.reduce_all(left, -1)
        return {
            "boxes": tf.where(left[:, None], boxes, 0.0),
            "classes": tf.where(left, classes, -1),
            "crowd": left & crowd,
        }

    def of_batch(self, batch):
        """What takes the place of the labels."""
        return {key: batch[key] for key in ("boxes", "classes", "crowd")}
