"""Puts patch tokens back in their places: from a sequence to a feature map."""

import math

import keras
from keras import ops

from keras_vit.common.checks import check_positive
from keras_vit.layers.base import Layer
from keras_vit.layers.tokens.grids import pair


@keras.saving.register_keras_serializable(package="keras_vit")
class TokensToMap(Layer):
    """A feature map of the tokens of patches; the tokens before them are left out.

    Args:
        grid_size: Pair `(rows, columns)`, in patches. `None` where it is known from
            `patches` alone, as in a model of every image size.
        prefix_tokens: Integer, the number of tokens before the first patch (class
            and register tokens).

    Call arguments:
        inputs: Float tensor `(batch, prefix_tokens + rows * columns, hidden_dim)`.
        patches: Tensor `(batch, rows, columns, ...)`, of which the grid alone is read;
            needed where `grid_size` is `None`.

    Output shape: `(batch, rows, columns, hidden_dim)`.

    Raises:
        ValueError: if the grid does not hold the tokens, or is not known.

    Example:

    >>> to_map = keras_vit.layers.TokensToMap((2, 3), prefix_tokens=1)
    >>> to_map(keras.ops.zeros((1, 7, 16))).shape
    (1, 2, 3, 16)
    """

    def __init__(self, grid_size=None, prefix_tokens=0, **kwargs):
        super().__init__(**kwargs)
        self._sides = None if grid_size is None else pair(grid_size, "grid_size")
        if prefix_tokens != 0:
            check_positive(prefix_tokens=prefix_tokens)
        self.grid_size = grid_size
        self.prefix_tokens = prefix_tokens
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def call(self, inputs, patches=None):
        rows, columns = self._grid(inputs.shape, patches, ops.shape)
        x = inputs[:, self.prefix_tokens :]
        return ops.reshape(x, (-1, rows, columns, inputs.shape[-1]))

    def compute_output_spec(self, inputs, patches=None):
        grid = self._grid(inputs.shape, patches, lambda tensor: tensor.shape)
        shape = (inputs.shape[0], *grid, inputs.shape[-1])
        return keras.KerasTensor(shape, dtype=self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *(self._sides or (None, None)), input_shape[-1])

    def _grid(self, shape, patches, shape_of):
        """`(rows, columns)`, checked as far as they are known."""
        if self.grid_size is None:
            if patches is None:
                raise ValueError(
                    "`grid_size` must be given, or `patches` whose grid it is. "
                    "Received: grid_size=None, patches=None"
                )
            return shape_of(patches)[1:3]
        tokens = shape[1]
        if tokens not in (None, self.prefix_tokens + math.prod(self._sides)):
            raise ValueError(
                "`grid_size` must hold as many patches as there are patch tokens. "
                f"Received: grid_size={self._sides}, "
                f"prefix_tokens={self.prefix_tokens}, {tokens} tokens in all"
            )
        return self._sides
