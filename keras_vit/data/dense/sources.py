"""Sources of images with masks or boxes."""

import hashlib

import numpy as np
import tensorflow as tf

from keras_vit.common.wording import display
from keras_vit.data.decoding.jpeg_png import decode
from keras_vit.data.dense.targets import Boxes, Masks, check_steps
from keras_vit.data.source import Source


class AnnotatedSource(Source):
    """What sources of masks and of boxes share."""

    @property
    def labels(self):
        """None: the labels are masks or boxes."""
        return None

    def annotation_marks(self) -> np.ndarray:
        """A number for each annotation, another one if it changes: `int64` `(N,)`.

        Files of masks are read for it.
        """
        store = self.store
        marks = np.zeros(self.num_examples, np.int64)
        for place, annotation in enumerate(store.annotations):
            content = store.reader.content(annotation)
            digest = hashlib.blake2b(content, digest_size=8).digest()
            marks[place] = int.from_bytes(digest, signed=True)
        return marks

    def take_per_class(self, count: int, *, seed: int = 0):
        """Raises a ValueError: images with masks or boxes have no single class."""
        raise ValueError(
            "`take_per_class` needs one class for each image, and images with masks or "
            "boxes have many. Use take_fraction."
        )

    def examples_per_class(self):
        """Raises a ValueError, as `take_per_class`."""
        raise ValueError(
            "Images with masks or boxes have no single class: `describe` tells how "
            "many images show each class."
        )

    def _pairs(self, annotation):
        for index, name in enumerate(self.store.names()):
            data = tf.constant(self.store.image(index))
            image = decode(data, self.num_channels).numpy()
            yield image, annotation(index, image.shape[:2]), display(name)

    def _cached(self, cache):
        return self.store


class MaskSource(AnnotatedSource):
    """One split of a data set for segmentation. Made by `keras_vit.data.load`.

    It has what `keras_vit.data.Source` has, but `labels` is None, and `batches` gives
    (images, masks): `int32` `(B, H, W)`, the class of each pixel, 255 where it is not
    counted. Resizing, cropping, padding, flips and RandAugment's rotations move images
    and masks alike, with the same draws; what a step brings in from outside is 255.

    Attributes:
        task: "segmentation".
        class_names: The classes of the pixels, the background first if there is one.

    Example:

    >>> train = keras_vit.data.load("./cells:train", task="segmentation")
    >>> images, masks = next(iter(train.batches(8, image_size=96, training=True)))
    """

    task = "segmentation"

    def pairs(self):
        """The images and masks at their own sizes, in the stored order.

        Yields:
            (image, mask, id): `uint8` `(h, w, num_channels)`, upright; `uint8` `(h,
            w)`; the file as a string.

        Raises:
            ValueError: naming a file that cannot be read.
        """
        return self._pairs(self.store.mask)

    def amount_per_class(self) -> np.ndarray:
        """The number of pixels of each class; every mask is read once for it."""
        amounts = np.zeros(256, np.int64)
        for _, mask, _ in self.pairs():
            amounts += np.bincount(mask.reshape(-1), minlength=256)
        return amounts[: self.num_classes]

    def _targets(self, steps):
        check_steps(steps, "masks")
        return Masks(self.store)


class BoxSource(AnnotatedSource):
    """One split of a data set for detection. Made by `keras_vit.data.load`.

    It has what `keras_vit.data.Source` has, but `labels` is None, and `batches` gives
    (images, objects): a dictionary of `"boxes"`, `float32` `(B, M, 4)`, left, top,
    right, bottom in pixels of the batch's images, right and bottom exclusive;
    `"classes"`, `int32` `(B, M)`, -1 where there is no object; and `"crowd"`, `bool`
    `(B, M)`. M is the largest number of objects of one image of the set. Steps move
    boxes as they move images; an object of which nothing is left becomes none.

    Attributes:
        task: "detection".
        class_names: The classes of the objects; the background is none.

    Example:

    >>> train = keras_vit.data.load("./trees:train", task="detection")
    >>> images, objects = next(iter(train.batches(8, image_size=256, training=True)))
    """

    task = "detection"

    def pairs(self):
        """The images and boxes at their own sizes, in the stored order.

        Yields:
            (image, objects, id): `uint8` `(h, w, num_channels)`, upright; a dictionary
            of `"boxes"`, `float64` `(N, 4)`, `"classes"`, `int64` `(N,)`, `"crowd"`,
            `bool` `(N,)`, and `"areas"`, `float64` `(N,)`, square pixels, those of the
            box where the annotation does not say; the file as a string.

        Raises:
            ValueError: naming a file that cannot be read.
        """
        return self._pairs(self.store.boxes)

    def _targets(self, steps):
        check_steps(steps, "boxes")
        return Boxes(self.store, self.store.most)
