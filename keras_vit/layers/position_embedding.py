import math

import keras
import numpy as np
from keras import ops

KINDS = ("learned", "learned_2d", "sincos2d", "none")


def sincos2d(grid_size, hidden_dim, temperature=10_000.0):
    """Fixed two-dimensional sine and cosine position embeddings.

    Args:
        grid_size: Pair `(rows, columns)`, in patches.
        hidden_dim: Integer, a multiple of 4.
        temperature: Float, the longest wavelength over `2 * pi`.

    Returns:
        NumPy float64 array `(rows * columns, hidden_dim)`; channels are
        `[sin x, cos x, sin y, cos y]`, x the column and y the row.

    Raises:
        ValueError: if `hidden_dim` is not a multiple of 4.

    Reference: `big_vision/models/vit.py: posemb_sincos_2d`.
    """
    if hidden_dim % 4 or hidden_dim < 8:
        raise ValueError(
            "`hidden_dim` must be a multiple of 4, at least 8, for sincos2d position "
            f"embeddings. Received: hidden_dim={hidden_dim}"
        )
    y, x = np.mgrid[: grid_size[0], : grid_size[1]]
    omega = temperature ** -(np.arange(hidden_dim // 4) / (hidden_dim // 4 - 1))
    x, y = (np.outer(axis.ravel(), omega) for axis in (x, y))
    return np.concatenate([np.sin(x), np.cos(x), np.sin(y), np.cos(y)], axis=1)


@keras.saving.register_keras_serializable(package="keras_vit")
class PositionEmbedding(keras.layers.Layer):
    """Adds position embeddings to a sequence of tokens.

    Args:
        kind: `"learned"`: one vector for each token (the paper's 1-D);
            `"learned_2d"`: one half-width vector for each row and each column of the
            grid; `"sincos2d"`: fixed; `"none"`: the tokens pass unchanged.
        grid_size: Pair `(rows, columns)`, in patches. Defaults to a square grid.
        prefix_tokens: Integer, the number of tokens before the first patch (class
            and register tokens).
        embed_prefix: Boolean, whether learned kinds have vectors for those tokens
            too. `sincos2d` never has.

    Input shape: `(batch, prefix_tokens + num_patches, hidden_dim)`.

    Output shape: the same.

    Raises:
        ValueError: if `kind` is unknown, the grid does not hold the patches, or
            `hidden_dim` does not divide as the kind needs.

    Example:

    >>> add_positions = keras_vit.layers.PositionEmbedding("sincos2d", (7, 7))
    >>> add_positions(keras.ops.zeros((1, 49, 64))).shape
    (1, 49, 64)

    Reference: [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929),
    appendix D.4.
    """

    def __init__(
        self,
        kind="learned",
        grid_size=None,
        *,
        prefix_tokens=0,
        embed_prefix=True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if kind not in KINDS:
            raise ValueError(
                f"`kind` of position embedding must be one of "
                f"{', '.join(map(repr, KINDS))}. Received: kind={kind!r}"
            )
        self.kind = kind
        self.grid_size = None if grid_size is None else tuple(grid_size)
        self.prefix_tokens = prefix_tokens
        self.embed_prefix = embed_prefix

    def build(self, input_shape):
        length, hidden_dim = input_shape[1:]
        if self.kind == "none":
            return
        rows, columns = self._grid(length)
        initializer = keras.initializers.RandomNormal(stddev=0.02)
        embedded = self.prefix_tokens if self.embed_prefix else 0

        def weight(name, *shape):
            return self.add_weight(name=name, shape=shape, initializer=initializer)

        if self.kind == "learned":
            shape = (1, embedded + rows * columns, hidden_dim)
            self.embeddings = weight("embeddings", *shape)
        elif self.kind == "learned_2d":
            if hidden_dim % 2:
                raise ValueError(
                    "`hidden_dim` must be even for learned_2d position embeddings. "
                    f"Received: hidden_dim={hidden_dim}"
                )
            self.rows = weight("rows", rows, 1, hidden_dim // 2)
            self.columns = weight("columns", 1, columns, hidden_dim // 2)
            if embedded:
                self.prefix = weight("prefix", 1, embedded, hidden_dim)
        else:
            self.table = sincos2d((rows, columns), hidden_dim)[None]
        self._shape = (rows, columns, hidden_dim)

    def _grid(self, length):
        known = None if length is None else length - self.prefix_tokens
        if self.grid_size is not None:
            if known not in (None, math.prod(self.grid_size)):
                raise ValueError(
                    "`grid_size` must hold as many patches as there are patch tokens. "
                    f"Received: grid_size={self.grid_size}, patch tokens={known}"
                )
            return self.grid_size
        if known is None or math.isqrt(known) ** 2 != known:
            if self.kind == "learned" and known is not None:
                return (1, known)  # the learned table does not use the grid
            raise ValueError(
                "`grid_size` must be given unless the number of patches is a known "
                f"square. Received: grid_size=None, patch tokens={known}"
            )
        return (math.isqrt(known),) * 2

    def call(self, inputs):
        if self.kind == "none":
            return inputs
        rows, columns, hidden_dim = self._shape
        table = prefix = None
        if self.kind == "learned":
            table = ops.convert_to_tensor(self.embeddings)
        elif self.kind == "learned_2d":
            half = (rows, columns, hidden_dim // 2)
            parts = [ops.broadcast_to(v, half) for v in (self.columns, self.rows)]
            table = ops.reshape(ops.concatenate(parts, -1), (1, -1, hidden_dim))
            if self.prefix_tokens and self.embed_prefix:
                prefix = ops.convert_to_tensor(self.prefix)
        else:
            table = ops.convert_to_tensor(self.table, self.compute_dtype)
        missing = self.prefix_tokens + rows * columns - table.shape[1]
        if missing and prefix is None:
            prefix = ops.zeros((1, missing, hidden_dim), table.dtype)
        if prefix is not None:
            table = ops.concatenate([prefix, table], axis=1)
        return inputs + ops.cast(table, inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = super().get_config()
        config.update(
            kind=self.kind,
            grid_size=self.grid_size,
            prefix_tokens=self.prefix_tokens,
            embed_prefix=self.embed_prefix,
        )
        return config
