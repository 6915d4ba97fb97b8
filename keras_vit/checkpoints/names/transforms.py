"""Converts arrays between the layout of a file and the layout of a variable.

Every transform is a view of the array wherever NumPy can give one, so that shapes
are checked without reading anything: see `transformed_shape`.
"""

import functools

import numpy as np


def as_is(x):
    return x


def join_last(x):
    """`(D, heads, key_dim)` to `(D, D)`: kernels of query, key and value."""
    return x.reshape(x.shape[0], -1)


def join_first(x):
    """`(heads, key_dim, D)` to `(D, D)`; `(P, P, C, D)` to `(P * P * C, D)`."""
    return x.reshape(-1, x.shape[-1])


def flat(x):
    """`(heads, key_dim)` or `(1, 1, 1, C)` to one axis."""
    return x.reshape(-1)


def transpose(x):
    """PyTorch's `(out, in)` to `(in, out)`."""
    return x.T


def hwio(x):
    """PyTorch's `(out, in, height, width)` to `(height, width, in, out)`."""
    return x.transpose(2, 3, 1, 0)


def depthwise(x):
    """PyTorch's `(channels, 1, height, width)` to `(height, width, channels, 1)`."""
    return x.transpose(2, 3, 0, 1)


def bgr(x):
    """A kernel for images with the channels blue, green, red to one for red first."""
    return x[..., ::-1, :]


def negated(x):
    return -x


def hwio_joined(x):
    """PyTorch's convolution kernel to that of a dense layer on flattened patches."""
    return join_first(hwio(x))


def channels_last(x, channels):
    """A dense kernel of PyTorch, `(out, channels * positions)`, for our order.

    The features come from a flattened map: `(positions * channels, out)`.
    """
    units, _ = x.shape
    return x.reshape(units, channels, -1).transpose(2, 1, 0).reshape(-1, units)


def with_axes(x):
    """`(D,)` or `(N, D)` to `(1, 1, D)` or `(1, N, D)`: tokens and positions."""
    return x.reshape(*(1,) * (3 - x.ndim), *x.shape)


def behind_to_front(x, tokens):
    """Vectors `(1, 1 + patches + tokens, D)`: the last ones go behind the first."""
    patches = x.shape[1] - 1 - tokens
    return np.concatenate([x[:, :1], x[:, 1 + patches :], x[:, 1 : 1 + patches]], 1)


def third(x):
    """The query's part of a joined query, key and value: `(3 D, D)` to `(D, D)`."""
    return x[: len(x) // 3].T


def thirds(x):
    """The parts of key and value: `(3 D, D)` to `(D, 2 D)`."""
    return x[len(x) // 3 :].T


def half(x):
    """One of two heads whose outputs are averaged, transposed where it is a kernel."""
    return np.asarray(x.T, "float32") / 2


@functools.lru_cache(1024)
def transformed_shape(transform, shape):
    """The shape that `transform` gives to an array of `shape`, or `None`."""
    dummy = np.lib.stride_tricks.as_strided(np.zeros(1, "b"), shape, (0,) * len(shape))
    try:
        return transform(dummy).shape
    except (ValueError, IndexError):
        return None


def _oihw(x):
    return x.transpose(3, 2, 0, 1)


# From a variable to the array in a file; `axes` are the lengths of those that the
# transform has joined, but for the last of them.
INVERSES = {
    as_is: lambda x, axes: x,
    join_last: lambda x, axes: x.reshape(x.shape[0], *axes, -1),
    join_first: lambda x, axes: x.reshape(*axes, -1, x.shape[-1]),
    flat: lambda x, axes: x.reshape(*axes, -1),
    transpose: lambda x, axes: x.T,
    with_axes: lambda x, axes: x.reshape(x.shape[1:] if x.shape[1] > 1 else -1),
    hwio: lambda x, axes: _oihw(x),
    depthwise: lambda x, axes: depthwise(x),  # which swaps both pairs
    bgr: lambda x, axes: bgr(x),
    hwio_joined: lambda x, axes: _oihw(INVERSES[join_first](x, axes)),
}
