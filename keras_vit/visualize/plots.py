"""Plots of filters, positions and attention, drawn with matplotlib.

Each function returns a matplotlib `Figure`, which opens no window;
`figure.savefig("picture.png")` writes it.
"""

import math

import numpy as np

from keras_vit.common.figures import new_figure, unformatted


def plot_filters(filters, columns=7):
    """Filters side by side, each with contrast of its own; grey is zero.

    Args:
        filters: Array `(count, height, width, channels)`, such as `patch_filters` and
            `filter_components` return. Three channels are shown as red, green and
            blue, of any other number the mean.
        columns: Integer, filters in a row.

    Returns:
        A matplotlib `Figure`.

    Raises:
        ValueError: if there is no filter.

    Example:

    >>> figure = plot_filters(filter_components(model))
    >>> figure.savefig("filters.png")
    """
    picture = filter_mosaic(filters, columns)
    columns = min(columns, len(filters))
    height, width = picture.shape[:2]
    figure = new_figure(0.8 * columns, 0.8 * columns * height / width)
    axes = figure.subplots()
    axes.imshow(picture, interpolation="nearest")
    axes.set_axis_off()
    return figure


def filter_mosaic(filters, columns=7):
    """The picture in `plot_filters`, one pixel for each value of a filter.

    Args:
        filters: As for `plot_filters`.
        columns: As for `plot_filters`.

    Returns:
        Float array `(H, W, 4)` in `[0, 1]`, red, green, blue and opacity: a line of
        nothing between filters.

    Raises:
        ValueError: if there is no filter.

    Example:

    >>> filter_mosaic(filter_components(keras_vit.ViT_B16())).shape
    (67, 118, 4)
    """
    filters = np.asarray(filters, "float32")
    if filters.ndim != 4 or not filters.size:
        raise ValueError(
            "`filters` must be an array (count, height, width, channels). "
            f"Received: shape {filters.shape}"
        )
    if filters.shape[-1] != 3:
        filters = filters.mean(axis=-1, keepdims=True)
    strongest = np.abs(filters).max(axis=(1, 2, 3), keepdims=True)
    tiles = 0.5 + filters / (2 * np.maximum(strongest, np.finfo("float32").tiny))
    columns = min(columns, len(tiles))
    rows = math.ceil(len(tiles) / columns)
    blank = np.full((rows * columns - len(tiles), *tiles.shape[1:]), np.nan)
    tiles = np.concatenate([tiles, blank])
    return _opaque(mosaic(tiles.reshape(rows, columns, *tiles.shape[1:])))


def plot_position_similarity(similarity):
    """One map for each patch: how alike its position is to every other.

    Args:
        similarity: Array `(rows, columns, rows, columns)`, as `position_similarity`
            returns.

    Returns:
        A matplotlib `Figure`, like figure 7 (centre) of the paper.

    Example:

    >>> figure = plot_position_similarity(position_similarity(model))
    >>> figure.savefig("positions.png")
    """
    rows, columns = similarity.shape[:2]
    maps = mosaic(similarity[..., None])[..., 0]
    height, width = maps.shape
    inch = 4.6 / max(height, width)
    # Never too low for the labels of the rows and of the colours.
    figure = new_figure(2.4 + width * inch, max(0.9 + height * inch, 2.6))
    axes = figure.subplots()
    shown = axes.imshow(maps, cmap="viridis", vmin=-1, vmax=1, interpolation="none")
    sides = ((axes.xaxis, columns, "column"), (axes.yaxis, rows, "row"))
    for axis, count, name in sides:
        numbers = np.arange(0, count, max(1, math.ceil(count / 8)))
        axis.set_ticks(numbers * (count + 1) + (count - 1) / 2, numbers + 1)
        axis.set_label_text(f"{name} of the patch")
        axis.set_tick_params(length=0)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(shown, ax=axes, shrink=0.9, ticks=[-1, -0.5, 0, 0.5, 1])
    bar.set_label("cosine similarity")
    bar.outline.set_visible(False)
    return figure


