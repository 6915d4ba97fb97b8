"""Checks the sizes of images where a network does not take every one of them."""

import keras

from keras_vit.layers.base import Layer


def check_sides(sides, multiple, offset=0, least=1):
    """Raises, naming the nearest ones, unless every side is `multiple * k + offset`.

    Args:
        sides: Pair `(height, width)`, pixels; `None` for one that is not known.
        multiple: Integer.
        offset: Integer.
        least: Integer, the smallest `k`.
    """
    nearest = []
    for side in sides:
        if side is None:
            continue
        k, rest = divmod(side - offset, multiple)
        if k < least or rest:
            below = max(k, least) * multiple + offset
            nearest.append(f"Nearest to {side}: {below} and {below + multiple}.")
    if nearest:
        rule = f"{multiple} k + {offset}" if offset else f"{multiple} k"
        raise ValueError(
            f"`image_size` must be {rule} on each side, with k at least {least}: what "
            "this network pools must be even. Received: "
            f"image_size={tuple(sides)}. {' '.join(dict.fromkeys(nearest))}"
        )


@keras.saving.register_keras_serializable(package="keras_vit")
class SizeCheck(Layer):
    """Passes images on, and raises for those of a size that the network cannot take.

    For models of every image size: each side must be `multiple * k + offset`.

    Args:
        multiple: Integer, pixels.
        offset: Integer, pixels.
        least: Integer, the smallest `k`.

    Input shape: `(batch, height, width, channels)`; height and width may be unknown.

    Output shape: the same.

    Raises:
        ValueError: if a known side is another; the message names the two nearest.

    Example:

    >>> keras_vit.layers.SizeCheck(16)(keras.ops.zeros((1, 32, 48, 1))).shape
    (1, 32, 48, 1)
    """

    def __init__(self, multiple, offset=0, least=1, **kwargs):
        super().__init__(**kwargs)
        self.multiple = multiple
        self.offset = offset
        self.least = least

    def call(self, inputs):
        check_sides(inputs.shape[1:3], self.multiple, self.offset, self.least)
        return inputs
