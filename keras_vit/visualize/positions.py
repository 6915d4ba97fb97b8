"""Similarity of the position embeddings."""

import numpy as np
from keras import ops

from keras_vit.layers import PositionEmbedding, RelativeSelfAttention, sincos2d
from keras_vit.layers.tokens.grids import pair
from keras_vit.visualize.anatomy import blocks_of, layer_named


def position_similarity(model, layer=0, *, grid=None):
    """The cosine similarity of the position embeddings of every two patches.

    Args:
        model: A ViT or hybrid with learned or sine and cosine positions.
        layer: Integer, the block whose positions are meant, in a model with
            `position_scope="every_layer"`; other models have one table for all.
        grid: Pair `(rows, columns)` to resize the positions to. Defaults to the grid
            that they are for.

    Returns:
        Float32 array `(rows, columns, rows, columns)` in `[-1, 1]`: `[i, j]` is the
        map of one patch. Class and register tokens are left out.

    Raises:
        ValueError: if the model has no position embeddings, or no such layer.

    Example:

    >>> similarity = keras_vit.visualize.position_similarity(keras_vit.ViT_B32())
    >>> similarity.shape
    (7, 7, 7, 7)

    Reference: [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929), figure 7
    (centre).
    """
    positions = _positions(model, layer)
    grid = positions.grid if grid is None else pair(grid, "grid")
    width = layer_named(model, "patch_encoder").hidden_dim
    table = _table(positions, grid, width).astype("float64")
    lengths = np.linalg.norm(table, axis=-1, keepdims=True)
    table = table / np.maximum(lengths, np.finfo("float32").tiny)
    similarity = np.clip(table @ table.T, -1, 1)
    return similarity.reshape(*grid, *grid).astype("float32")


def _positions(model, layer):
    """The layer that adds the positions before a block."""
    blocks = blocks_of(model, "position_similarity")
    if isinstance(blocks[0].attention, RelativeSelfAttention):
        raise ValueError(
            "position_similarity needs a vector for each position; relative positions "
            "are a number for each offset. Look at "
            "model.get_layer('block_00').attention.relative_positions or at "
            f"mean_attention_distance instead. Received: {model.name!r}"
        )
    found = [each for each in model.layers if isinstance(each, PositionEmbedding)]
    found = found or [layer_named(model, "patch_encoder").positions]
    if found[0].kind == "none":
        raise ValueError(
            "position_similarity needs position embeddings. Received: "
            f"{model.name!r}, made with position_embedding='none'. Look at "
            "mean_attention_distance instead."
        )
    if not 0 <= layer < len(blocks):
        raise ValueError(
            f"`layer` must be from 0 to {len(blocks) - 1}. Received: layer={layer}"
        )
    return found[layer if len(found) > 1 else 0]


def _table(positions, grid, width):
    """The vectors of the patches, `(rows * columns, width)`."""
    if positions.kind == "sincos2d":
        return sincos2d(grid, width)
    prefix = positions.prefix_tokens
    nothing = ops.zeros((1, prefix + grid[0] * grid[1], width), "float32")
    # Not `positions(nothing)`, which would round to a half-precision policy.
    return ops.convert_to_numpy(positions.call(nothing, grid=grid))[0, prefix:]
