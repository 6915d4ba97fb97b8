"""Resizes position embeddings to another grid of patches."""

import math

import numpy as np

from keras_vit.common.checks import check_choice
from keras_vit.layers.resize import KERNELS, resize_matrix


def resize_position_embeddings(
    table, grid_size, *, old_grid=None, prefix_tokens=0, kernel="official"
):
    """Resizes learned position embeddings to another grid of patches.

    Args:
        table: Array `(1, prefix_tokens + rows * columns, hidden_dim)`.
        grid_size: Pair `(rows, columns)` of the result, in patches.
        old_grid: Pair `(rows, columns)` of `table`. Defaults to a square grid.
        prefix_tokens: Integer, the number of leading vectors (class and register
            tokens) that are copied unchanged.
        kernel: `"official"` (bilinear with aligned corners: scipy's zoom of order 1,
            without the zeros that it writes at the border for some sizes),
            `"bilinear"` and `"bicubic"` (half-pixel centres: TensorFlow's and
            PyTorch's resize), or `"bicubic_antialias"` (timm's).

    Returns:
        NumPy array `(1, prefix_tokens + rows * columns, hidden_dim)` of the same
        dtype, computed in float64.

    Raises:
        ValueError: if `kernel` is unknown or the grid does not hold the vectors.

    Example:

    >>> table = np.zeros((1, 1 + 14 * 14, 768), "float32")
    >>> keras_vit.resize_position_embeddings(table, (24, 24), prefix_tokens=1).shape
    (1, 577, 768)

    Reference: `vit_jax/checkpoint.py: interpolate_posembed`.
    """
    table = np.asarray(table)
    check_choice(kernel, KERNELS, "kernel")
    patches = table.shape[1] - prefix_tokens
    if old_grid is None:
        old_grid = square_grid(patches)
        if old_grid is None:
            raise ValueError(
                "`old_grid` must be given unless the number of patches is a square. "
                f"Received: {patches} vectors of patches (table.shape={table.shape}, "
                f"prefix_tokens={prefix_tokens})"
            )
    old_grid, grid_size = tuple(old_grid), tuple(grid_size)
    if math.prod(old_grid) != patches:
        raise ValueError(
            "`old_grid` must hold as many patches as `table` has vectors for. "
            f"Received: old_grid={old_grid}, vectors of patches={patches}"
        )
    if old_grid == grid_size:
        return table
    prefix, grid = table[:, :prefix_tokens], table[0, prefix_tokens:]
    grid = grid.reshape(*old_grid, -1).astype("float64")
    sides = zip(old_grid, grid_size)
    rows, columns = (resize_matrix(old, new, kernel) for old, new in sides)
    grid = np.einsum("ir,jc,rcd->ijd", rows, columns, grid, optimize=True)
    grid = grid.reshape(1, -1, table.shape[-1]).astype(table.dtype)
    return np.concatenate([prefix, grid], axis=1)


def square_grid(patches):
    """The square grid of so many patches, or `None`."""
    side = math.isqrt(max(patches, 0))
    return (side, side) if side and side * side == patches else None
