"""How much each pixel counts in U-Net's loss: most where two cells all but touch."""

import math

import numpy as np

from keras_vit.common.checks import is_number

_LEAST = 1e-10  # what an exponential that small adds is left out


def unet_weight_map(labels, class_weights=(1.0, 1.0), *, w0=10.0, sigma=5.0):
    """U-Net's weight of each pixel, which makes it learn the gaps between cells.

    `w = w_c + w0 exp(-(d1 + d2)^2 / (2 sigma^2))`, `d1` and `d2` the distances to the
    nearest and the second nearest cell. The second term is that of background pixels;
    it is 0 within cells, and where there are fewer than two.

    Cells that touch have no gap: make a border of background between them first, as
    the paper does by morphology.

    Args:
        labels: Integer array `(height, width)` or `(batch, height, width)`: 0 is
            background, every other number is a cell of its own.
        class_weights: Pair of floats, `w_c` of background and of cells. The paper
            balances the classes by them.
        w0: Float, the weight of a gap of no width.
        sigma: Float, pixels.

    Returns:
        Float32 array of the shape of `labels`. For a model of valid convolutions cut
        out its middle, as of the masks: `weights[:, 92:-92, 92:-92]`.

    Raises:
        ValueError: if an argument has another form.

    Example:

    >>> weights = keras_vit.unet_weight_map(cells, class_weights=(0.7, 1.9))
    >>> model.fit(images, cells > 0, sample_weight=weights)

    Reference: [Ronneberger et al., 2015](https://arxiv.org/abs/1505.04597), equation 2.
    """
    labels = np.asarray(labels)
    if labels.ndim not in (2, 3) or labels.dtype.kind not in "iu":
        raise ValueError(
            "`labels` must be integers of shape (height, width) or (batch, height, "
            "width), 0 for background and a number for each cell. Received: an array "
            f"of {labels.dtype}, shape={labels.shape}"
        )
    if labels.size and labels.min() < 0:
        raise ValueError(
            "`labels` must not be negative: 0 is background, other numbers are cells. "
            f"Received: {labels.min()}"
        )
    weights = tuple(class_weights)
    if len(weights) != 2 or not all(is_number(w) and w >= 0 for w in weights):
        raise ValueError(
            "`class_weights` must be a pair of numbers, of background and of cells, "
            f"none negative. Received: class_weights={class_weights!r}"
        )
    for name, value, least in (("w0", w0, 0), ("sigma", sigma, 1e-6)):
        if not is_number(value) or not least <= value < math.inf:
            rule = "positive" if least else "0 or more"
            raise ValueError(f"`{name}` must be {rule}. Received: {name}={value!r}")
    if labels.ndim == 3:
        options = {"w0": w0, "sigma": sigma}
        maps = [unet_weight_map(each, weights, **options) for each in labels]
        return np.stack(maps) if maps else np.zeros(labels.shape, "float32")
    background = labels == 0
    nearest, second = _two_distances(labels, sigma * math.sqrt(-2 * math.log(_LEAST)))
    gap = w0 * np.exp(-((nearest + second) ** 2) / (2 * sigma**2))
    total = np.where(background, weights[0] + gap, weights[1])
    return total.astype("float32")


def _two_distances(labels, radius):
    """Each pixel's distances to its two nearest cells; infinite beyond a radius."""
    nearest, second = np.full((2, *labels.shape), np.inf)
    reach = math.ceil(radius)
    for cell in np.unique(labels[labels > 0]):
        rows, columns = np.nonzero(labels == cell)
        window = tuple(
            slice(max(places.min() - reach, 0), places.max() + reach + 1)
            for places in (rows, columns)
        )
        distance = _distance(labels[window] == cell, reach)
        near = nearest[window]
        second[window] = np.minimum(second[window], np.maximum(near, distance))
        nearest[window] = np.minimum(near, distance)
    return nearest, second


def _distance(inside, reach):
    """The Euclidean distance of each pixel to the nearest of some, up to `reach`.

    Squares of distances are those along rows, plus those along columns: the least sum.
    """
    squares = np.where(inside, 0.0, np.inf)
    for axis in range(2):
        flat = np.moveaxis(squares, axis, 0)
        least = flat.copy()
        for step in range(1, min(reach, len(flat) - 1) + 1):
            least[step:] = np.minimum(least[step:], flat[:-step] + step**2)
            least[:-step] = np.minimum(least[:-step], flat[step:] + step**2)
        squares = np.moveaxis(least, 0, axis)
    return np.sqrt(squares)
