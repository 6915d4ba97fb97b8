"""How the position embeddings of a file fill those of a model."""

import logging
import math

import numpy as np

from keras_vit.checkpoints.architecture import (
    position_prefix,
    stated_grid,
    token_counts,
)
from keras_vit.checkpoints.names.vit import CLASS_TOKEN, POSITIONS, REGISTER_TOKENS
from keras_vit.checkpoints.positions import resize_position_embeddings, square_grid
from keras_vit.common.checks import check_choice
from keras_vit.layers.resize import KERNELS, resize_matrix
from keras_vit.models.vision_model import grid_of_settings

logger = logging.getLogger(__name__)


def plan_positions(plan, kernel=None, old_grid=None, path=POSITIONS):
    """Plans position embeddings: resized to the model's grid, prefix put in place.

    The official code gives the class token a position of its own; big_vision adds
    positions before it joins. The sum is the same, so either file fills either
    model: a missing vector is zero, a superfluous one is added to its token.

    `path` is that of the table: the one that the first block reads, or a later one.
    """
    checkpoint, shape = plan.checkpoint, plan.checkpoint.shape(path)
    target = tuple(plan.variables[path].shape)
    layer = plan.model.get_layer(path.partition("/")[0])
    grid = getattr(layer, "positions", layer).grid
    prefix = target[1] - math.prod(grid)
    tokens = sum(token_counts(checkpoint))
    given = position_prefix(checkpoint, tokens, math.prod(old_grid or grid))
    if len(shape) != 3 or shape[2] != target[2]:
        plan.misfit(path, f"does not fit the variable {path} {target}")
        return
    patches = shape[1] - given
    old_grid = old_grid or grid_of_file(checkpoint, patches, grid)
    if old_grid is None or math.prod(old_grid) != patches:
        plan.misfit(
            path,
            f"is for {patches} patches, which is neither a square nor the model's grid "
            f"{grid}; pass `position_grid=(rows, columns)`",
        )
        return
    kernel = kernel or kernel_of(checkpoint)
    check_choice(kernel, KERNELS, "kernel")

    def value():
        # Half precision is too coarse for what is interpolated.
        table = resize_position_embeddings(
            np.asarray(plan.read(path), "float32"),
            grid,
            old_grid=old_grid,
            prefix_tokens=given,
            kernel=kernel,
        )
        own = table[:, :given][:, :prefix]
        missing = np.zeros((1, prefix - own.shape[1], target[2]), table.dtype)
        return np.concatenate([own, missing, table[:, given:]], axis=1)

    plan.use(path, value)
    if tuple(old_grid) != tuple(grid):
        how = f"{old_grid[0]}x{old_grid[1]} to {grid[0]}x{grid[1]} patches, {kernel}"
        plan.report.resized[path] = how
        logger.info("Position embeddings resized: %s.", how)
    if given and not prefix and path == POSITIONS:
        _add_to_tokens(plan, given)


def kernel_of(checkpoint):
    """How the positions of a checkpoint are resized: a property of its weights."""
    own = checkpoint.settings.get("arguments", {})
    return own.get("position_kernel") or checkpoint.layout.position_kernel


def grid_of_file(checkpoint, patches, expected=None):
    """The grid of a file's position embeddings.

    What the file says of itself, else a square, else the expected grid if it holds
    as many patches, else `None`. A square comes first: 16 vectors are 4 rows of 4
    even for a model of 2 rows of 8.
    """
    known = (
        grid_of_settings(checkpoint.settings)
        if checkpoint.settings
        else stated_grid(checkpoint)
    )
    for grid in (known, square_grid(patches), expected):
        if grid and math.prod(grid) == patches:
            return tuple(grid)
    return None


def _add_to_tokens(plan, given):
    """Adds the position vectors of class and register tokens to the tokens."""
    start = 0
    for path, count in zip(
        (CLASS_TOKEN, REGISTER_TOKENS), token_counts(plan.checkpoint)
    ):
        stop = min(start + count, given)
        if plan.wants(path) and plan.has(path) and plan.fits(path):

            def value(path=path, start=start, stop=stop):
                token = np.array(plan.read(path), "float32")
                positions = plan.read(POSITIONS)[:, start:stop]
                token[:, : stop - start] += positions
                return token

            plan.use(path, value)
        start += count


def plan_relative_positions(plan, kernel=None):
    """Plans tables of offsets, resized where the model has another grid.

    The largest offset of one grid becomes the largest of the other.
    """
    kernel = kernel or "official"
    check_choice(kernel, KERNELS, "kernel")
    for path, variable in plan.variables.items():
        if not (path.endswith("/relative_positions") and plan.wants(path)):
            continue
        if not plan.has(path) or plan.fits(path):
            continue  # complete() matches it, or says that it is missing
        old, new = plan.checkpoint.shape(path), tuple(variable.shape)
        if len(old) != 3 or old[0] != new[0]:
            continue  # complete() says that it does not fit
        rows, columns = (resize_matrix(a, b, kernel) for a, b in zip(old[1:], new[1:]))

        def value(path=path, rows=rows, columns=columns):
            table = plan.read(path)
            wide = np.einsum("ir,jc,hrc->hij", rows, columns, table.astype("float64"))
            return wide.astype("float32")

        plan.use(path, value)
        plan.report.resized[path] = f"{old[1:]} to {new[1:]} offsets, {kernel}"
