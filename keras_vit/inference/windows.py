"""`predict_windows`: large images by a Segmenter, in windows that overlap."""

import itertools

import numpy as np

from keras_vit.common.checks import check_positive
from keras_vit.layers.tokens.patches import pair
from keras_vit.models.vision_model import arguments_of, look_inside, settings_of


def predict_windows(model, image, *, window=None, stride=None, batch_size=1):
    """The share of every class at every pixel of a large image.

    The image is cut into windows that may overlap; where they do, the mean of their
    logits counts. Memory does not grow with the number of windows.

    Args:
        model: A model of `keras_vit.Segmenter`.
        image: Float array `(height, width, channels)` in the range that the model
            takes, at least as large as a window on each side.
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
    a, image = arguments_of(model), np.asarray(image, "float32")
    if image.ndim != 3 or image.shape[2] != a["num_channels"]:
        raise ValueError(
            "`image` must be one image (height, width, channels) with "
            f"{a['num_channels']} channels. Received: an array of shape {image.shape}"
        )
    window = _window(window, a["image_size"])
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
    logits = np.zeros((*image.shape[:2], a["num_classes"]), "float32")
    count = np.zeros((*image.shape[:2], 1), "float32")
    starts = (starts_of(*sides) for sides in zip(image.shape, window, stride))
    places = itertools.product(*starts)
    while batch := list(itertools.islice(places, batch_size)):
        cuts = [np.s_[y : y + window[0], x : x + window[1]] for y, x in batch]
        outputs = model.predict_on_batch(np.stack([image[cut] for cut in cuts]))
        for cut, output in zip(cuts, np.asarray(outputs, "float32")):
            logits[cut] += output
            count[cut] += 1
    logits /= count
    logits -= logits.max(axis=-1, keepdims=True)
    shares = np.exp(logits, out=logits)
    shares /= shares.sum(axis=-1, keepdims=True)
    return shares


def starts_of(length, window, stride):
    """Where windows start along a side: each stride, the last at the image's end."""
    return [*range(0, length - window, stride), length - window]


def _window(window, image_size):
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
