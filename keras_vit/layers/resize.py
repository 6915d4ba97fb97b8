"""One-dimensional interpolation as a matrix."""

import numpy as np

KERNELS = ("official", "bilinear", "bicubic", "bicubic_antialias")


def resize_matrix(old, new, kernel="official", xp=np):
    """The matrix `(new, old)` that resizes a signal of `old` samples to `new`.

    Args:
        old: Integer, or a scalar tensor where `xp` is `keras.ops`.
        new: Integer, or a scalar tensor.
        kernel: `"official"`: linear, the corners of both grids aligned.
            `"bilinear"`, `"bicubic"`: half-pixel centres, the border repeated,
            cubic with a = -0.75. `"bicubic_antialias"`: half-pixel centres, cubic
            with a = -0.5, widened where samples are lost, cut off at the border.
        xp: `numpy` (float64) or `keras.ops` (float32).

    Returns:
        An array or tensor whose rows sum to 1.
    """
    dtype = "float64" if xp is np else "float32"
    i = xp.expand_dims(xp.arange(new, dtype=dtype), 1)  # (new, 1)
    j = xp.expand_dims(xp.arange(old, dtype=dtype), 0)  # (1, old)
    size, target = (xp.cast(v, dtype) if xp is not np else float(v) for v in (old, new))
    if kernel == "official":
        centre = i * (size - 1) / xp.maximum(target - 1, 1)
        return xp.maximum(0.0, 1.0 - xp.abs(centre - j))
    ratio = size / target
    centre = (i + 0.5) * ratio - 0.5
    if kernel == "bilinear":
        centre = xp.minimum(xp.maximum(centre, 0.0), size - 1)
        return xp.maximum(0.0, 1.0 - xp.abs(centre - j))
    if kernel == "bicubic":
        first = xp.floor(centre)
        matrix = 0.0
        for tap in (-1, 0, 1, 2):
            sample = xp.minimum(xp.maximum(first + tap, 0.0), size - 1)
            weight = _cubic(centre - first - tap, -0.75, xp)
            matrix = matrix + xp.where(sample == j, weight, 0.0)
        return matrix
    matrix = _cubic((centre - j) / xp.maximum(ratio, 1.0), -0.5, xp)
    return matrix / xp.sum(matrix, axis=1, keepdims=True)


def _cubic(x, a, xp):
    """Keys's cubic convolution kernel."""
    x = xp.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * a
    return xp.where(x <= 1, near, xp.where(x < 2, far, 0.0))
