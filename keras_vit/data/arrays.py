"""Images that are in memory already, as a source."""

import numpy as np

from keras_vit.data.readers.stores import PixelStore
from keras_vit.data.source import Source


def from_arrays(images, labels, class_names=None, name: str = "arrays") -> Source:
    """A source of images in memory.

    Args:
        images: `uint8` array `(N, H, W, C)` with C 1 or 3, or `(N, H, W)`, values in
            [0, 255].
        labels: Integer array `(N,)`, or `(N, 1)`.
        class_names: List of strings. Defaults to the numbers "0", "1" and so on.
        name: String, for messages.

    Returns:
        A `Source`.
    """
    images, labels = np.asarray(images), np.asarray(labels)
    images = images[..., None] if images.ndim == 3 else images
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise ValueError(
            "`images` must be uint8, (N, H, W, 1 or 3), values in [0, 255]. "
            f"Received: {images.dtype}, {images.shape}"
        )
    labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    whole = np.issubdtype(labels.dtype, np.integer)
    if not whole or labels.shape != images.shape[:1] or not len(labels):
        raise ValueError(
            "`labels` must be integers, one per image. "
            f"Received: {labels.dtype}, {labels.shape} for {len(images)} images"
        )
    if class_names is None:
        class_names = [str(i) for i in range(int(labels.max()) + 1)]
    if labels.min() < 0 or labels.max() >= len(class_names):
        raise ValueError(
            f"`labels` must lie in [0, {len(class_names)}), one name per class. "
            f"Received: labels from {labels.min()} to {labels.max()}"
        )
    store = PixelStore(images, labels)
    return Source(store, name, "all", class_names, images.shape[-1])
