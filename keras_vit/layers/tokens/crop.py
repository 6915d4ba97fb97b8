"""Crops feature maps to a multiple of the patch size."""

import keras
from keras import ops

from keras_vit.layers.base import Layer
from keras_vit.layers.tokens.grids import pair


@keras.saving.register_keras_serializable(package="keras_vit")
class CropToMultiple(Layer):
    """Leaves out the last rows and columns that do not fill a patch.

    What a convolution without padding does whose stride is its kernel's size: the
    official patch embedding on a feature map that patches do not tile.

    Args:
        multiple: Integer or pair `(height, width)`, positions.

    Input shape: `(batch, height, width, channels)`; height and width may be unknown.

    Output shape: the same with height and width rounded down to a multiple.

    Raises:
        ValueError: if a known side is smaller than its multiple.

    Example:

    >>> keras_vit.layers.CropToMultiple(8)(keras.ops.zeros((1, 57, 64, 2))).shape
    (1, 56, 64, 2)

    Reference: `vit_jax/models_vit.py: VisionTransformer`, the layer `embedding`.
    """

    def __init__(self, multiple, **kwargs):
        super().__init__(**kwargs)
        self.multiple = multiple
        self._multiple = pair(multiple, "multiple")
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, inputs):
        self._check(inputs.shape)
        height, width = (
            side // multiple * multiple
            for side, multiple in zip(ops.shape(inputs)[1:3], self._multiple)
        )
        return inputs[:, :height, :width]

    def compute_output_shape(self, input_shape):
        self._check(input_shape)
        sides = (
            None if side is None else side // multiple * multiple
            for side, multiple in zip(input_shape[1:3], self._multiple)
        )
        return (input_shape[0], *sides, input_shape[3])

    def _check(self, shape):
        for side, multiple in zip(shape[1:3], self._multiple):
            if side is not None and side < multiple:
                raise ValueError(
                    "A feature map must hold at least one patch. Received: a map of "
                    f"{tuple(shape[1:3])} positions, patches of {self._multiple}. Use "
                    "larger images."
                )
