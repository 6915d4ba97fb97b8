"""Subsampling with trainable coefficients, as in LeNet-5."""

import keras
from keras import ops

from keras_vit.common.checks import check_positive
from keras_vit.layers.base import Layer
from keras_vit.layers.classic.scaled_tanh import uniform_by_fan_in


@keras.saving.register_keras_serializable(package="keras_vit")
class Subsampling(Layer):
    """Sums squares of positions, times one coefficient and plus one bias of each map.

    The sum, not the mean: a coefficient of the mean is `size ** 2` times as large.

    Args:
        size: Integer, the side of the squares, which do not overlap. Rows and columns
            that fill none are left out.

    Input shape: `(batch, height, width, channels)`.

    Output shape: `(batch, height // size, width // size, channels)`.

    Raises:
        ValueError: if `size` is no positive integer.

    Example:

    >>> keras_vit.layers.Subsampling(2)(keras.ops.ones((1, 28, 28, 6))).shape
    (1, 14, 14, 6)

    Coefficients start uniformly in +-2.4 / size^2, as in the paper.

    Reference: [LeCun et al., 1998](http://yann.lecun.com/exdb/publis/pdf/lecun-98.pdf),
    section II.B, layer S2.
    """

    def __init__(self, size=2, **kwargs):
        super().__init__(**kwargs)
        check_positive(size=size)
        self.size = size

    def build(self, input_shape):
        shape, area = (input_shape[-1],), float(self.size**2)
        self.coefficient = self.add_weight(
            shape, name="coefficient", initializer=uniform_by_fan_in(area)
        )
        self.bias = self.add_weight(shape, name="bias", initializer="zeros")

    def call(self, inputs):
        square = (self.size, self.size)
        # Strides as a pair: Keras takes no others under JAX.
        x = ops.average_pool(
            inputs, square, square, padding="valid", data_format="channels_last"
        )
        return x * self.size**2 * self.coefficient + self.bias

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        sides = (None if side is None else side // self.size for side in sides)
        return (batch, *sides, channels)
