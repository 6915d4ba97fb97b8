"""Arrays in memory that a backend can use without copying them."""

import math

import keras
import numpy as np

_ALIGNMENT = 64  # bytes; what TensorFlow and XLA ask of memory that they adopt


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
    copy[...] = array
    return copy


def contiguous(array):
    """`array` itself where it is contiguous in C's order, else a copy."""
    return array if array.flags.c_contiguous else aligned_copy(array)


def aligned_join(arrays):
    """`np.concatenate` along the last axis."""
    shape = (*arrays[0].shape[:-1], sum(array.shape[-1] for array in arrays))
    joined = aligned_empty(shape, np.result_type(*arrays))
    return np.concatenate(arrays, axis=-1, out=joined)


def handed_over(array):
    """What to give a backend so that it keeps the memory of `array` if it can.

    Only for an array that nobody touches again. TensorFlow copies a NumPy array
    twice, lest it changes under its feet, but not what merely says that it can become
    one; with JAX it is the other way round.
    """
    return array if keras.backend.backend() == "jax" else _Handed(array)


class _Handed:
    def __init__(self, array):
        self._array = array

    def __array__(self, dtype=None, copy=None):
        return self._array if dtype is None else self._array.astype(dtype, copy=False)
