"""Takes tokens out of a sequence by their places."""

import keras

from keras_vit.common.checks import check_positive
from keras_vit.layers.base import Layer


@keras.saving.register_keras_serializable(package="keras_vit")
class TakeTokens(Layer):
    """The `count` tokens of a sequence that follow the first `start`.

    Args:
        count: Integer, how many tokens.
        start: Integer, the tokens before them.

    Input shape: `(batch, tokens, hidden_dim)`; the number of tokens may be unknown.

    Output shape: `(batch, count, hidden_dim)`.

    Raises:
        ValueError: if there are fewer tokens.

    Example:

    >>> keras_vit.layers.TakeTokens(2, start=1)(keras.ops.zeros((1, 7, 16))).shape
    (1, 2, 16)
    """

    def __init__(self, count, start=0, **kwargs):
        super().__init__(**kwargs)
        check_positive(count=count)
        if start != 0:
            check_positive(start=start)
        self.count = count
        self.start = start
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def call(self, inputs):
        return inputs[:, self.start : self.start + self.count]

    def compute_output_shape(self, input_shape):
        tokens = input_shape[1]
        if tokens is not None and tokens < self.start + self.count:
            raise ValueError(
                "A sequence must hold the tokens that are taken. Received: "
                f"start={self.start}, count={self.count}, {tokens} tokens"
            )
        return (input_shape[0], self.count, input_shape[2])
