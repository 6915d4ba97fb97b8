"""Changes to images: shifts, and permuted patches."""

import numpy as np

from keras_vit.common.checks import check_choice
from keras_vit.layers.tokens.grids import pair


def shift(images, rows=0, columns=0, *, mode="edge"):
    """Images moved by whole pixels.

    Args:
        images: Array `(B, H, W, C)`, or one image `(H, W, C)`.
        rows: Integer, pixels downwards; negative ones upwards.
        columns: Integer, pixels to the right; negative ones to the left.
        mode: What comes in at the other side: `"edge"`, the last pixels repeated, or
            `"wrap"`, what went out.

    Returns:
        Array of the shape and type of `images`.

    Raises:
        ValueError: if `mode` is unknown or `images` is no batch.

    Example:

    >>> keras_vit.visualize.shift(np.arange(4).reshape(1, 1, 4, 1), columns=1).ravel()
    array([0, 0, 1, 2])
    """
    images = _checked(images)
    check_choice(mode, ("edge", "wrap"), "mode")
    for axis, by in ((-3, rows), (-2, columns)):
        count = images.shape[axis]
        places = np.arange(count) - by
        places = places % count if mode == "wrap" else np.clip(places, 0, count - 1)
        images = images.take(places, axis=axis)
    return images


def permute_patches(images, patch_size, share=1.0, *, seed=0):
    """Images in which some patches have changed places.

    The patches are drawn with the seed, alike for all images, and each of them takes
    the place of another: no pixel is lost. A larger share moves those of a smaller one
    and others. What is left at the right and below, where patches do not tile the
    image, stays.

    Args:
        images: Array `(B, H, W, C)`, or one image `(H, W, C)`.
        patch_size: Integer or pair `(height, width)`, pixels.
        share: Float in `[0, 1]`, the share of the patches that move; of less than two
            patches none does. Defaults to 1.
        seed: Integer.

    Returns:
        Array of the shape and type of `images`.

    Raises:
        ValueError: if `share` is no share, or a patch is larger than the image.

    Example:

    >>> puzzle = keras_vit.visualize.permute_patches(images, 16)

    Reference: [Naseer et al., 2021](https://arxiv.org/abs/2105.10497), section 3.3.
    """
    images = _checked(images)
    height, width = pair(patch_size, "patch_size")
    rows, columns = images.shape[-3] // height, images.shape[-2] // width
    if not 0 <= share <= 1:
        raise ValueError(f"`share` must lie in [0, 1]. Received: share={share}")
    if not rows * columns:
        raise ValueError(
            "`patch_size` must not be larger than the images. "
            f"Received: patch_size={patch_size}, images of shape {images.shape}"
        )
    order = np.random.default_rng(seed).permutation(rows * columns)
    moved = order[: round(share * rows * columns)]
    sources = np.arange(rows * columns)
    sources[moved] = np.roll(moved, 1)
    # The pixels from which each takes its colour.
    y, x = np.indices((rows * height, columns * width))
    origins = sources[y // height * columns + x // width]
    from_row, from_column = np.divmod(origins, columns)
    y, x = from_row * height + y % height, from_column * width + x % width
    changed = images.copy()
    changed[..., : rows * height, : columns * width, :] = images[..., y, x, :]
    return changed


def _checked(images):
    images = np.asarray(images)
    if images.ndim not in (3, 4):
        raise ValueError(
            "`images` must be a batch (B, H, W, C), or one image (H, W, C). "
            f"Received: an array of shape {images.shape}"
        )
    return images
