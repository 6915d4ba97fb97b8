"""Splits images into patches and joins them again."""

import keras
import numpy as np
from keras import ops

from keras_vit.layers.base import Layer
from keras_vit.layers.tokens.grids import (
    check_divisible,
    grid_length,
    pair,
    patch_and_stride,
    patch_grid,
)


def unpatchify(patches, image_size, patch_size, stride=None):
    """Puts flattened patches back into images: the inverse of `Patches`.

    Where patches overlap (`stride` smaller than `patch_size`) each pixel is the
    mean of its copies, so that `unpatchify(Patches(p, stride=s)(x), ...)` is `x`.

    Args:
        patches: Tensor of shape `(batch, num_patches, P1 * P2 * channels)`.
        image_size: Integer or pair `(height, width)`, pixels, of the result.
        patch_size: Integer or pair `(P1, P2)`, pixels.
        stride: Integer or pair, pixels, at most `patch_size`. Defaults to
            `patch_size`: patches that do not overlap.

    Returns:
        Tensor of shape `(batch, height, width, channels)`, of the same dtype.

    Raises:
        ValueError: if the patches cannot tile an image of this size.

    Example:

    >>> x = keras.random.uniform((2, 32, 48, 3))
    >>> p = keras_vit.layers.Patches((16, 8))(x)
    >>> keras_vit.layers.unpatchify(p, (32, 48), (16, 8)).shape
    (2, 32, 48, 3)
    """
    height, width = image_size = pair(image_size, "image_size")
    patch_h, patch_w = patch_size = pair(patch_size, "patch_size")
    stride = patch_size if stride is None else pair(stride, "stride")
    check_divisible(image_size, patch_size, stride)
    grid_h, grid_w = patch_grid(image_size, patch_size, stride)
    patches = ops.convert_to_tensor(patches)
    num_patches, features = patches.shape[1:]
    known = num_patches is not None
    if (known and num_patches != grid_h * grid_w) or features % (patch_h * patch_w):
        raise ValueError(
            "`patches` must have shape (batch, num_patches, P1 * P2 * channels) with "
            f"num_patches = {grid_h} * {grid_w} for image_size={image_size}, "
            f"patch_size={patch_size}, stride={stride}. "
            f"Received: patches.shape={tuple(patches.shape)}"
        )
    x = ops.reshape(
        patches, (-1, grid_h, grid_w, patch_h, patch_w, features // (patch_h * patch_w))
    )
    if stride == patch_size:
        x = ops.transpose(x, (0, 1, 3, 2, 4, 5))  # (B, gh, P1, gw, P2, C)
        return ops.reshape(x, (-1, height, width, x.shape[-1]))
    dtype = keras.backend.standardize_dtype(x.dtype)
    fold = "float64" if dtype == "float64" else "float32"
    x = ops.cast(x, fold)
    rows = ops.convert_to_tensor(_fold_matrix(height, patch_h, stride[0]), fold)
    columns = ops.convert_to_tensor(_fold_matrix(width, patch_w, stride[1]), fold)
    x = ops.einsum("hip,bijpqc->bhjqc", rows, x)
    return ops.cast(ops.einsum("wjq,bhjqc->bhwc", columns, x), dtype)


def _fold_matrix(size, patch, stride):
    """Weights `(size, grid, patch)` that average the copies of each pixel."""
    matrix = np.zeros((size, grid_length(size, patch, stride), patch))
    for i in range(matrix.shape[1]):
        matrix[i * stride + np.arange(patch), i, np.arange(patch)] = 1.0
    return matrix / matrix.sum((1, 2), keepdims=True)


@keras.saving.register_keras_serializable(package="keras_vit")
class Patches(Layer):
    """Cuts images into flattened patches.

    The sequence `x_p` of the paper: row by row, each patch flattened in the order
    (row, column, channel), which is the order of a convolution kernel's axes. By
    reshape and transpose, so the values are exactly those of the image.

    Args:
        patch_size: Integer or pair `(P1, P2)`, pixels.
        stride: Integer or pair, pixels, at most `patch_size`: the distance between
            neighbouring patches. Smaller than `patch_size` the patches overlap.
            Defaults to `patch_size`.
        keep_grid: Boolean, whether rows and columns of patches stay two axes.

    Input shape: `(batch, height, width, channels)`; height and width must be
        multiples of `patch_size` (with `stride`: `patch_size` plus a multiple of it)
        and may be unknown.

    Output shape: `(batch, num_patches, P1 * P2 * channels)`; with `keep_grid`
        `(batch, rows, columns, P1 * P2 * channels)`.

    Raises:
        ValueError: if `stride` exceeds `patch_size` or the image size does not fit.

    Example:

    >>> keras_vit.layers.Patches(16)(keras.ops.zeros((2, 224, 224, 3))).shape
    (2, 196, 768)

    Reference: [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929),
    section 3.1.
    """

    def __init__(self, patch_size, stride=None, *, keep_grid=False, **kwargs):
        super().__init__(**kwargs)
        self.patch_size = patch_size
        self.stride = stride
        self.keep_grid = keep_grid
        self._patch, self._stride = patch_and_stride(patch_size, stride)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        check_divisible(tuple(input_shape[1:3]), self._patch, self._stride)

    def call(self, images):
        channels = images.shape[-1]
        (patch_h, patch_w), (stride_h, stride_w) = self._patch, self._stride
        # Known here, where the layer may have been built for images of every size.
        check_divisible(tuple(images.shape[1:3]), self._patch, self._stride)
        batch, height, width = ops.shape(images)[:3]
        grid_h, grid_w = patch_grid((height, width), self._patch, self._stride)
        if self._stride == self._patch:
            # Of an unknown size, pixels left over would become images of their own.
            known = isinstance(height, int) and isinstance(width, int)
            shape = (-1 if known else batch, grid_h, patch_h, grid_w, patch_w, channels)
            x = ops.reshape(images, shape)
            x = ops.transpose(x, (0, 1, 3, 2, 4, 5))  # (B, gh, gw, P1, P2, C)
        else:
            # The overlapping patches are gathers of rows, then of columns.
            rows = _window_indices(grid_h, patch_h, stride_h)
            columns = _window_indices(grid_w, patch_w, stride_w)
            x = ops.take(images, rows, axis=1)  # (B, gh * P1, W, C)
            x = ops.take(x, columns, axis=2)  # (B, gh * P1, gw * P2, C)
            x = ops.reshape(x, (-1, grid_h, patch_h, grid_w, patch_w, channels))
            x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
        grid = (grid_h, grid_w) if self.keep_grid else (grid_h * grid_w,)
        return ops.reshape(x, (-1, *grid, patch_h * patch_w * channels))

    def compute_output_shape(self, input_shape):
        grid_h, grid_w = patch_grid(input_shape[1:3], self._patch, self._stride)
        unknown = grid_h is None or grid_w is None
        features = self._patch[0] * self._patch[1] * input_shape[-1]
        if self.keep_grid:
            return (input_shape[0], grid_h, grid_w, features)
        return (input_shape[0], None if unknown else grid_h * grid_w, features)

    def compute_output_spec(self, images):
        # Integers stay as they are; floats follow the dtype policy.
        dtype = keras.backend.standardize_dtype(images.dtype)
        dtype = self.compute_dtype if "float" in dtype else dtype
        return keras.KerasTensor(self.compute_output_shape(images.shape), dtype=dtype)


def _window_indices(grid, patch, stride):
    starts = ops.expand_dims(ops.arange(grid) * stride, 1)
    return ops.reshape(starts + ops.expand_dims(ops.arange(patch), 0), (-1,))
