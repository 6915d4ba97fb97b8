"""Turns flattened patches into the tokens that the first block reads."""

import math

import keras
from keras import ops

from keras_vit.layers.base import CompositeLayer
from keras_vit.layers.tokens.patch_corruption import PatchCorruption
from keras_vit.layers.tokens.position_embedding import (
    PositionEmbedding,
    grid_of_map,
)


@keras.saving.register_keras_serializable(package="keras_vit")
class PatchEncoder(CompositeLayer):
    """Turns flattened patches into the tokens that the first block reads.

    Projects every patch, puts the class token (and register tokens) in front, adds
    position embeddings, applies dropout: equation 1 of the paper.

    Args:
        hidden_dim: Integer, the width of the tokens.
        class_token: Boolean, whether a learned class token comes first.
        position_embedding: `"learned"`, `"learned_2d"`, `"sincos2d"` or `"none"`;
            see `keras_vit.layers.PositionEmbedding`.
        grid_size: Pair `(rows, columns)`, in patches. Defaults to a square grid.
        use_bias: Boolean, whether the projection has a bias.
        register_tokens: Integer, the number of learned tokens between the class
            token and the patches.
        embed_prefix: Boolean, whether class and register tokens have position
            embeddings of their own.
        position_kernel: String, how learned position embeddings are resized to
            another grid; see `keras_vit.layers.PositionEmbedding`.
        dropout_rate: Float in `[0, 1)`, dropout of the result.
        corruption: Boolean, whether there is a mask token for masked patch prediction;
            see `keras_vit.layers.PatchCorruption`.
        seed: Integer or `None`, the seed of the dropout.

    Call arguments:
        inputs: Float tensor, the patches.
        shown: Integer tensor `(batch, num_patches)` or `None`, what is shown in the
            place of each patch; only with `corruption`.

    Input shape: `(batch, num_patches, P1 * P2 * channels)`, or `(batch, rows, columns,
        P1 * P2 * channels)` of any number of rows and columns: position embeddings
        are then resized from `grid_size` to theirs.

    Output shape: `(batch, class_token + register_tokens + num_patches, hidden_dim)`;
        position 0 is the class token, if there is one.

    Raises:
        ValueError: if `position_embedding` is unknown or the grid does not fit.

    Example:

    >>> patches = keras_vit.layers.Patches(16)(keras.ops.zeros((2, 224, 224, 3)))
    >>> keras_vit.layers.PatchEncoder(192)(patches).shape
    (2, 197, 192)

    Reference: [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929),
    section 3.1, equation 1.
    """

    def __init__(
        self,
        hidden_dim,
        class_token=True,
        *,
        use_bias=True,
        position_embedding="learned",
        grid_size=None,
        register_tokens=0,
        embed_prefix=True,
        position_kernel="official",
        dropout_rate=0.0,
        corruption=False,
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.hidden_dim = hidden_dim
        self.class_token = bool(class_token)
        self.use_bias = use_bias
        self.position_embedding = position_embedding
        self.grid_size = grid_size
        self.register_tokens = register_tokens
        self.embed_prefix = embed_prefix
        self.position_kernel = position_kernel
        self.dropout_rate = dropout_rate
        self.corruption = corruption
        self.seed = seed
        self.positions = PositionEmbedding(
            position_embedding,
            grid_size,
            prefix_tokens=self.prefix_tokens,
            embed_prefix=embed_prefix,
            kernel=position_kernel,
            dtype=self.dtype_policy,
            name="position_embedding",
        )
        self.dropout = None
        if dropout_rate:
            self.dropout = keras.layers.Dropout(
                dropout_rate, seed=seed, dtype=self.dtype_policy, name="dropout"
            )

    @property
    def prefix_tokens(self):
        """The number of tokens before the first patch."""
        return self.class_token + self.register_tokens

    def build(self, input_shape):
        self.projection = self.dense(
            self.hidden_dim,
            "projection",
            input_shape,
            use_bias=self.use_bias,
            kernel_initializer=keras.initializers.LecunNormal(),
        )
        if self.class_token:
            self.class_token_weight = self.add_weight(
                name="class_token", shape=(1, 1, self.hidden_dim), initializer="zeros"
            )
        if self.register_tokens:
            self.register_weight = self.add_weight(
                name="register_tokens",
                shape=(1, self.register_tokens, self.hidden_dim),
                initializer=keras.initializers.RandomNormal(stddev=1e-6),
            )
        output_shape = self.compute_output_shape(input_shape)
        self.positions.build(output_shape)
        if self.corruption:
            self.corrupt = PatchCorruption(dtype=self.dtype_policy, name="corruption")
            self.corrupt.build(output_shape)

    def call(self, inputs, shown=None, training=False):
        x = self.projection(inputs)
        grid = None
        if len(x.shape) == 4:
            grid = grid_of_map(x)
            x = ops.reshape(x, (-1, grid[0] * grid[1], self.hidden_dim))
        if self.corruption:
            x = self.corrupt(x, shown=shown)
        prefix = []
        if self.class_token:
            prefix.append(self.class_token_weight)
        if self.register_tokens:
            prefix.append(self.register_weight)
        if prefix:
            batch, width = ops.shape(x)[0], self.hidden_dim
            prefix = [ops.broadcast_to(t, (batch, t.shape[1], width)) for t in prefix]
            x = ops.concatenate([*prefix, x], axis=1)
        x = self.positions(x, grid=grid)
        return x if self.dropout is None else self.dropout(x, training=training)

    def compute_output_shape(self, input_shape):
        batch, num_patches = input_shape[:2]
        if len(input_shape) == 4:
            grid = input_shape[1:3]
            num_patches = None if None in grid else math.prod(grid)
        tokens = None if num_patches is None else self.prefix_tokens + num_patches
        return (batch, tokens, self.hidden_dim)
