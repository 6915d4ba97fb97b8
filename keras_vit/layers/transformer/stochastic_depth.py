"""Stochastic depth: dropping residual branches at random."""

import keras
from keras import ops

from keras_vit.common.checks import is_number
from keras_vit.layers.base import Layer


@keras.saving.register_keras_serializable(package="keras_vit")
class StochasticDepth(Layer):
    """Drops a residual branch at random, for each example of the batch on its own.

    In training each example's branch is set to zero with probability `rate` and
    otherwise divided by `1 - rate`; at inference the branch passes unchanged. Use it
    on the branch before it is added to the shortcut.

    Args:
        rate: Float in `[0, 1)`, the probability of dropping. (The paper's survival
            probability is `1 - rate`.)
        seed: Integer or `None`, the seed of the draw.

    Input shape: any, the batch first.

    Output shape: the same.

    Raises:
        ValueError: if `rate` is outside `[0, 1)`.

    Example:

    >>> branch = keras_vit.layers.StochasticDepth(0.1)(branch)
    >>> x = x + branch

    Reference: [Huang et al., 2016](https://arxiv.org/abs/1603.09382).
    """

    def __init__(self, rate, seed=None, **kwargs):
        super().__init__(**kwargs)
        if not is_number(rate) or not 0 <= rate < 1:
            raise ValueError(
                "`rate` must be a probability in [0, 1). "
                f"Received: rate={rate!r}. To keep everything, pass 0."
            )
        self.rate = rate
        self.seed = seed
        if rate > 0:
            self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        # One number per example, drawn in float32: a half-precision uniform has too
        # few values for a fair coin.
        shape = (ops.shape(inputs)[0],) + (1,) * (len(inputs.shape) - 1)
        draw = keras.random.uniform(shape, dtype="float32", seed=self.seed_generator)
        scale = ops.cast(draw >= self.rate, "float32") / (1 - self.rate)
        return inputs * ops.cast(scale, inputs.dtype)
