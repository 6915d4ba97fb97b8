"""Sources of images with masks."""

import tensorflow as tf

from keras_vit.data.decoding.jpeg_png import decode
from keras_vit.data.decoding.pillow import read_image_file
from keras_vit.data.dense.targets import Masks, check_steps
from keras_vit.data.source import Source


class MaskSource(Source):
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

    @property
    def labels(self):
        """None: the labels are masks."""
        return None

    def take_per_class(self, count: int, *, seed: int = 0):
        """Raises a ValueError: images with masks have no single class."""
        raise ValueError(
            "`take_per_class` needs one class for each image, and images with masks "
            "have many. Use take_fraction."
        )

    def pairs(self):
        """The images and masks at their own sizes, in the stored order.

        Yields:
            (image, mask, id): `uint8` `(h, w, num_channels)`, upright; `uint8` `(h,
            w)`; the file as a string.

        Raises:
            ValueError: naming a file that cannot be read.
        """
        store = self.store
        for index, file in enumerate(self.files):
            data = read_image_file(store.path(index))
            image = decode(tf.constant(data), self.num_channels).numpy()
            yield image, store.mask(index, image.shape[:2]), file

    def _targets(self, steps):
        check_steps(steps, "masks")
        return Masks(self.store)

    def _cached(self, cache):
        return self.store
