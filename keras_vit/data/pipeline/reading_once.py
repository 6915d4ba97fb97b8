"""Reading a whole source once: to keep its pixels, or to find the broken images."""

import logging
import time

import numpy as np
import tensorflow as tf

from keras_vit.common.wording import display
from keras_vit.data.decoding.jpeg_png import pixels_of, to_channels
from keras_vit.data.graphs import usable_cores
from keras_vit.data.pipeline.complete import CORRUPT, HINT, why_unreadable
from keras_vit.data.readers.request import in_order
from keras_vit.data.readers.stores import PixelStore, as_written

LOGGER = logging.getLogger(__name__)


def decode_all(store) -> tuple[PixelStore | None, list[tuple[int, str, str]]]:
    """Decodes every image of a store whose `image_shape` is known.

    Returns:
        (the pixels in memory, broken images as (place, name, reason)). No pixels if an
        image turns out to have another shape. Broken images are left black.
    """
    shape = store.image_shape
    images = np.zeros((store.num_examples, *shape), np.uint8)

    @as_written
    def read(position, item):
        image = pixels_of(item, None)
        if image.shape[-1] != shape[-1] and shape[-1] == 3:
            image = to_channels(image, 3)
        fits = tf.reduce_all(tf.shape(image) == shape)
        image = tf.cond(fits, lambda: image, lambda: tf.zeros(shape, tf.uint8))
        return position, tf.ensure_shape(image, shape), fits

    seen = np.zeros(store.num_examples, bool)
    for position, image, fits in _good(store, read).batch(256).as_numpy_iterator():
        if not fits.all():
            return None, []
        images[position] = image
        seen[position] = True
    pixels = PixelStore(
        images, store.labels, [store.name_of(i) for i in range(len(seen))]
    )
    return pixels, _reasons(store, read, seen)


def broken(store, progress=None) -> list[tuple[int, str, str]]:
    """Decodes every image to find those that can't be: (place, name, reason) each.

    Args:
        store: Any store.
        progress: None, or a function that is called with (images read, images in all).
    """

    @as_written
    def read(position, item):
        image = pixels_of(item, None)
        # What nobody uses is not decoded.
        return position + tf.cast(tf.size(image), tf.int64) * 0

    total = store.num_examples
    seen = np.zeros(total, bool)
    spoken = time.monotonic()
    for positions in _good(store, read).batch(64).as_numpy_iterator():
        seen[positions] = True
        if progress is not None:
            progress(int(positions[-1]) + 1, total)
        elif time.monotonic() - spoken > 5:
            spoken = time.monotonic()
            LOGGER.info("Checked %d of %d images", positions[-1] + 1, total)
    return _reasons(store, read, seen)


def _items(store):
    return in_order(store).enumerate()


def _good(store, read):
    readable = _items(store).map(read, num_parallel_calls=usable_cores())
    return readable.ignore_errors()


def _reasons(store, read, seen):
    if seen.all():
        return []
    found = []
    for place, item in _items(store):
        place = int(place)
        if not seen[place]:
            name = display(item["id"].numpy())
            found.append((place, name, why_unreadable(read, place, item)))
    return found


def raise_for(found) -> None:
    """Stops with the name of the first broken image, if there is one."""
    if found:
        _, name, reason = found[0]
        more = f" ({len(found) - 1} more are broken.)" if len(found) > 1 else ""
        raise ValueError(f"{CORRUPT}{name}: {reason}.{more}{HINT}")


def leave_out(store, name: str, progress=None):
    """A store without the images that can't be decoded.

    Args:
        store: Any store.
        name: The data set's name, for messages.
        progress: As for `broken`.

    Returns:
        (the store, ((name, reason), ...) of what was left out).

    Raises:
        ValueError: if no image can be decoded.
    """
    found = broken(store, progress)
    if not found:
        return store, ()
    LOGGER.warning(
        "%d of %d images can't be read and are left out: %s",
        len(found),
        store.num_examples,
        "; ".join(f"{name} ({reason})" for _, name, reason in found[:10])
        + (" ..." if len(found) > 10 else ""),
    )
    if len(found) == store.num_examples:
        raise ValueError(f"No image of {display(name)} can be read.")
    return store.leave_out(found), tuple((name, reason) for _, name, reason in found)
