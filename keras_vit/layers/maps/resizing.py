"""Resizes feature maps, to the size of an image or by a factor."""

import keras
import numpy as np
from keras import ops

from keras_vit.common.checks import check_positive
from keras_vit.layers.base import Layer
from keras_vit.layers.resize import resize_matrix
from keras_vit.layers.tokens.grids import pair


def resized(maps, size, kernel):
    """Maps `(B, h, w, C)` of another size `(rows, columns)`, in float32 at least.

    By two products with matrices, which accelerators are made for: XLA takes several
    times as long for a resize of its own.
    """
    dtype = keras.backend.result_type(maps.dtype, "float32")
    maps = ops.cast(maps, dtype)
    height, width = ops.shape(maps)[1:3]
    channels = maps.shape[-1]
    rows, columns = (
        _matrix(old, new, kernel, dtype) for old, new in zip((height, width), size)
    )
    x = ops.reshape(maps, (-1, height, width * channels))
    x = ops.matmul(rows, x)  # (B, H, w * C)
    x = ops.reshape(x, (-1, size[0], width, channels))
    return ops.matmul(columns, x)  # (B, H, W, C)


def _matrix(old, new, kernel, dtype):
    known = isinstance(old, int) and isinstance(new, int)
    matrix = resize_matrix(old, new, kernel, xp=np if known else ops)
    return ops.convert_to_tensor(matrix, dtype) if known else ops.cast(matrix, dtype)


@keras.saving.register_keras_serializable(package="keras_vit")
class ToImageSize(Layer):
    """Brings a map to the size of the images that it is of.

    Bilinear with half-pixel centres. The map may be that of padded images: it is made
    as large as those, then the padding is cut off. Computes in float32 at least.

    Args:
        multiple: Integer or pair `(height, width)`, pixels: the sides of images were
            padded to a multiple of it (`keras_vit.layers.PadToMultiple`).

    Call arguments:
        inputs: Float tensor `(batch, rows, columns, channels)`.
        images: Tensor `(batch, height, width, ...)`, of which the size alone is read.

    Output shape: `(batch, height, width, channels)`.

    Example:

    >>> to_size = keras_vit.layers.ToImageSize(16)
    >>> to_size(keras.ops.zeros((1, 4, 4, 5)), keras.ops.zeros((1, 50, 64, 3))).shape
    (1, 50, 64, 5)
    """

    def __init__(self, multiple=1, **kwargs):
        super().__init__(**kwargs)
        self.multiple = multiple
        self._multiple = pair(multiple, "multiple")

    def call(self, inputs, images):
        height, width = ops.shape(images)[1:3]
        multiples = zip((height, width), self._multiple)
        padded = [side + -side % multiple for side, multiple in multiples]
        known = all(isinstance(side, int) for side in padded)
        if known and inputs.shape[1:3] == tuple(padded):
            dtype = keras.backend.result_type(inputs.dtype, "float32")
            x = ops.cast(inputs, dtype)
        else:
            x = resized(inputs, padded, "bilinear")
        return x[:, :height, :width]

    def compute_output_spec(self, inputs, images):
        shape = (inputs.shape[0], *images.shape[1:3], inputs.shape[-1])
        dtype = keras.backend.result_type(inputs.dtype, "float32")
        return keras.KerasTensor(shape, dtype=dtype)


@keras.saving.register_keras_serializable(package="keras_vit")
class AlignedUpsampling(Layer):
    """Enlarges a map by a factor: bilinear, the corners of both grids aligned.

    What PyTorch calls `align_corners=True`; `keras.layers.UpSampling2D` has half-pixel
    centres.

    Args:
        factor: Integer.

    Input shape: `(batch, height, width, channels)`; height and width may be unknown.

    Output shape: `(batch, factor * height, factor * width, channels)`.

    Example:

    >>> keras_vit.layers.AlignedUpsampling()(keras.ops.ones((1, 2, 3, 4))).shape
    (1, 4, 6, 4)
    """

    def __init__(self, factor=2, **kwargs):
        super().__init__(**kwargs)
        check_positive(factor=factor)
        self.factor = factor
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, inputs):
        size = [self.factor * side for side in ops.shape(inputs)[1:3]]
        return ops.cast(resized(inputs, size, "official"), inputs.dtype)

    def compute_output_shape(self, input_shape):
        sides = (s and self.factor * s for s in input_shape[1:3])
        return (input_shape[0], *sides, input_shape[3])
