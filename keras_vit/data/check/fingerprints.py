"""Fingerprints of images for the check of a data set: hash, size and thumbnail."""

import dataclasses

import numpy as np
import tensorflow as tf

from keras_vit.common.wording import display
from keras_vit.data.decoding.jpeg_png import data_of, decode, to_channels
from keras_vit.data.graphs import as_written
from keras_vit.data.pipeline.reading_once import readable, reasons
from keras_vit.data.readers.request import in_order

# Side of the tiny picture, and the grey levels by which it must vary to tell anything.
SIDE = 16
LEAST_CONTRAST = 2.0

# Any two numbers: the key of a hash of 63 bits, in which a million different images
# share a value with a probability of 5e-8.
_KEY = (0x6B657261, 0x73766974)


@dataclasses.dataclass(frozen=True)
class Fingerprints:
    """What is kept of N readable images, about 600 bytes each."""

    # Of the encoded bytes or, of arrays, the pixels: int64 `(N,)`.
    hashes: np.ndarray
    # int64 `(N,)`; of several labels an image `(N, classes)`.
    labels: np.ndarray
    # Files, as seen from the folder of the data set, or other identifiers.
    names: list
    # Height, width and channels, int32 `(N, 3)`.
    shapes: np.ndarray
    # Grey pictures of 16x16 pixels with mean 0 and length 1, all 0 where the image is
    # flat: float16 `(N, 256)`. The product of two is their correlation.
    pictures: np.ndarray
    # Images that cannot be read: (name, reason).
    broken: list
    # Images looked at, the broken ones included.
    num_checked: int


def read_fingerprints(source, limit, progress=None):
    """Reads and decodes the images of a source once.

    Args:
        source: A `keras_vit.data.Source`.
        limit: Integer. Of a larger source about so many images are taken, evenly
            spaced, because files are often stored class by class.
        progress: `None`, or a function of (images read, images in all).

    Returns:
        `Fingerprints`.
    """
    stride = -(-source.num_examples // limit)
    total = -(-source.num_examples // stride)
    items = in_order(source.store, stride).enumerate()
    columns = {name: [] for name in ("place", "hash", "label", "shape", "picture")}
    names = []
    for batch in readable(items, _read).batch(64).as_numpy_iterator():
        for name, parts in columns.items():
            parts.append(batch[name])
        names += [_short(source, name) for name in batch["id"]]
        if progress is not None:
            progress(int(batch["place"][-1]) + 1, total)
    empty = np.zeros(0, np.int64)
    column = {n: np.concatenate(p) if p else empty for n, p in columns.items()}
    broken = reasons(items, _read, np.isin(np.arange(total), column["place"]))
    return Fingerprints(
        hashes=column["hash"],
        labels=column["label"],
        names=names,
        shapes=column["shape"].reshape(-1, 3),
        pictures=column["picture"].reshape(-1, SIDE * SIDE),
        broken=[(_short(source, name), reason) for _, name, reason in broken],
        num_checked=total,
    )


@as_written
def _read(place, item):
    data = data_of(item)
    encoded = data.dtype == tf.string
    image = decode(data) if encoded else data
    # Of pixels the shape is hashed too.
    content = data if encoded else tf.io.serialize_tensor(data)
    return {
        "place": place,
        "hash": tf.strings.to_hash_bucket_strong(content, 2**63 - 1, _KEY),
        "label": tf.cast(item["label"], tf.int64),
        "id": item["id"],
        "shape": tf.ensure_shape(tf.shape(image), [3]),
        "picture": _picture(image),
    }


def _picture(image):
    # In this order no whole image becomes floats, which takes much memory and time.
    small = tf.image.resize(image[None], (SIDE, SIDE), method="area")
    grey = tf.reshape(to_channels(small, 1), [SIDE * SIDE])
    grey -= tf.reduce_mean(grey)
    length = tf.norm(grey)
    flat = length < LEAST_CONTRAST * SIDE  # the length is SIDE standard deviations
    picture = tf.where(flat, tf.zeros_like(grey), grey / tf.maximum(length, 1e-6))
    return tf.cast(picture, tf.float16)


def _short(source, name):
    """The name of an image for people, as seen from the folder of its data set."""
    return display(name).removeprefix(display(source.name).rstrip("/") + "/")
