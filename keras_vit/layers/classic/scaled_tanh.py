"""The activation of LeNet-5, and how its weights start."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_vit")
def scaled_tanh(x):
    """`1.7159 tanh(2 x / 3)`: -1 and 1 at -1 and 1, where it is steepest between.

    Args:
        x: Float tensor.

    Returns:
        A tensor of the same shape.

    Reference: LeCun et al., 1998, appendix A.
    """
    return 1.7159 * ops.tanh(x * (2 / 3))


def uniform_by_fan_in(fan_in):
    """An initializer: uniform in +-2.4 / `fan_in`, a number or one for each output."""

    def initialize(shape, dtype=None):
        uniform = keras.initializers.RandomUniform(-2.4, 2.4)(shape, dtype)
        return uniform / ops.cast(fan_in, uniform.dtype)

    return initialize
