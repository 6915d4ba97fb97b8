"""Distances to the codes of classes, the output of LeNet-5."""

import keras
from keras import ops

from keras_vit.common.checks import check_choice, check_positive
from keras_vit.layers.base import Layer
from keras_vit.layers.classic.digit_codes import digit_codes


@keras.saving.register_keras_serializable(package="keras_vit")
class EuclideanRBF(Layer):
    """Minus the squared distance of each vector to the code of each class.

    The nearest code has the largest output, so that the outputs are logits: their
    softmax is the posterior of equation 9 but for its constant, the class of rubbish.
    The paper's figures are the distances themselves.

    Codes of -1 and 1 are fixed, not trained: the same in every model, unless you assign
    others to `codes`. The paper's are pictures of characters, 7x12 pixels, which it
    prints as figure 3 and does not list: `"digits"` are drawn after its description,
    not measured from it. It computes in float32 at least.

    Args:
        units: Integer, the number of classes.
        activation: What follows, such as `"softmax"`. Defaults to nothing.
        initial_codes: `"signs"`, which are random; or `"digits"`, pictures of the
            digits from 0 to 9, for 10 units and 84 features.

    Input shape: `(batch, ..., features)`.

    Output shape: `(batch, ..., units)`.

    Raises:
        ValueError: if `units` is no positive integer, or there are no ten digits of 84
            features.

    Example:

    >>> rbf = keras_vit.layers.EuclideanRBF(10)
    >>> rbf(keras.ops.ones((2, 84))).shape
    (2, 10)

    Reference: [LeCun et al., 1998](http://yann.lecun.com/exdb/publis/pdf/lecun-98.pdf),
    equation 7.
    """

    def __init__(self, units, activation=None, initial_codes="signs", **kwargs):
        super().__init__(**kwargs)
        check_positive(units=units)
        check_choice(initial_codes, ("signs", "digits"), "initial_codes")
        keras.activations.get(activation)  # an unknown name is an error now
        self.units = units
        self.activation = activation
        self.initial_codes = initial_codes

    def build(self, input_shape):
        def digits(shape, dtype=None):
            return ops.cast(digit_codes(), dtype)

        def signs(shape, dtype=None):
            draw = keras.initializers.RandomUniform(-1.0, 1.0, seed=0)
            return ops.cast(ops.where(draw(shape) < 0, -1.0, 1.0), dtype)

        shape = (self.units, input_shape[-1])
        if self.initial_codes == "digits" and shape != (10, 84):
            raise ValueError(
                "`initial_codes='digits'` are ten codes of 84 numbers. "
                f"Received: units={shape[0]}, {shape[1]} features. Pass 'signs'."
            )
        self.codes = self.add_weight(
            shape,
            name="codes",
            initializer=digits if self.initial_codes == "digits" else signs,
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
