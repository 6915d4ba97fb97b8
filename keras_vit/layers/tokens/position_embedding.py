"""Position embeddings: learned or fixed, by row and column, for any grid."""

import math

import keras
import numpy as np
from keras import ops

from keras_vit.common.checks import check_choice
from keras_vit.layers.base import Layer
from keras_vit.layers.resize import KERNELS, resize_matrix

KINDS = ("learned", "learned_2d", "sincos2d", "none")


def check_width(kind, hidden_dim):
    """Raises unless `hidden_dim` divides as position embeddings of a kind need."""
    parts = {"learned_2d": 2, "sincos2d": 4}.get(kind, 1)
    if hidden_dim % parts or (kind == "sincos2d" and hidden_dim < 8):
        rule = "even" if parts == 2 else "a multiple of 4, at least 8,"
        raise ValueError(
            f"`hidden_dim` must be {rule} for {kind} position embeddings. "
            f"Received: hidden_dim={hidden_dim}"
        )


def sincos2d(grid_size, hidden_dim, temperature=10_000.0, xp=np):
    """Fixed two-dimensional sine and cosine position embeddings.

    Args:
        grid_size: Pair `(rows, columns)`, in patches.
        hidden_dim: Integer, a multiple of 4.
        temperature: Float, the longest wavelength over `2 * pi`.
        xp: `numpy` (float64), or `keras.ops` (float32) where the grid is a tensor.

    Returns:
        Array `(rows * columns, hidden_dim)`; channels are
        `[sin x, cos x, sin y, cos y]`, x the column and y the row.

    Raises:
        ValueError: if `hidden_dim` is not a multiple of 4.

    Reference: `big_vision/models/vit.py: posemb_sincos_2d`.
    """
    check_width("sincos2d", hidden_dim)
    dtype = "float64" if xp is np else "float32"
    omega = temperature ** -(np.arange(hidden_dim // 4) / (hidden_dim // 4 - 1))
    rows, columns = grid_size
    y = xp.expand_dims(xp.arange(rows, dtype=dtype), 1) * omega.astype(dtype)
    x = xp.expand_dims(xp.arange(columns, dtype=dtype), 1) * omega.astype(dtype)
    half = (rows, columns, hidden_dim // 2)
    y = xp.broadcast_to(xp.concatenate([xp.sin(y), xp.cos(y)], -1)[:, None], half)
    x = xp.broadcast_to(xp.concatenate([xp.sin(x), xp.cos(x)], -1)[None], half)
    return xp.reshape(xp.concatenate([x, y], -1), (rows * columns, hidden_dim))


def grid_of_map(x):
    """`(rows, columns)` of a map `(batch, rows, columns, ...)`: integers or tensors."""
    grid = tuple(ops.shape(x)[1:3])
    if len({isinstance(side, int) for side in grid}) > 1:  # Keras wants one kind
        grid = tuple(ops.convert_to_tensor(side, "int32") for side in grid)
    return grid


@keras.saving.register_keras_serializable(package="keras_vit")
class PositionEmbedding(Layer):
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
        kernel: String, how learned embeddings are resized to another grid:
            `"official"` (bilinear, corners aligned), `"bilinear"`, `"bicubic"` or
            `"bicubic_antialias"`; see `keras_vit.resize_position_embeddings`.

    Call arguments:
        inputs: Float tensor `(batch, prefix_tokens + num_patches, hidden_dim)`.
        grid: Pair `(rows, columns)` of the inputs, if it may differ from
            `grid_size`: learned embeddings are then resized to it.
        patches: Tensor `(batch, rows, columns, ...)`, of which the grid alone is read,
            in the place of `grid` where a model takes images of every size.

    Output shape: as the input.

    Raises:
        ValueError: if `kind` or `kernel` is unknown, the grid does not hold the
            patches, or `hidden_dim` does not divide as the kind needs.

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
        kernel="official",
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_choice(kind, KINDS, "kind")
        check_choice(kernel, KERNELS, "kernel")
        self.kind = kind
        self.grid_size = grid_size
        self.prefix_tokens = prefix_tokens
        self.embed_prefix = embed_prefix
        self.kernel = kernel

    def build(self, input_shape):
        length, hidden_dim = input_shape[1:]
        if self.kind == "none":
            return
        check_width(self.kind, hidden_dim)
        rows, columns = self._grid(length)
        initializer = keras.initializers.RandomNormal(stddev=0.02)
        embedded = self.prefix_tokens if self.embed_prefix else 0

        def weight(name, *shape):
            return self.add_weight(name=name, shape=shape, initializer=initializer)

        if self.kind == "learned":
            shape = (1, embedded + rows * columns, hidden_dim)
            self.embeddings = weight("embeddings", *shape)
        elif self.kind == "learned_2d":
            self.rows = weight("rows", rows, 1, hidden_dim // 2)
            self.columns = weight("columns", 1, columns, hidden_dim // 2)
            if embedded:
                self.prefix = weight("prefix", 1, embedded, hidden_dim)
        else:
            self.table = sincos2d((rows, columns), hidden_dim)[None]
        self._shape = (rows, columns, hidden_dim)

    @property
    def grid(self):
        """The pair `(rows, columns)` that the embeddings are for, once built."""
        return self._shape[:2]

    @property
    def _covers_prefix(self):
        return self.embed_prefix or not self.prefix_tokens

    def _grid(self, length):
        known = None if length is None else length - self.prefix_tokens
        if self.grid_size is not None:
            if known not in (None, math.prod(self.grid_size)):
                raise ValueError(
                    "`grid_size` must hold as many patches as there are patch tokens. "
                    f"Received: grid_size={self.grid_size}, patch tokens={known}"
                )
            return tuple(self.grid_size)
        if known is None or math.isqrt(known) ** 2 != known:
            if self.kind == "learned" and known is not None:
                return (1, known)  # the learned table does not use the grid
            raise ValueError(
                "`grid_size` must be given unless the number of patches is a known "
                f"square. Received: grid_size=None, patch tokens={known}"
            )
        return (math.isqrt(known),) * 2

    def call(self, inputs, grid=None, patches=None):
        if self.kind == "none":
            return inputs
        if patches is not None:
            grid = grid_of_map(patches)
        known = grid is None or all(isinstance(side, int) for side in grid)
        if grid is None or (known and tuple(grid) == self.grid):
            grid = self.grid
            matrices = None
        else:
            pairs = zip(self.grid, grid)
            matrices = [resize_matrix(a, b, self.kernel, xp=ops) for a, b in pairs]
        if matrices is None and self.kind == "learned" and self._covers_prefix:
            table = ops.convert_to_tensor(self.embeddings)
            return inputs + ops.cast(table, inputs.dtype)
        prefix, table = self._tables(grid, matrices)  # (1, p, D), (1, N, D)
        missing = self.prefix_tokens - (0 if prefix is None else prefix.shape[1])
        if missing:
            prefix = ops.zeros((1, missing, table.shape[-1]), table.dtype)
        if prefix is not None:
            table = ops.concatenate([ops.cast(prefix, table.dtype), table], axis=1)
        return inputs + ops.cast(table, inputs.dtype)

    def _tables(self, grid, matrices):
        """The vectors of prefix tokens, or `None`, and those of a grid of patches.

        `matrices` resize rows and columns; `None` where the grid is the table's.
        """
        hidden_dim = self._shape[2]
        flat = (1, grid[0] * grid[1], hidden_dim)
        if self.kind == "sincos2d":
            if matrices is None:
                return None, ops.convert_to_tensor(self.table, self.compute_dtype)
            return None, ops.reshape(sincos2d(grid, hidden_dim, xp=ops), flat)
        if self.kind == "learned_2d":
            rows, columns = self.rows, self.columns
            if matrices is not None:
                rows, columns = (ops.cast(v, "float32") for v in (rows, columns))
                rows = ops.einsum("ir,rcd->icd", matrices[0], rows)
                columns = ops.einsum("jc,rcd->rjd", matrices[1], columns)
            half = (*grid, hidden_dim // 2)
            parts = [ops.broadcast_to(v, half) for v in (columns, rows)]
            table = ops.reshape(ops.concatenate(parts, -1), flat)
            embedded = self.prefix_tokens and self._covers_prefix
            return (ops.convert_to_tensor(self.prefix) if embedded else None), table
        table = ops.convert_to_tensor(self.embeddings)
        embedded = self.prefix_tokens if self.embed_prefix else 0
        prefix = table[:, :embedded] if embedded else None
        table = table[:, embedded:]
        if matrices is not None:
            table = ops.reshape(ops.cast(table, "float32"), self._shape)
            table = ops.einsum("ir,rcd->icd", matrices[0], table)
            table = ops.reshape(ops.einsum("jc,rcd->rjd", matrices[1], table), flat)
        return prefix, table
