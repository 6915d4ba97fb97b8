"""The places of a feature map in the image, and boxes around them."""

import keras
from keras import ops

from keras_vit.common.checks import check_positive
from keras_vit.layers.base import Layer

_LARGEST = 8.0  # exp(8) steps are far more than any image has


class OfGrid(Layer):
    """What the two layers share: the stride, and float32. Not for direct use.

    Args:
        stride: Integer, the pixels from a place of the map to the next one.
    """

    def __init__(self, stride, **kwargs):
        super().__init__(**kwargs)
        check_positive(stride=stride)
        self.stride = stride
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def centres(self, inputs):
        """`(rows, columns, 2)`: x and y of the middle of each place, in pixels."""
        dtype = self.compute_dtype
        y, x = (
            (ops.arange(side, dtype=dtype) + 0.5) * self.stride
            for side in ops.shape(inputs)[1:3]
        )
        return ops.stack(ops.meshgrid(x, y, indexing="xy"), axis=-1)

    def compute_output_shape(self, input_shape):
        rows, columns = input_shape[1:3]
        places = None if None in (rows, columns) else rows * columns
        return (input_shape[0], places, self.numbers)


@keras.saving.register_keras_serializable(package="keras_vit")
class GridPoints(OfGrid):
    """Where the places of a map are in the image, row by row.

    Args:
        stride: Integer, the pixels from a place of the map to the next one.

    Input shape: `(batch, rows, columns, channels)`.

    Output shape: `(batch, rows * columns, 3)`: x and y of the middle of the place, and
        the stride, in pixels.

    Example:

    >>> keras_vit.layers.GridPoints(8)(keras.ops.zeros((1, 1, 2, 4)))
    [[[4., 4., 8.], [12., 4., 8.]]]
    """

    numbers = 3

    def call(self, inputs):
        points = ops.reshape(self.centres(inputs), (1, -1, 2))
        points = ops.pad(points, ((0, 0), (0, 0), (0, 1)), constant_values=self.stride)
        zeros = ops.zeros_like(inputs[:, :1, :1, :1], dtype=points.dtype)
        return points + ops.reshape(zeros, (-1, 1, 1))  # once for each image


@keras.saving.register_keras_serializable(package="keras_vit")
class BoxesAroundPoints(OfGrid):
    """Boxes from logarithms of the distances of their four sides.

    The distances from the middle of a place to the left, top, right and bottom are
    `stride * exp(inputs)`: every box has its place inside.

    Args:
        stride: Integer, the pixels from a place of the map to the next one.

    Input shape: `(batch, rows, columns, 4)`.

    Output shape: `(batch, rows * columns, 4)`: left, top, right, bottom, in pixels.

    Example:

    >>> keras_vit.layers.BoxesAroundPoints(8)(keras.ops.zeros((1, 1, 1, 4)))
    [[[-4., -4., 12., 12.]]]

    Reference: [Tian et al., 2019](https://arxiv.org/abs/1904.01355), section 3.1.
    """

    numbers = 4

    def call(self, inputs):
        distances = self.stride * ops.exp(ops.minimum(inputs, _LARGEST))
        centres = self.centres(inputs)
        left_top = centres - distances[..., :2]
        right_bottom = centres + distances[..., 2:]
        boxes = ops.concatenate([left_top, right_bottom], axis=-1)
        return ops.reshape(boxes, (ops.shape(boxes)[0], -1, 4))
