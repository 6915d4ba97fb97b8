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
    is_ready = array.flags.c_contiguous
    if keras.backend.backend() == "jax":
        return array if is_ready else aligned_copy(array)
    if is_ready:
        return ops.convert_to_tensor(_Handed(array))
    order = np.argsort(array.strides)[::-1]
    stored = array.transpose(order)
    if not stored.flags.c_contiguous:
        return ops.convert_to_tensor(_Handed(aligned_copy(array)))
    tensor = ops.convert_to_tensor(_Handed(stored))
    return ops.transpose(tensor, np.argsort(order).tolist())


def handed_over_together(vectors):
    """`handed_over` of each of many short vectors, in a fifth of the time."""
    alike = len(vectors) > 1 and len({vector.dtype for vector in vectors}) == 1
    if keras.backend.backend() == "jax" or not alike:
        return [handed_over(vector) for vector in vectors]
    ends = np.cumsum([len(vector) for vector in vectors])
    joined = ops.convert_to_tensor(np.concatenate(vectors))
    return ops.split(joined, ends[:-1].tolist())


def assign(variable, value):
    """Gives a Keras variable the value that `handed_over` returned for it.

    `variable.assign` converts, compares and reads back, which takes longer than most
    assignments; TensorFlow's own variable can do without.
    """
    inner = variable.value
    if hasattr(inner, "assign") and inner.dtype == getattr(value, "dtype", None):
        inner.assign(value, read_value=False)
    else:
        variable.assign(value)


class _Handed:
    def __init__(self, array):
        self._array = array

    def __array__(self, dtype=None, copy=None):
        return self._array if dtype is None else self._array.astype(dtype, copy=False)
