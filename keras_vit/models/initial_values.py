"""Models whose first values come from a file, not from random numbers."""

import contextlib
import threading

import keras

_LOCK = threading.RLock()


@contextlib.contextmanager
def no_initial_values(wanted=True):
    """Lets every layer that this thread builds start from zeros.

    Drawing the random values of a large model takes longer than reading its weights,
    which would replace them at once.

    Args:
        wanted: Boolean; if false, nothing changes.

    Yields:
        A dictionary of each variable's path to the initializer that it would have
        had, for those that no file fills: see `give_initial_values`.
    """
    initializers = {}
    if not wanted:
        yield initializers
        return
    layer = keras.layers.Layer
    with _LOCK:  # other threads build as ever, or wait if they want this too
        original, owner = layer.add_weight, threading.get_ident()

        def add_weight(self, shape=None, initializer=None, *args, **kwargs):
            if threading.get_ident() != owner or initializer is None:
                return original(self, shape, initializer, *args, **kwargs)
            variable = original(self, shape, "zeros", *args, **kwargs)
            initializers[variable.path] = initializer
            return variable

        layer.add_weight = add_weight
        try:
            yield initializers
        finally:
            layer.add_weight = original


def give_initial_values(variables, initializers):
    """Draws the values that `no_initial_values` left out."""
    for variable in variables:
        if variable.path in initializers:
            initializer = keras.initializers.get(initializers[variable.path])
            variable.assign(initializer(variable.shape, dtype=variable.dtype))
