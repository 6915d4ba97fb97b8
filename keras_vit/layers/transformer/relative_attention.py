"""Self-attention with learned relative positions."""

import keras
import numpy as np
from keras import ops

from keras_vit.layers.transformer.attention import MultiHeadSelfAttention


@keras.saving.register_keras_serializable(package="keras_vit")
class RelativeSelfAttention(MultiHeadSelfAttention):
    """Self-attention that knows how far two patches are from each other.

    Each head has a learned number for every offset, in rows and columns, between two
    patches of the grid, and adds it to their attention logit. Tokens without a place
    in the grid (class and register tokens) have numbers of their own: one for each as
    seen from any patch, one for any patch as seen from each, one for each two of them.

    The paper's ablation takes the offset of the patch numbers (one dimension), and
    multiplies the query with an embedding of it. The numbers here do not depend on the
    query and tell rows from columns, as in most models that came after; the paper
    found no difference between its ways of saying where a patch is.

    Args:
        num_heads: Integer, must divide the width of the tokens.
        dropout_rate: Float in `[0, 1)`, dropout of the attention scores.
        grid_size: Pair `(rows, columns)`, in patches.
        prefix_tokens: Integer, the number of tokens before the first patch.
        **kwargs: See `MultiHeadSelfAttention`, and for inputs and outputs too.

    Raises:
        ValueError: if the tokens are not the prefix and the grid's patches.

    Example:

    >>> layer = RelativeSelfAttention(3, grid_size=(14, 14), prefix_tokens=1)
    >>> layer(keras.ops.ones((2, 197, 192))).shape
    (2, 197, 192)

    Reference: [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929), appendix
    D.4; this form: [Liu et al., 2021](https://arxiv.org/abs/2103.14030), equation 4.
    """

    def __init__(
        self, num_heads, dropout_rate=0.0, *, grid_size, prefix_tokens=0, **kwargs
    ):
        super().__init__(num_heads, dropout_rate, **kwargs)
        self.grid_size = grid_size
        self.prefix_tokens = prefix_tokens

    def build(self, input_shape):
        rows, columns = self.grid_size
        prefix, tokens = self.prefix_tokens, input_shape[1]
        if tokens not in (None, prefix + rows * columns):
            raise ValueError(
                "`grid_size` must hold as many patches as there are patch tokens. "
                f"Received: grid_size={self.grid_size}, prefix_tokens={prefix}, "
                f"tokens={tokens}"
            )
        super().build(input_shape)

        def weight(name, *shape):
            return self.add_weight(
                name=name,
                shape=(self.num_heads, *shape),
                initializer=keras.initializers.RandomNormal(stddev=0.02),
            )

        self.relative_positions = weight(
            "relative_positions", 2 * rows - 1, 2 * columns - 1
        )
        if prefix:
            self.prefix_to_prefix = weight("prefix_to_prefix", prefix, prefix)
            self.prefix_to_patches = weight("prefix_to_patches", prefix, 1)
            self.patches_to_prefix = weight("patches_to_prefix", 1, prefix)
        self._offsets = offsets(rows, columns)

    def bias(self):
        """What is added to the logits: `(heads, tokens, tokens)`, queries first."""
        heads, prefix, patches = self.num_heads, self.prefix_tokens, len(self._offsets)
        table = ops.reshape(self.relative_positions, (heads, -1))
        table = ops.take(table, self._offsets.reshape(-1), axis=1)
        table = ops.reshape(table, (heads, patches, patches))
        if not prefix:
            return table
        right = ops.broadcast_to(self.prefix_to_patches, (heads, prefix, patches))
        left = ops.broadcast_to(self.patches_to_prefix, (heads, patches, prefix))
        above = ops.concatenate([self.prefix_to_prefix, right], axis=2)
        below = ops.concatenate([left, table], axis=2)
        return ops.concatenate([above, below], axis=1)


def offsets(rows, columns):
    """For each query and key of a grid, the place of their offset in a flat table.

    Returns:
        Integer array `(patches, patches)`, into `(2 * rows - 1) * (2 * columns - 1)`.
    """
    row, column = np.divmod(np.arange(rows * columns), columns)
    down = row[:, None] - row + rows - 1
    right = column[:, None] - column + columns - 1
    return (down * (2 * columns - 1) + right).astype("int32")
