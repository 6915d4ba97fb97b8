"""The arithmetic of patches: sizes, and the grid that they make; needs no Keras."""

from keras_vit.common.checks import is_integer


def pair(value, name):
    """Returns `value` as a pair of positive integers `(height, width)`."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(values) != 2 or not all(map(is_integer, values)) or min(values) < 1:
        raise ValueError(
            f"`{name}` must be a positive integer or a pair (height, width) of "
            f"positive integers, in pixels. Received: {name}={value}"
        )
    return tuple(int(v) for v in values)


def grid_length(size, patch, stride):
    """Number of patches along one side, or `None` for an unknown `size`."""
    return None if size is None else (size - patch) // stride + 1


def stem_factor(num_blocks):
    """Pixels along one side of a position of the feature map of a hybrid's ResNet.

    Args:
        num_blocks: Sequence, the residual units of each stage.
    """
    return 4 * 2 ** max(len(num_blocks) - 1, 0)


def patch_grid(size, patch_size, stride):
    """`(rows, columns)` of the patches of an image, `None` along an unknown side.

    Args:
        size: Pair `(height, width)`; sides may be `None`.
        patch_size: Pair.
        stride: Pair.
    """
    return tuple(map(grid_length, size, patch_size, stride))


def patch_and_stride(patch_size, stride):
    """`(patch_size, stride)` as pairs; by default patches do not overlap."""
    patch = pair(patch_size, "patch_size")
    step = patch if stride is None else pair(stride, "stride")
    if any(s > p for s, p in zip(step, patch)):
        raise ValueError(
            "`stride` must be at most `patch_size`, or pixels between the patches "
            f"would be lost. Received: stride={stride}, patch_size={patch_size}"
        )
    return patch, step


def check_divisible(image_size, patch_size, stride):
    """Raises if patches at this stride do not cover the image exactly."""
    for size, patch, step in zip(image_size, patch_size, stride):
        if size is None or (size >= patch and (size - patch) % step == 0):
            continue
        below = patch + (size - patch) // step * step
        nearest = [s for s in (below, below + step) if s >= patch] or [patch]
        rule = (
            "`image_size` must be a multiple of `patch_size`"
            if patch == step
            else "`image_size` must be `patch_size` plus a multiple of `stride`"
        )
        raise ValueError(
            f"{rule} in both directions. Received: image_size={image_size}, "
            f"patch_size={patch_size}, stride={stride}. Nearest sizes to {size}: "
            f"{', '.join(map(str, nearest))}."
        )
