"""The C-cells of a Neocognitron, which allow for shifts."""

import keras
import numpy as np
from keras import ops

from keras_vit.layers.base import Layer
from keras_vit.layers.classic.s_layer import falloff_by_distance


@keras.saving.register_keras_serializable(package="keras_vit")
class CLayer(Layer):
    """Planes of C-cells: each answers if its feature is anywhere in its area.

    A C-cell is excited by the S-cells of one plane in its area, weaker with distance,
    and inhibited by the mean of the same sums over all planes. With `x` for `(1 +
    excitation) / (1 + inhibition) - 1` its output is `x / (saturation + x)`, and 0
    where `x` is not positive. Nothing is trained.

    Args:
        area: Integer, side of the square of S-cells that one C-cell reads.
        strides: Integer, positions from one C-cell to the next.
        padding: Pair of integers, rows and columns of zeros before and behind.
        saturation: Float, the paper's alpha: the `x` at which the output is one half.
        strength: Float, the weight of an S-cell in the centre.
        falloff: Float in `(0, 1]`, factor of the weights for each position of distance.

    Input shape: `(batch, rows, columns, planes)`, not negative.

    Output shape: `(batch, rows', columns', planes)`, in `[0, 1)`, where `rows' = (rows
        + sum(padding) - area) // strides + 1`.

    Example:

    >>> layer = keras_vit.layers.CLayer(5, strides=2, padding=(3, 4))
    >>> layer(keras.random.uniform((1, 16, 16, 24))).shape
    (1, 10, 10, 24)

    Reference: [Fukushima, 1980](https://doi.org/10.1007/BF00344251), equations 6 to 8.
    The paper does not say where C-cells lie, nor how weights fall: stride and padding
    are ours, and give planes of its sizes.
    """

    def __init__(
        self,
        area=5,
        strides=1,
        padding=(0, 0),
        *,
        saturation=0.5,
        strength=1.0,
        falloff=0.9,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.area = area
        self.strides = strides
        self.padding = padding
        self.saturation = saturation
        self.strength = strength
        self.falloff = falloff

    def call(self, inputs):
        u = ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
        sides = tuple(self.padding)
        u = ops.pad(u, ((0, 0), sides, sides, (0, 0)))
        weights = self.strength * falloff_by_distance(self.area, self.falloff)
        weights = np.repeat(weights[..., None, None], u.shape[-1], axis=2)
        excited = ops.depthwise_conv(
            u, ops.cast(weights, u.dtype), self.strides, padding="valid"
        )
        inhibited = ops.mean(excited, axis=-1, keepdims=True)
        x = ops.relu((1 + excited) / (1 + inhibited) - 1)
        return ops.cast(x / (self.saturation + x), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        batch, *sides, planes = input_shape
        more = sum(self.padding) - self.area
        sides = [
            None if side is None else (side + more) // self.strides + 1
            for side in sides
        ]
        return (batch, *sides, planes)
