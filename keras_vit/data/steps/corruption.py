"""Corrupts patches: the last step before masked patch prediction.

A mask is data. It is drawn here, with an exact count for each image, and goes to the
model as an input, so that the model needs no random numbers, and two machines that see
the same image at the same time hide the same patches of it.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from keras_vit.data import randomness
from keras_vit.data.steps.base import BatchStep, check, check_range

# Of the corrupted patches: hidden behind the mask token, and shown as another patch.
# The rest, a tenth, is shown as it is. As in BERT.
HIDDEN, OTHER = 0.8, 0.1


@dataclasses.dataclass(frozen=True)
class CorruptPatches(BatchStep):
    """Draws which patches of each image are corrupted, and what must be predicted.

    In place of `(images, labels)` come `(inputs, colours, weights)`, as `fit` and
    `evaluate` of a `keras_vit.MaskedPatchPrediction` take them; labels are dropped:

    - `inputs["image"]`: the images, `float32` `(B, H, W, C)`;
    - `inputs["shown"]`: `int32` `(B, N)`, for each patch the number of the patch that
      the model sees in its place, or -1 for the mask token. Patches are counted row by
      row;
    - `colours`: `float32` `(B, N, cells * cells * C)` in [0, 1], the mean colours of
      the cells of each patch, row by row;
    - `weights`: `float32` `(B, N)`, 1 where the patch is corrupted, else 0.

    Of N patches `round(corruption_rate * N)` are corrupted, in every image. Each of
    them is hidden behind the mask token (80 %), shown as another patch of the image
    (10 %, never itself), or shown as it is (10 %), by chance and by itself.

    Args:
        patch_height: Integer, pixels; must divide the height of the images.
        patch_width: Integer, pixels. Defaults to `patch_height`.
        corruption_rate: Share of the patches, in (0, 1). Defaults to `0.5`.
        cells: Integer, cells along each side of a patch whose mean colours are
            predicted; 0 for every pixel. Defaults to `1`, the patch's mean colour.
        low: The value of black in the images. Defaults to `-1.0`.
        high: The value of white. Defaults to `1.0`.

    Reference: [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929), appendix
    B.1.2.
    """

    patch_height: int
    patch_width: int | None = None
    corruption_rate: float = 0.5
    cells: int = 1
    low: float = -1.0
    high: float = 1.0

    random = True
    last = True

    def __post_init__(self):
        check(self, "patch_height", "corruption_rate", "cells")
        if self.patch_width is not None:
            check(self, "patch_width")
        check_range(self)

    def __call__(self, images, labels=None, num_classes=None, seeds=None):
        """(inputs, colours, weights) of a batch.

        Args:
            images: `float32` tensor `(B, H, W, C)`; H, W and C must be known.
            labels: Not used.
            num_classes: Not used.
            seeds: `uint64` tensor `(B,)`, one for each image.
        """
        return corrupted(self, images, seeds, self.low, self.high)

    @property
    def patch_size(self) -> tuple[int, int]:
        """(height, width), pixels."""
        return self.patch_height, self.patch_width or self.patch_height

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """(rows, columns) of the patches of an image.

        Raises:
            ValueError: if patches do not tile the image, or are too few.
        """
        sides = zip((height, width), self.patch_size)
        if None in (height, width) or any(side % patch for side, patch in sides):
            raise ValueError(
                "Patches must tile the images that are to be corrupted. Received: "
                f"images of {height}x{width} pixels, patches of "
                f"{'x'.join(map(str, self.patch_size))}"
            )
        rows, columns = height // self.patch_size[0], width // self.patch_size[1]
        count = rows * columns
        if not 0 < _round(self.corruption_rate * count) < count:
            raise ValueError(
                "Some patches must be corrupted and some not. Received: "
                f"corruption_rate={self.corruption_rate} of {rows}x{columns} patches"
            )
        return rows, columns


def corrupted(step, images, seeds, low, high):
    """What a `CorruptPatches` makes; `low` and `high` may be arrays `(C,)`."""
    rows, columns = step.grid(*images.shape[1:3])
    shown, weights = draw(seeds, rows * columns, step.corruption_rate)
    colours = (images - low) * (1.0 / (np.asarray(high, "float32") - low))
    colours = _cell_means(colours, (rows, columns), step.cells)
    return {"image": images, "shown": shown}, colours, weights


def draw(seeds, num_patches: int, corruption_rate: float):
    """What is shown of each patch, and which are corrupted.

    Args:
        seeds: `uint64` tensor `(B,)`.
        num_patches: Integer N, at least 2.
        corruption_rate: Share of the patches.

    Returns:
        (shown, weights): `int32` and `float32`, both `(B, N)`; see `CorruptPatches`.
    """
    drawn = randomness.uniform(seeds, 3 * num_patches)
    order, kind, source = tf.unstack(tf.reshape(drawn, [-1, 3, num_patches]), axis=1)
    count = _round(corruption_rate * num_patches)
    # The places of the smallest numbers; equal ones keep their order.
    rank = tf.argsort(tf.argsort(order, stable=True), stable=True)
    corrupted = rank < count
    own = tf.range(num_patches)[None]
    steps = 1 + tf.cast(source * (num_patches - 1), tf.int32)  # never all around
    other = (own + tf.minimum(steps, num_patches - 1)) % num_patches
    shown = tf.where(kind < HIDDEN, -1, tf.where(kind < HIDDEN + OTHER, other, own))
    return tf.where(corrupted, shown, own), tf.cast(corrupted, tf.float32)


def _round(number: float) -> int:
    """The nearest integer; halves go up, unlike Python's."""
    return int(number + 0.5)


def _cell_means(images, grid, cells):
    """Mean colours of the cells of each patch: `(B, N, cells * cells * C)`."""
    (rows, columns), (height, width, channels) = grid, images.shape[1:]
    patch = height // rows, width // columns
    shape = [-1, rows, patch[0], columns, patch[1], channels]
    x = tf.transpose(tf.reshape(images, shape), [0, 1, 3, 2, 4, 5])
    if cells:
        for axis, side in ((3, patch[0]), (4, patch[1])):
            x = _shrunk(x, axis, side, cells)
    return tf.reshape(x, [-1, rows * columns, np.prod(x.shape[3:])])


def _shrunk(x, axis, side, cells):
    """Means over `cells` equal parts of an axis, pixels on a border shared out."""
    if cells == side:
        return x
    if side % cells == 0:
        shape = tf.shape(x)
        parts = tf.concat([shape[:axis], [cells, side // cells], shape[axis + 1 :]], 0)
        static = [*x.shape[:axis], cells, *x.shape[axis + 1 :]]
        return tf.ensure_shape(tf.reduce_mean(tf.reshape(x, parts), axis + 1), static)
    edges = np.arange(cells + 1) * side / cells
    pixels = np.arange(side)
    low, high = edges[:-1, None], edges[1:, None]
    overlap = np.minimum(high, pixels + 1) - np.maximum(low, pixels)
    weights = np.clip(overlap, 0, None) * cells / side
    x = tf.tensordot(x, tf.constant(weights.T, tf.float32), [[axis], [0]])
    last = len(x.shape) - 1
    order = [*range(axis), last, *range(axis, last)]
    return tf.transpose(x, order)
