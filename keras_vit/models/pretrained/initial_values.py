"""Builds models whose initial values come from a file, not from random numbers."""

import contextlib

import keras
from keras import ops


def values_later(wanted=True):
    """A scope in which models are built with shapes, but without values.

    Drawing the random values of a large model takes longer than reading its weights,
    and even zeros cost as much time and memory as those. Within a `StatelessScope`
    Keras puts off the values of new variables; `give_values` makes up for it.

    Args:
        wanted: Boolean; if false, nothing changes.
    """
    if not wanted:
        return contextlib.nullcontext()
    return keras.StatelessScope(initialize_variables=False)


def give_values(variables, values):
    """Gives the variables of a model from `values_later` their first values.

    Args:
        variables: Every variable of the model.
        values: Iterable of pairs of a variable and its value, read one by one. All
            others get what their initializers draw.
    """
    try:
        for variable, value in values:
            # Keras's own way to a first value, without a second buffer to replace.
            variable._initializer = _Constant(value)
            del value
            variable._deferred_initialize()
        for variable in variables:
            if variable._initializer is not None:
                variable._deferred_initialize()
    finally:
        forget(variables)


def forget(variables):
    """Strikes variables from Keras's list of those that wait for a value.

    At the end of the next `StatelessScope` Keras would initialise them all, even
    those of a model that was refused and thrown away.
    """
    for variable in variables:
        variable._deferred_initialize = lambda: None
    with keras.StatelessScope():
        pass
    for variable in variables:
        del variable._deferred_initialize


class _Constant:
    """An initializer that gives one array, and lets go of it at once."""

    def __init__(self, value):
        self._value = value

    def __call__(self, shape, dtype=None):
        value, self._value = self._value, None
        return ops.convert_to_tensor(value, dtype)
