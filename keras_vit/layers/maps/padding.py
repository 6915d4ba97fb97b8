"""Pads images at right and bottom until patches tile them."""

import keras
from keras import ops

from keras_vit.layers.base import Layer
from keras_vit.layers.tokens.grids import pair


@keras.saving.register_keras_serializable(package="keras_vit")
class PadToMultiple(Layer):
    """Adds zeros at right and bottom, so that each side is a multiple.

    Args:
        multiple: Integer or pair `(height, width)`, pixels.

    Input shape: `(batch, height, width, channels)`; height and width may be unknown.

    Output shape: the same with height and width rounded up to a multiple.

    Example:

    >>> keras_vit.layers.PadToMultiple(16)(keras.ops.zeros((1, 50, 64, 3))).shape
    (1, 64, 64, 3)

    Reference: [Strudel et al., 2021](https://arxiv.org/abs/2105.05633), whose code pads
    normalised images so.
    """

    def __init__(self, multiple, **kwargs):
        super().__init__(**kwargs)
        self.multiple = multiple
        self._multiple = pair(multiple, "multiple")
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, inputs):
        sides = zip(ops.shape(inputs)[1:3], self._multiple)
        rows, columns = ((0, -side % multiple) for side, multiple in sides)
        return ops.pad(inputs, ((0, 0), rows, columns, (0, 0)))

    def compute_output_shape(self, input_shape):
        sides = (
            None if side is None else side + -side % multiple
            for side, multiple in zip(input_shape[1:3], self._multiple)
        )
        return (input_shape[0], *sides, input_shape[3])
