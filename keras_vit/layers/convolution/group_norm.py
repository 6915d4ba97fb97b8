"""Group normalisation with a written-out gradient."""

import math

import keras
from keras import ops

from keras_vit.layers.base import Norm


def mean_over(x, window):
    """The mean of `x` (B, N, C) over the N positions of `window`: (B, 1, C).

    Not for automatic differentiation, which would be slow.
    """
    known = all(isinstance(size, int) for size in window)
    # On CPUs the pool takes half as long as the mean. It adds up one position after
    # the other, so that larger maps would lose precision.
    if known and 1 <= len(window) <= 3 and math.prod(window) <= 2**14:
        maps = ops.reshape(x, (-1, *window, x.shape[-1]))
        pooled = ops.average_pool(maps, window, 1, data_format="channels_last")
        return ops.reshape(pooled, (-1, 1, x.shape[-1]))
    return ops.mean(x, axis=1, keepdims=True)


def group_norm(inputs, gamma, beta, groups, epsilon):
    """What `GroupNorm` computes, in the shape and dtype of `inputs`.

    The gradient is written out, because the one that automatic differentiation finds
    passes over the feature map about twice as often.
    """
    channels = inputs.shape[-1]
    dtype = keras.backend.result_type(inputs.dtype, "float32")
    shape = ops.shape(inputs)
    positions = math.prod(shape[1:-1])

    def flat(x):  # (B, N, C)
        return ops.cast(ops.reshape(x, (shape[0], positions, channels)), dtype)

    def by_group(x):  # (B, G, C / G)
        return ops.reshape(x, (-1, groups, channels // groups))

    def by_channel(x):  # (B, 1, C)
        x = ops.broadcast_to(x, (shape[0], groups, channels // groups))
        return ops.reshape(x, (shape[0], 1, channels))

    def group_mean(x):  # (B, G, 1)
        return ops.mean(x, axis=-1, keepdims=True)

    @ops.custom_gradient
    def normalize(inputs, gamma, beta):
        x, gamma, beta = flat(inputs), by_group(gamma), by_group(beta)
        channel_mean = mean_over(x, shape[1:-1])
        within = by_group(mean_over(ops.square(x - channel_mean), shape[1:-1]))
        channel_mean = by_group(channel_mean)
        center = group_mean(channel_mean)
        # Within channels plus between them: E[x^2] - E[x]^2 would lose precision.
        variance = group_mean(within + ops.square(channel_mean - center))
        inverse = ops.rsqrt(variance + epsilon)
        scale = gamma * inverse
        shift = beta - center * scale
        y = x * by_channel(scale) + by_channel(shift)

        def gradient(*args, upstream=None):
            dy = flat(args[0] if upstream is None else upstream)
            # Means over the positions of dy, and of dy times the normalised x.
            dy_mean = by_group(ops.mean(dy, axis=1))
            dy_x_mean = by_group(ops.mean(dy * x, axis=1))
            dy_x_mean = (dy_x_mean - center * dy_mean) * inverse
            slope = -ops.square(inverse) * group_mean(gamma * dy_x_mean)
            offset = -inverse * group_mean(gamma * dy_mean) - center * slope
            dx = dy * by_channel(scale) + (x * by_channel(slope) + by_channel(offset))
            dx = ops.cast(ops.reshape(dx, shape), inputs.dtype)
            dgamma, dbeta = [
                ops.reshape(ops.sum(mean, axis=0), (channels,))
                * ops.cast(positions, dtype)
                for mean in (dy_x_mean, dy_mean)
            ]
            return dx, dgamma, dbeta

        return ops.cast(ops.reshape(y, shape), inputs.dtype), gradient

    return normalize(inputs, gamma, beta)


@keras.saving.register_keras_serializable(package="keras_vit")
class GroupNorm(Norm):
    """Group normalisation of channels-last feature maps.

    What `keras.layers.GroupNormalization` computes, in less time and memory: moments
    of each channel are reduced to moments of each group, these folded into one scale
    and one shift per image and channel, and the gradient is written out. Statistics
    are computed in float32 at least.

    Args:
        groups: Integer, the number of groups of neighbouring channels; must divide
            the number of channels.
        epsilon: Float, added to the variance. BiT uses 1e-5, the hybrids 1e-6.
        gamma_initializer: Initializer of the scale.

    Input shape: `(batch, ..., channels)`.

    Output shape: the same.

    Raises:
        ValueError: if `groups` does not divide the number of channels.

    Example:

    >>> norm = keras_vit.layers.GroupNorm()
    >>> norm(keras.random.normal((2, 7, 7, 64))).shape
    (2, 7, 7, 64)

    Reference: [Wu and He, 2018](https://arxiv.org/abs/1803.08494).
    """

    def __init__(self, groups=32, epsilon=1e-5, gamma_initializer="ones", **kwargs):
        super().__init__(**kwargs)
        self.groups = groups
        self.epsilon = epsilon
        self.gamma_initializer = keras.initializers.get(gamma_initializer)

    def build(self, input_shape):
        channels = input_shape[-1]
        if channels is None or channels % self.groups:
            raise ValueError(
                "`groups` must divide the number of channels. "
                f"Received: groups={self.groups}, input shape={tuple(input_shape)}"
            )
        self.add_scale_and_offset(channels, self.gamma_initializer)

    def call(self, inputs):
        gamma, beta = self.scale_and_offset(inputs)
        return group_norm(inputs, gamma, beta, self.groups, self.epsilon)
