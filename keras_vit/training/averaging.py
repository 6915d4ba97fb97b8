"""Averaged weights (Polyak averaging): tested and saved, while the others train.

The averages are variables of the optimizer, which changes them inside the compiled
update and counts updates; a checkpoint holds them with the rest. What Keras does with
them (`ema_overwrite_frequency`, `SwapEMAWeights`) fails or swaps the wrong variables
under a `tf.distribute` strategy, so that putting them in and out happens here alone.
"""

import contextlib

import keras
import numpy as np


class UseAverages(keras.callbacks.Callback):
    """Lets every evaluation inside `fit` see the averaged weights, if there are any."""

    def __init__(self):
        super().__init__()
        self._stack = contextlib.ExitStack()

    def on_test_begin(self, logs=None):
        self._stack.enter_context(averaged(self.model))

    def on_test_end(self, logs=None):
        self._stack.close()


@contextlib.contextmanager
def averaged(model):
    """Inside the block the model has the averaged weights.

    Nothing happens where the optimizer keeps no averages, or has done no update.

    Args:
        model: A compiled model with a built optimizer.
    """
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    if not optimizer.use_ema or not int(optimizer.iterations):
        yield
        return
    variables = model.trainable_variables
    # Copies: what a backend gives out may share memory with the variable.
    training = [np.array(keras.ops.convert_to_numpy(v)) for v in variables]
    optimizer.finalize_variable_values(variables)
    try:
        yield
    finally:
        for variable, value in zip(variables, training):
            variable.assign(value)
