"""`predict_windows`: large images by a Segmenter, in windows that overlap."""

import itertools

import numpy as np

from keras_vit.common.checks import check_positive
from keras_vit.layers.tokens.grids import pair
from keras_vit.models.vision_model import arguments_of, look_inside, settings_of


def predict_windows(model, image, *, window=None, stride=None, batch_size=1):
    """The share of every class at every pixel of a large image.

    The image is cut into windows that may overlap; where they do, the mean of their
    logits counts. Memory does not grow with the number of windows.

    Args:
        model: A model of `keras_vit.Segmenter`.
        image: Float array `(height, width, channels)`, or `(height, width)` where
            images have one channel, in the range that the model takes; at least as
            large as a window on each side.
        window: Integer or pair `(height, width)`, pixels. Defaults to the model's image
            size, and must be given where that is open.
        stride: Integer or pair, pixels from one window to the next, at most `window`.
            Defaults to `window`: windows side by side, but for the last, which ends
            with the image.
        batch_size: Integer, the windows that are predicted at once.

    Returns:
        Float32 array `(height, width, num_classes)`, which sums to 1 over the classes.

    Raises:
        ValueError: if the model is no Segmenter, or a size does not fit.

    Example:

    >>> mask = keras_vit.predict_windows(model, image, window=512).argmax(-1)

    Reference: [Strudel et al., 2021](https://arxiv.org/abs/2105.05633);
    `rstrudel/segmenter`.
    """
    if settings_of(model).get("family") != "segmenter":
        raise ValueError(
            "`model` must be made by keras_vit.Segmenter. Received: "
            f"{getattr(model, 'name', model)!r}.{look_inside(model)}"
        )
    check_positive(batch_size=batch_size)
    a = arguments_of(model)
    image = checked_image(image, a["num_channels"])
    window = checked_window(window, a["image_size"])
    stride = window if stride is None else pair(stride, "stride")
    if any(step > side for step, side in zip(stride, window)):
        raise ValueError(
            "`stride` must be at most `window`, or pixels between windows are left "
            f"out. Received: stride={stride}, window={window}"
        )
    if any(side < least for side, least in zip(image.shape, window)):
        raise ValueError(
            "`image` must be at least as large as a window. Received: an image of "
            f"{image.shape[:2]} pixels, window={window}. Enlarge the image, or pass a "
            "smaller window to a model of every size."
        )
    bands = window_bands(model.predict_on_batch, image, window, stride, batch_size)
    logits = np.concatenate(list(bands))
    logits -= logits.max(axis=-1, keepdims=True)
    shares = np.exp(logits, out=logits)
    shares /= shares.sum(axis=-1, keepdims=True)
    return shares


def window_bands(run, image, window, stride, batch_size=1, weights=None):
    """Yields the outputs for a large image from top to bottom, a band at a time.

    No more than the rows of one window are in memory, however high the image is.

    Args:
        run: Function from a batch of windows to outputs `(batch, height, width,
            classes)` of the same height and width.
        image: Float array `(height, width, channels)`, at least as large as a window.
        window, stride: Pairs of integers, pixels.
        batch_size: Integer, the windows that are predicted at once.
        weights: Array of the shape of a window, positive: how much each of its pixels
            counts where windows overlap. Defaults to all alike.

    Yields:
        Float32 arrays `(rows, width, classes)`, which together are as high as the
        image.
    """
    if weights is None:
        weights = np.ones(window, "float32")
    weights = weights[:, :, None]
    height, width = image.shape[:2]
    rows, columns = (starts_of(*s) for s in zip(image.shape, window, stride))
    sums = count = None
    for y, following in zip(rows, [*rows[1:], height]):
        places = iter(columns)
        while batch := list(itertools.islice(places, batch_size)):
            cuts = np.stack(
                [image[y : y + window[0], x : x + window[1]] for x in batch]
            )
            outputs = np.asarray(run(cuts), "float32")
            if sums is None:
                sums = np.zeros((window[0], width, outputs.shape[-1]), "float32")
                count = np.zeros((window[0], width, 1), "float32")
            for x, output in zip(batch, outputs):
                sums[:, x : x + window[1]] += weights * output
                count[:, x : x + window[1]] += weights
        done = following - y
        yield sums[:done] / count[:done]
        for array in (sums, count):  # the rows that the next windows see, too
            array[: window[0] - done] = array[done:]
            array[window[0] - done :] = 0


def starts_of(length, window, stride):
    """Where windows start along a side: each stride, the last at the image's end."""
    return [*range(0, length - window, stride), length - window]


def checked_image(image, channels):
    """An image as float32 `(height, width, channels)`; one channel may have no axis."""
    image = np.asarray(image, "float32")
    if image.ndim == 2:
        image = image[:, :, None]
    if image.ndim != 3 or image.shape[-1] != channels or 0 in image.shape:
        raise ValueError(
            f"`image` must be one image, (height, width, {channels}). "
            f"Received: shape={image.shape}"
        )
    return image


def checked_window(window, image_size):
    """The pixels `(height, width)` of a window that the model takes."""
    known = None not in image_size
    if window is None:
        if not known:
            raise ValueError(
                "`window` must be given for a model of every image size. Received: "
                "window=None"
            )
        return tuple(image_size)
    window = pair(window, "window")
    if known and window != tuple(image_size):
        raise ValueError(
            f"`window` must be the image size of the model, {tuple(image_size)}. "
            f"Received: window={window}. Leave it out, or take "
            "keras_vit.with_image_size for a model of another size."
        )
    return window
