"""Pictures of images as they are, and of the patches that a model cuts them into."""

import numpy as np

from keras_vit.common.figures import grid_of_images
from keras_vit.layers.tokens.patches import pair

# Images of one figure.
MOST = 100


def plot_images(images, titles=None, *, columns=None, value_range=(-1.0, 1.0)):
    """Images side by side.

    Args:
        images: Array `(B, H, W, C)` with 1 or 3 channels, or one image `(H, W, C)` or
            `(H, W)`; or a list of images, which may differ in size. At most 100.
        titles: Sequence of strings or numbers, one above each image; a single one for
            a single image; or `None`.
        columns: Integer, images in a row. By default as fits.
        value_range: Pair, black and white of images that are not `uint8`.

    Returns:
        A matplotlib `Figure`, which a notebook shows and `savefig` writes.

    Raises:
        ValueError: if there are none, too many, or what is no image.

    Example:

    >>> images, labels = next(iter(source.batches(16, image_size=64)))
    >>> plot_images(images, [source.class_names[label] for label in labels])
    """
    images = [_shown(image, value_range) for image in _listed(images)]
    if not 0 < len(images) <= MOST:
        raise ValueError(
            f"`images` must hold 1 to {MOST} images. Received: {len(images)}"
        )
    if titles is not None:
        one = isinstance(titles, str) or np.ndim(titles) == 0
        titles = [str(title) for title in ([titles] if one else titles)]
        if len(titles) != len(images):
            raise ValueError(
                "`titles` must have one for each image. Received: "
                f"{len(titles)} titles, {len(images)} images"
            )
    return grid_of_images(images, titles, columns)


def plot_patches(image, patch_size=16, *, value_range=(-1.0, 1.0)):
    """One image cut into the patches that a Vision Transformer reads.

    Args:
        image: Array `(H, W, C)` or `(H, W)`, or a batch of one image.
        patch_size: Integer or pair `(height, width)`, pixels. What is left at the
            right and below, where patches do not tile the image, is not shown.
        value_range: Pair, black and white of an image that is not `uint8`.

    Returns:
        A matplotlib `Figure`: the patches at their places, with gaps between them.

    Raises:
        ValueError: if it is no single image, or a patch is larger.

    Example:

    >>> plot_patches(keras_vit.data.load_image("cat.jpg", 224), 32)

    Reference: [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929), figure 1.
    """
    images = _listed(image)
    if len(images) != 1:
        raise ValueError(
            "plot_patches takes one image; choose one, such as images[0]. "
            f"Received: {len(images)} images"
        )
    image = _shown(images[0], value_range)
    height, width = pair(patch_size, "patch_size")
    rows, columns = image.shape[0] // height, image.shape[1] // width
    if not rows * columns:
        raise ValueError(
            "`patch_size` must not be larger than the image. "
            f"Received: patch_size={patch_size}, an image of shape {image.shape}"
        )
    return grid_of_images([_apart(image, (height, width), (rows, columns))])


def _apart(image, size, grid):
    """`(H, W, C)` to one RGBA picture of its patches, with clear gaps between them."""
    (height, width), (rows, columns) = size, grid
    colours = np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image
    gap = max(1, round(min(size) / 8))
    picture = np.zeros(
        (rows * (height + gap) - gap, columns * (width + gap) - gap, 4), "float32"
    )
    for row in range(rows):
        for column in range(columns):
            y, x = row * height, column * width
            patch = colours[y : y + height, x : x + width]
            y, x = row * (height + gap), column * (width + gap)
            picture[y : y + height, x : x + width, :3] = patch
            picture[y : y + height, x : x + width, 3] = 1
    return picture


def _listed(images):
    """A list of arrays, from a batch, one image, or a list of images."""
    if isinstance(images, list | tuple):
        return [np.asarray(image) for image in images]
    images = np.asarray(images)
    if images.ndim == 4:
        return list(images)
    # Columns of pixels are never one or three: (H, W, 3) is one image in colour.
    if images.ndim == 3 and images.shape[-1] not in (1, 3):
        return list(images)  # grey ones without an axis of channels
    return [images]


def _shown(image, value_range):
    """An image as floats in `[0, 1]` of shape `(H, W, 1)` or `(H, W, 3)`."""
    image = image[..., None] if image.ndim == 2 else image
    if image.ndim != 3 or image.shape[-1] not in (1, 3) or not image.size:
        raise ValueError(
            "An image must be an array (height, width) or (height, width, 1 or 3). "
            f"Received: an array of shape {image.shape}"
        )
    low, high = (0, 255) if image.dtype == np.uint8 else value_range
    return np.clip((image.astype("float32") - low) / (high - low), 0, 1)
