"""Arrays as images inside the page, as `data:` URLs."""

import functools

import numpy as np

from keras_vit.common.figures import image_address, new_figure
from keras_vit.explaining.packing import LEVELS

# The longest side of a photograph, pixels; smaller ones stay as they are.
LONGEST = 336
# Up to this side, pixels are shown as they are: PNG, and sharp squares.
SHARP = 64


def is_sharp(pixels):
    """Whether an image is so small that its pixels should be seen."""
    return max(pixels.shape[:2]) <= SHARP


def photograph(pixels):
    """`uint8` `(H, W, 1 or 3)`: PNG of a small image, else JPEG."""
    image = _image(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    if is_sharp(pixels):
        return image_address(image, "PNG")
    image.thumbnail((LONGEST, LONGEST))
    return image_address(image, "JPEG", quality=82)


def colours(values):
    """An array `(H, W, 3 or 4)` in `[0, 1]` as PNG."""
    pixels = np.round(255 * np.clip(values, 0, 1)).astype("uint8")
    return image_address(_image(pixels), "PNG")


def heat(values):
    """A map `(rows, columns)`, a pixel for each patch: the brighter, the more."""
    return _indexed(_levels(values))


def signed_heat(values):
    """A map `(rows, columns)`: red what is above 0, blue what is below."""
    furthest = max(np.abs(values).max(), 1e-30)
    levels = np.rint((LEVELS - 2) * (values / furthest + 1) / 2)  # 0 in the middle
    return _indexed(levels.astype("uint8"), "RdBu_r")


def graded(values):
    """An array `(H, W)` of values in `[-1, 1]`; NaN is nothing."""
    levels = np.rint((LEVELS - 1) * (np.clip(values, -1, 1) + 1) / 2)
    return _indexed(np.nan_to_num(levels, nan=LEVELS).astype("uint8"), "viridis")


def scale():
    """The colours of `graded` from lowest to highest, as CSS lists them."""
    return ", ".join(f"#{bytes(shade).hex()}" for shade in palette("viridis")[::7])


def mosaic(maps):
    """Maps `(layers, heads, rows, columns)` side by side, each as bright as it gets.

    The mean of the heads comes first. Between maps is a line of nothing.
    """
    means = maps.mean(axis=1, keepdims=True)
    tiles = _levels(np.concatenate([means, maps], axis=1))
    around = ((0, 0), (0, 0), (0, 1), (0, 1))
    tiles = np.pad(tiles, around, constant_values=LEVELS)
    layers, heads, rows, columns = tiles.shape
    whole = tiles.transpose(0, 2, 1, 3).reshape(layers * rows, heads * columns)
    return _indexed(whole)


@functools.cache
def palette(name="inferno"):
    """The colours of all levels: `uint8` `(LEVELS, 3)`."""
    new_figure(1, 1)  # says what to install where matplotlib is missing
    import matplotlib

    shades = matplotlib.colormaps[name](np.linspace(0, 1, LEVELS))
    return np.round(255 * shades[:, :3]).astype("uint8")


def _levels(maps):
    """Each map's values as shares of its largest: `uint8` in `[0, LEVELS)`."""
    largest = np.maximum(maps.max(axis=(-2, -1), keepdims=True), 1e-30)
    return np.rint((LEVELS - 1) * np.maximum(maps, 0) / largest).astype("uint8")


def _indexed(levels, name="inferno"):
    image = _image(levels, "P")
    image.putpalette([*palette(name).ravel().tolist(), 0, 0, 0])
    extra = {"transparency": LEVELS} if levels.max(initial=0) == LEVELS else {}
    return image_address(image, "PNG", **extra)


def _image(pixels, mode=None):
    from PIL import Image

    return Image.fromarray(pixels, mode)
