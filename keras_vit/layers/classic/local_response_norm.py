"""Local response normalisation, which AlexNet has."""

import keras
from keras import ops

from keras_vit.common.checks import is_integer
from keras_vit.layers.base import Layer


@keras.saving.register_keras_serializable(package="keras_vit")
class LocalResponseNorm(Layer):
    """Divides each activation by a power of the squares of its neighbouring channels.

    `x[i] / (k + alpha * sum(x[j] ** 2)) ** beta`, where `j` goes over the `size`
    channels around `i`, as far as they exist. It computes in float32 at least.

    Caffe and PyTorch write another `alpha`: they divide it by `size`. What is
    `alpha=1e-4` there is `alpha=1e-4 / 5` here; the defaults are the paper's, `k=1` is
    Caffe's. In TensorFlow `depth_radius` is `(size - 1) / 2`, and `bias` is `k`.

    Args:
        size: Odd integer, the number of channels that are summed.
        k: Float, positive.
        alpha: Float, by which the sum of squares is multiplied.
        beta: Float, the power.

    Input shape: `(batch, ..., channels)`.

    Output shape: as the input.

    Raises:
        ValueError: if `size` is not odd, or `k` not positive.

    Example:

    >>> norm = keras_vit.layers.LocalResponseNorm()
    >>> norm(keras.ops.ones((1, 2, 2, 8))).shape
    (1, 2, 2, 8)

    Reference: [Krizhevsky et al., 2012](https://papers.nips.cc/paper/4824), section
    3.3; `caffe/src/caffe/layers/lrn_layer.cpp`.
    """

    def __init__(self, size=5, *, k=2.0, alpha=1e-4, beta=0.75, **kwargs):
        super().__init__(**kwargs)
        if not is_integer(size) or size < 1 or size % 2 == 0:
            raise ValueError(
                "`size` must be odd: as many channels on either side of each. "
                f"Received: size={size!r}"
            )
        if k <= 0:
            raise ValueError(
                "`k` must be positive, as nothing may be divided by zero. "
                f"Received: k={k!r}"
            )
        self.size = size
        self.k = k
        self.alpha = alpha
        self.beta = beta

    def call(self, inputs):
        dtype = keras.backend.result_type(inputs.dtype, "float32")
        x = ops.cast(inputs, dtype)
        channels, radius = x.shape[-1], self.size // 2
        axes = [(0, 0)] * (len(x.shape) - 1)
        squares = ops.pad(ops.square(x), [*axes, (radius, radius)])
        total = sum(squares[..., i : i + channels] for i in range(self.size))
        x = x / ops.power(self.k + self.alpha * total, self.beta)
        return ops.cast(x, inputs.dtype)
