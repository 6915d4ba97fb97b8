"""Arrays in memory that a backend can use without copying them."""

import math

import keras
import numpy as np
from keras import ops

_ALIGNMENT = 64  # bytes; what TensorFlow and XLA ask of memory that they adopt
_STRIP = 16  # float32 numbers of a cache line


def aligned_empty(shape, dtype):
    """`np.empty`, at an address that a backend can use as it is."""
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    raw = np.empty(size + _ALIGNMENT, "u1")
    start = -raw.ctypes.data % _ALIGNMENT
    return raw[start : start + size].view(dtype).reshape(shape)


def aligned_copy(array):
    """A copy of `array`, contiguous in C's order."""
    copy = aligned_empty(array.shape, array.dtype)
    if array.ndim < 2 or array.strides[-1] == array.itemsize:
        copy[...] = array
        return copy
    # What was transposed goes line by line: all at once takes twice as long.
    for start in range(0, array.shape[-1], _STRIP):
        copy[..., start : start + _STRIP] = array[..., start : start + _STRIP]
    return copy


def aligned_join(arrays):
    """`np.concatenate` along the last axis."""
    shape = (*arrays[0].shape[:-1], sum(array.shape[-1] for array in arrays))
    joined = aligned_empty(shape, np.result_type(*arrays))
    return np.concatenate(arrays, axis=-1, out=joined)


def handed_over(array):
    """A value of a variable, which keeps the memory of `array` if it can.

    Only for an array that nobody touches again. TensorFlow copies a NumPy array
    twice, lest it changes under its feet, but not what merely says that it can become
    one; and it is quicker than NumPy with axes in another order. With JAX it is the
    other way round.
    """
    is_ready, order = array.flags.c_contiguous, np.argsort(array.strides)[::-1]
    if keras.backend.backend() == "jax":
        return array if is_ready else aligned_copy(array)
    stored = array if is_ready else array.transpose(order)
    if not stored.flags.c_contiguous:
        return ops.convert_to_tensor(_Handed(aligned_copy(array)))
    tensor = ops.convert_to_tensor(_Handed(stored))
    return tensor if is_ready else ops.transpose(tensor, np.argsort(order).tolist())


class _Handed:
    def __init__(self, array):
        self._array = array

    def __array__(self, dtype=None, copy=None):
        return self._array if dtype is None else self._array.astype(dtype, copy=False)
