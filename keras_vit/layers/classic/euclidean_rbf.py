"""Distances to the codes of classes, the output of LeNet-5."""

import keras
from keras import ops

from keras_vit.common.checks import check_positive
from keras_vit.layers.base import Layer


@keras.saving.register_keras_serializable(package="keras_vit")
class EuclideanRBF(Layer):
    """Minus the squared distance of each vector to the code of each class.

    The nearest code has the largest output, so that the outputs are logits: their
    softmax is the posterior of equation 9 but for its constant, the class of rubbish.
    The paper's figures are the distances themselves.

    Codes are fixed, not trained. They start as random signs, the same in every model;
    the paper's are pictures of the characters, 7x12 pixels of -1 and 1, which it shows
    but does not list: assign yours to `codes`. It computes in float32 at least.

    Args:
        units: Integer, the number of classes.
        activation: What follows, such as `"softmax"`. Defaults to nothing.

    Input shape: `(batch, ..., features)`.

    Output shape: `(batch, ..., units)`.

    Raises:
        ValueError: if `units` is no positive integer.

    Example:

    >>> rbf = keras_vit.layers.EuclideanRBF(10)
    >>> rbf(keras.ops.ones((2, 84))).shape
    (2, 10)

    Reference: [LeCun et al., 1998](http://yann.lecun.com/exdb/publis/pdf/lecun-98.pdf),
    equation 7.
    """

    def __init__(self, units, activation=None, **kwargs):
        super().__init__(**kwargs)
        check_positive(units=units)
        keras.activations.get(activation)  # an unknown name is an error now
        self.units = units
        self.activation = activation

    def build(self, input_shape):
        def signs(shape, dtype=None):
            draw = keras.initializers.RandomUniform(-1.0, 1.0, seed=0)
            return ops.cast(ops.where(draw(shape) < 0, -1.0, 1.0), dtype)

        self.codes = self.add_weight(
            (self.units, input_shape[-1]),
            name="codes",
            initializer=signs,
            trainable=False,
            autocast=False,
        )

    def call(self, inputs):
        dtype = keras.backend.result_type(inputs.dtype, "float32")
        x, codes = ops.cast(inputs, dtype), ops.cast(self.codes, dtype)
        products = ops.matmul(x, ops.transpose(codes))
        lengths = ops.sum(ops.square(codes), axis=-1)
        own = ops.sum(ops.square(x), axis=-1, keepdims=True)
        y = keras.activations.get(self.activation)(2 * products - lengths - own)
        return ops.cast(y, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)
