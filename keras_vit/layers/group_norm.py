import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_vit")
class GroupNorm(keras.layers.Layer):
    """Group normalisation of channels-last feature maps.

    What `keras.layers.GroupNormalization` computes, in less time and memory: moments
    of each channel are reduced to moments of each group, and these folded into one
    scale and one shift per image and channel. Statistics are computed in float32 at
    least.

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

        def weight(name, initializer):
            return self.add_weight(
                name=name, shape=(channels,), initializer=initializer, autocast=False
            )

        self.gamma = weight("gamma", self.gamma_initializer)
        self.beta = weight("beta", "zeros")

    def call(self, inputs):
        channels = inputs.shape[-1]
        dtype = keras.backend.result_type(inputs.dtype, "float32")
        x = ops.cast(inputs, dtype)
        space = list(range(1, len(x.shape) - 1))

        def of_group(values):  # (B, C) to (B, G, 1)
            groups = ops.reshape(values, (-1, self.groups, channels // self.groups))
            return ops.mean(groups, axis=-1, keepdims=True)

        mean, variance = ops.moments(x, space)  # (B, C), of each channel
        group_mean = of_group(mean)
        by_group = ops.reshape(mean, (-1, self.groups, channels // self.groups))
        # Within channels plus between them: E[x^2] - E[x]^2 would lose precision.
        group_variance = of_group(variance) + ops.mean(
            ops.square(by_group - group_mean), axis=-1, keepdims=True
        )
        gamma = ops.reshape(ops.cast(self.gamma, dtype), (1, self.groups, -1))
        beta = ops.reshape(ops.cast(self.beta, dtype), (1, self.groups, -1))
        scale = gamma * ops.rsqrt(group_variance + self.epsilon)  # (B, G, C / G)
        shift = beta - group_mean * scale
        shape = (-1, *(1,) * len(space), channels)
        x = x * ops.reshape(scale, shape) + ops.reshape(shift, shape)
        return ops.cast(x, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = super().get_config()
        config.update(
            groups=self.groups,
            epsilon=self.epsilon,
            gamma_initializer=keras.initializers.serialize(self.gamma_initializer),
        )
        return config
