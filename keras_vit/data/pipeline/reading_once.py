"""Reads a whole source once: to keep its pixels, or to find the broken images."""

import logging

import numpy as np
import tensorflow as tf

from keras_vit.common.progress import sign_of_life
from keras_vit.common.wording import display
from keras_vit.data.decoding.jpeg_png import pixels_of, to_channels
from keras_vit.data.graphs import as_written, usable_cores
from keras_vit.data.pipeline.complete import CORRUPT, HINT, why_unreadable
from keras_vit.data.readers.request import in_order
from keras_vit.data.readers.stores import PixelStore, aligned_zeros

LOGGER = logging.getLogger(__name__)


def decode_all(store) -> PixelStore | None:
    """Decodes every image of a store whose `image_shape` is known.

    Returns:
        The pixels in memory; None if an image turns out to have another shape.

    Raises:
        ValueError: naming the first image that can't be read.
    """
    shape = store.image_shape
    images = aligned_zeros((store.num_examples, *shape))

    @as_written
    def read(position, item):
        image = pixels_of(item, None)
        if image.shape[-1] != shape[-1] and shape[-1] == 3:
            image = to_channels(image, 3)
        fits = tf.reduce_all(tf.shape(image) == shape)
        image = tf.cond(fits, lambda: image, lambda: tf.zeros(shape, tf.uint8))
        return position, tf.ensure_shape(image, shape), fits, item["id"]

    names = np.zeros(store.num_examples, object)
    items = in_order(store).enumerate()
    with sign_of_life("reading the images into memory") as tell:
        for batch in readable(items, read).batch(256).as_numpy_iterator():
            position, image, fits, name = batch
            if not fits.all():
                return None
            images[position], names[position] = image, name
            tell(int(position[-1]) + 1, store.num_examples)
    found = reasons(items, read, names != 0)
    if found:
        _, name, reason = found[0]
        more = f" ({len(found) - 1} more are broken.)" if len(found) > 1 else ""
        raise ValueError(f"{CORRUPT}{name}: {reason}.{more}{HINT}")
    return PixelStore(images, store.labels, names, owned=True)


def readable(items, read):
    """`read(position, item)` of the items for which it doesn't fail."""
    return items.map(read, num_parallel_calls=usable_cores()).ignore_errors()


def reasons(items, read, seen) -> list[tuple[int, str, str]]:
    """(place, name, reason) of the items that were not seen, reading them again."""
    found = []
    for place, item in [] if seen.all() else items:
        place = int(place)
        if not seen[place]:
            name = display(item["id"].numpy())
            found.append((place, name, why_unreadable(read, place, item)))
    return found


def leave_out(store, name: str, progress=None):
    """A store without the images that can't be decoded.

    Args:
        store: Any store.
        name: The data set's name, for messages.
        progress: None, or a function that is called with (images read, images in all).

    Returns:
        (the store, ((name, reason), ...) of what was left out).

    Raises:
        ValueError: if no image can be decoded.
    """

    @as_written
    def read(position, item):
        image = pixels_of(item, None)
        # What nobody uses is not decoded.
        return position + tf.cast(tf.size(image), tf.int64) * 0

    total, items = store.num_examples, in_order(store).enumerate()
    seen = np.zeros(total, bool)
    with sign_of_life("reading all images for broken ones") as tell:
        for positions in readable(items, read).batch(64).as_numpy_iterator():
            seen[positions] = True
            (progress or tell)(int(positions[-1]) + 1, total)
    found = reasons(items, read, seen)
    if not found:
        return store, ()
    LOGGER.warning(
        "%d of %d images can't be read and are left out: %s",
        len(found),
        total,
        "; ".join(f"{name} ({reason})" for _, name, reason in found[:10])
        + (" ..." if len(found) > 10 else ""),
    )
    if len(found) == total:
        raise ValueError(f"No image of {display(name)} can be read.")
    return store.leave_out(found), tuple((name, reason) for _, name, reason in found)
