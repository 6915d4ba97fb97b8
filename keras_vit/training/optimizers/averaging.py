"""Averaged weights (Polyak averaging): tested and saved while the others train.

The averages are variables of the optimizer, which changes them inside the compiled
update and counts updates; a checkpoint holds them with the rest. What Keras does with
them (`ema_overwrite_frequency`, `SwapEMAWeights`) fails or swaps the wrong variables
under a `tf.distribute` strategy, so that putting them in and out happens here alone.
"""

import contextlib

import keras
import numpy as np

from keras_vit.devices import current


class UseAverages(keras.callbacks.Callback):
    """Lets every evaluation inside `fit` see the averaged weights, if there are any.

    When `fit` ends, Keras leaves the averages in the model. A run is more than one call
    of `fit` where it went on inside an epoch, and the second must not begin with them:
    the weights that were trained come back.
    """

    def __init__(self):
        super().__init__()
        self._stack = contextlib.ExitStack()
        self._trained = None

    def on_test_begin(self, logs=None):
        self._stack.enter_context(averaged(self.model))

    def on_test_end(self, logs=None):
        self._stack.close()

    def on_epoch_end(self, epoch, logs=None):
        last = epoch + 1 == self.params["epochs"] or self.model.stop_training
        if last and _has_averages(self.model.optimizer):
            self._trained = _values(self.model.trainable_variables)

    def on_train_end(self, logs=None):
        if self._trained is not None:
            _assign(self.model.trainable_variables, self._trained)
            self._trained = None


@contextlib.contextmanager
def averaged(model):
    """Inside the block the model has the averaged weights.

    Nothing happens where the optimizer keeps no averages, or has done no update.

    Args:
        model: A compiled model with a built optimizer.
    """
    if not _has_averages(model.optimizer):
        yield
        return
    variables = model.trainable_variables
    training = _values(variables)
    model.optimizer.finalize_variable_values(variables)
    # On JAX variable and average are now one array, which a compiled step that is given
    # the variable may free: make them two.
    _assign(variables, _values(variables))
    try:
        yield
    finally:
        _assign(variables, training)


def _has_averages(optimizer):
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    # Not `int(...)`, which fails under a strategy.
    return optimizer.use_ema and keras.ops.convert_to_numpy(optimizer.iterations) > 0


def _values(variables):
    # Copies: what a backend gives out may share memory with the variable.
    return [np.array(value) for value in current().values(variables)]


def _assign(variables, values):
    for variable, value in zip(variables, values):
        variable.assign(value)