def plot_attention(images, maps, titles=None, *, value_range=(-1.0, 1.0)):
    """Each image beside a copy that is dark where it gets no attention.

    Args:
        images: Array `(B, H, W, C)`, or one image; `uint8` is pixels.
        maps: Array `(B, rows, columns)`, or one map; not negative, such as
            `attention_rollout` and `relevance` return.
        titles: Sequence of strings, one above each image, or `None`.
        value_range: Pair, black and white of images that are not `uint8`.

    Returns:
        A matplotlib `Figure`.

    Example:

    >>> figure = plot_attention(images, attention_rollout(model, images))
    >>> figure.savefig("attention.png")

    Reference: [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929), figures 6
    and 14.
    """
    pictures = overlay(images, maps, value_range=value_range)
    plain = _unit(images, value_range)
    count = len(plain)
    columns = count if count <= 3 else 2 if count == 4 else 3
    rows = math.ceil(count / columns)
    shape = plain.shape[1] / plain.shape[2]
    room = 0 if titles is None else 0.25
    figure = new_figure(3.3 * columns, (1.6 * shape + room) * rows)
    grid = np.atleast_1d(figure.subplots(rows, columns)).ravel()
    gap = np.full((plain.shape[1], max(1, plain.shape[2] // 24), 3), np.nan)
    for i, (before, after) in enumerate(zip(plain, pictures)):
        pair = np.concatenate([before, gap, after], axis=1)
        grid[i].imshow(_opaque(pair), interpolation="nearest")
        if titles is not None:
            grid[i].set_title(unformatted(titles[i]), fontsize=9)
    for axes in grid:
        axes.set_axis_off()
    return figure


def overlay(images, maps, *, value_range=(-1.0, 1.0), darkest=0.15):
    """Images, as bright as their maps.

    Each map is divided by its largest value and resized bilinearly.

    Args:
        images: Array `(B, H, W, C)`, or one image; `uint8` is pixels.
        maps: Array `(B, rows, columns)`, or one map; what is negative counts as 0.
        value_range: Pair, black and white of images that are not `uint8`.
        darkest: Float in `[0, 1]`, what is left of the light where a map is 0.

    Returns:
        Float array `(B, H, W, 3)` in `[0, 1]`.

    Raises:
        ValueError: if there are not as many maps as images.

    Example:

    >>> pixels = 255 * overlay(images, attention_rollout(model, images))
    """
    plain, maps = _unit(images, value_range), np.asarray(maps, "float64")
    maps = maps[None] if maps.ndim == 2 else maps
    if maps.ndim != 3 or len(maps) != len(plain):
        raise ValueError(
            "`maps` must be one map (rows, columns) for each image. Received: maps of "
            f"shape {maps.shape}, {len(plain)} images"
        )
    # The authors resize by Lanczos, whose overshoot they then blur away over a patch;
    # bilinear weights have none.
    maps = np.maximum(maps, 0)
    maps = maps / np.maximum(maps.max(axis=(1, 2), keepdims=True), 1e-30)
    rows, columns = (
        _enlarging(old, new) for old, new in zip(maps.shape[1:], plain.shape[1:3])
    )
    light = darkest + (1 - darkest) * (rows @ maps @ columns.T)
    return plain * light[..., None]


def _unit(images, value_range):
    """Images as `(B, H, W, 3)` in `[0, 1]`."""
    images = np.asarray(images)
    images = images[None] if images.ndim == 3 else images
    low, high = (0, 255) if images.dtype == np.uint8 else value_range
    x = np.clip((images.astype("float64") - low) / (high - low), 0, 1)
    if x.shape[-1] != 3:
        x = np.repeat(x.mean(axis=-1, keepdims=True), 3, axis=-1)
    return x


def _enlarging(old, new):
    """The matrix `(new, old)` of bilinear resizing between the centres of pixels."""
    places = (np.arange(new) + 0.5) * old / new - 0.5
    return np.stack([np.interp(places, np.arange(old), row) for row in np.eye(old)], 1)


def mosaic(tiles):
    """`(rows, columns, h, w, C)` to one picture, a line of NaN between tiles."""
    rows, columns, height, width = tiles.shape[:4]
    around = ((0, 0), (0, 0), (0, 1), (0, 1), (0, 0))
    tiles = np.pad(tiles, around, constant_values=np.nan)
    whole = tiles.transpose(0, 2, 1, 3, 4)
    whole = whole.reshape(rows * (height + 1), columns * (width + 1), -1)
    return whole[:-1, :-1]


def _opaque(picture):
    """RGBA of a picture, transparent where it is NaN."""
    if picture.shape[-1] != 3:
        picture = np.repeat(picture, 3, axis=-1)
    seen = ~np.isnan(picture).any(axis=-1, keepdims=True)
    return np.concatenate([np.nan_to_num(picture), seen], axis=-1)
