"""Layer normalisation with a written-out gradient."""

import keras
from keras import ops

from keras_vit.layers.base import Norm


def layer_norm(inputs, gamma, beta, epsilon):
    """What `LayerNorm` computes, in the shape and dtype of `inputs`.

    The gradient is written out: automatic differentiation keeps the centred and the
    scaled input of every norm until the backward pass, and passes over them more often.
    """
    dtype = keras.backend.result_type(inputs.dtype, "float32")
    coarse = keras.backend.standardize_dtype(inputs.dtype) == "bfloat16"
    if keras.backend.backend() == "jax" and coarse:
        return _fused(inputs, gamma, beta, epsilon)

    @ops.custom_gradient
    def normalize(inputs, gamma, beta):
        x = ops.cast(inputs, dtype)
        mean = ops.mean(x, axis=-1, keepdims=True)
        centred = x - mean
        # E[x^2] - E[x]^2 would lose precision.
        variance = ops.mean(ops.square(centred), axis=-1, keepdims=True)
        inverse = ops.rsqrt(variance + epsilon)
        normalized = centred * inverse
        y = normalized * gamma + beta

        def gradient(*args, upstream=None):
            dy = ops.cast(args[0] if upstream is None else upstream, dtype)
            outer = tuple(range(len(inputs.shape) - 1))
            product = dy * normalized
            dgamma, dbeta = ops.sum(product, axis=outer), ops.sum(dy, axis=outer)
            slope = ops.mean(product * gamma, axis=-1, keepdims=True)
            dx = dy * gamma
            offset = ops.mean(dx, axis=-1, keepdims=True)
            dx = (dx - offset - normalized * slope) * inverse
            return ops.cast(dx, inputs.dtype), dgamma, dbeta

        return ops.cast(y, inputs.dtype), gradient

    return normalize(inputs, gamma, beta)


def _fused(inputs, gamma, beta, epsilon):
    """The same in a form that a TPU's compiler makes part of the products around it.

    Mean and variance come from one pass. E[x^2] - E[x]^2 in float32 is off by less than
    what bfloat16 has rounded away of the inputs; float16 rounds away too little.
    """
    x = ops.cast(inputs, "float32")
    mean = ops.mean(x, axis=-1, keepdims=True)
    square = ops.mean(ops.square(x), axis=-1, keepdims=True)
    variance = ops.maximum(square - ops.square(mean), 0.0)
    y = (x - mean) * (ops.rsqrt(variance + epsilon) * gamma) + beta
    return ops.cast(y, inputs.dtype)


@keras.saving.register_keras_serializable(package="keras_vit")
class LayerNorm(Norm):
    """Layer normalisation over the last axis.

    What `keras.layers.LayerNormalization` computes, in less time and memory: fewer
    passes over the tokens, and a written-out gradient. Statistics are computed in
    float32 at least.

    Args:
        epsilon: Float, added to the variance. Official models use 1e-6, Keras 1e-3.

    Input shape: `(..., channels)`.

    Output shape: the same.

    Example:

    >>> norm = keras_vit.layers.LayerNorm()
    >>> norm(keras.random.normal((2, 197, 192))).shape
    (2, 197, 192)

    Reference: [Ba et al., 2016](https://arxiv.org/abs/1607.06450).
    """

    def __init__(self, epsilon=1e-6, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, input_shape):
        self.add_scale_and_offset(input_shape[-1])

    def call(self, inputs):
        gamma, beta = self.scale_and_offset(inputs)
        return layer_norm(inputs, gamma, beta, self.epsilon)
