"""The callbacks that a user gives to a run: which can work, and what they remember.

A run is more than one call of `fit`, and may be more than one process. Its guests see
one training: it begins once, ends once, and what the callbacks of Keras remember of it
is saved with the state.
"""

import csv
import io
import logging
from pathlib import Path

import keras
import numpy as np

from keras_vit.common.files import write_text
from keras_vit.devices import current
from keras_vit.training.optimizers.averaging import averaged
from keras_vit.training.optimizers.build import is_plain_rate
from keras_vit.training.optimizers.scaled_rate import with_settable_rate
from keras_vit.training.recipes.monitored import measured

logger = logging.getLogger(__name__)

# They decide what is trained, so that a resumed run needs them again.
_RATE = (keras.callbacks.ReduceLROnPlateau, keras.callbacks.LearningRateScheduler)
_STEERING = (keras.callbacks.EarlyStopping, *_RATE)

_REFUSED = {
    keras.callbacks.BackupAndRestore: "A run saves its own state, and goes on from it "
    "with `resume=True`; `save_minutes` and `save_steps` say how often. Leave it out",
    keras.callbacks.SwapEMAWeights: "A run tests and saves averaged weights if its "
    "recipe has `ema_momentum`, such as 0.9999. Choose that instead",
}

# What each remembers from one epoch or update to the next.
_REMEMBERED = {
    keras.callbacks.EarlyStopping: (
        *("wait", "stopped_epoch", "best", "best_epoch", "best_weights"),
    ),
    keras.callbacks.ReduceLROnPlateau: ("wait", "best", "cooldown_counter"),
    keras.callbacks.ModelCheckpoint: (
        *("best", "_batches_seen_since_last_saving", "_last_batch_seen"),
    ),
    keras.callbacks.TensorBoard: ("_global_train_batch", "_global_test_batch"),
}


def check_callbacks(callbacks, recipe):
    """The callbacks as a list, if all of them can work in a run of the recipe.

    Raises:
        ValueError: naming one that cannot, and what to use instead.
    """
    if not isinstance(callbacks, (list, tuple, type(None))):
        raise ValueError(
            "`callbacks` must be a list of Keras callbacks. "
            f"Received: {type(callbacks).__name__}"
        )
    callbacks = list(callbacks or ())
    for callback in callbacks:
        name = type(callback).__name__
        if not isinstance(callback, keras.callbacks.Callback) or isinstance(
            callback, keras.callbacks.CallbackList
        ):
            raise ValueError(
                f"`callbacks` must be a list of Keras callbacks. Received: {name} in it"
            )
        for kind, instead in _REFUSED.items():
            if isinstance(callback, kind):
                raise ValueError(f"{name} cannot work in a run. {instead}.")
        sets = isinstance(callback, keras.callbacks.LearningRateScheduler)
        if sets and not is_plain_rate(recipe):
            raise ValueError(
                f"{name} sets the learning rate, which the schedule of the recipe "
                "decides. Leave it out, or let it decide alone, by dataclasses.replace("
                "recipe, decay='constant', warmup_steps=0, cooldown_steps=0). "
                "Received: "
                f"decay={recipe.decay!r}, warmup_steps={recipe.warmup_steps}, "
                f"cooldown_steps={recipe.cooldown_steps}"
            )
        monitor = getattr(callback, "monitor", None)
        known = measured(recipe)
        if monitor is not None and _all_of_keras(callbacks):
            if monitor not in known:
                raise ValueError(
                    f"{name} watches {monitor!r}, which no run has. Choose one of "
                    f"{', '.join(known)}."
                )
    return callbacks


def _all_of_keras(callbacks):
    """Whether there is no other callback, which may add numbers of its own."""
    return all(type(c).__module__.startswith("keras.") for c in callbacks)


def sets_rate(callbacks):
    """Whether one of the callbacks sets the learning rate."""
    return any(isinstance(callback, _RATE) for callback in callbacks)


def steering(callbacks):
    """The names of the callbacks without which a run would not be the same one."""
    kinds = [k.__name__ for c in callbacks for k in _STEERING if isinstance(c, k)]
    return sorted(kinds)


def check_steering(folder, before, callbacks):
    """Raises a `ValueError` unless a run has the callbacks that steer it again."""
    old, new = before.get("callbacks", []), steering(callbacks)
    if old != new:
        raise ValueError(
            f"The run in {folder} was started with the callbacks {old}, which decide "
            f"what is trained. Resume it with the same ones. Received: {new}"
        )


class Guests(keras.callbacks.Callback):
    """Calls the callbacks of a user, as one `fit` would that is the whole run.

    Args:
        callbacks: List of Keras callbacks.
        position: The `Position` where this session begins.
        memory: What `memory()` gave when the state was saved; empty in a new run.
        within_epoch: Boolean, whether the session begins within an epoch.
    """

    def __init__(self, callbacks, position, memory, within_epoch):
        super().__init__()
        self.callbacks = callbacks
        self.resumed = position.step > 0
        self.epochs_done = len(position.history)
        self.remembered = memory
        self.begun_epoch = within_epoch
        self.has_begun = False
        self.logs = None

    def set_model(self, model):
        super().set_model(model)
        for callback in self.callbacks:
            plateau = isinstance(callback, keras.callbacks.ReduceLROnPlateau)
            callback.set_model(with_settable_rate(model) if plateau else model)

    def set_params(self, params):
        super().set_params(params)
        for callback in self.callbacks:
            callback.set_params(params)

    def on_train_begin(self, logs=None):
        if self.has_begun:
            return
        self.has_begun = True
        if self.resumed:
            _say_what_is_forgotten(self.callbacks)
        for callback in self.callbacks:
            if self.resumed and isinstance(callback, keras.callbacks.CSVLogger):
                _continue_table(callback, self.epochs_done)
            callback.on_train_begin(logs)
        for callback, values in zip(self.callbacks, self._matched()):
            for name, value in values.items():
                setattr(callback, name, value)

    def on_train_end(self, logs=None):
        """`finish` ends the training."""

    def on_epoch_begin(self, epoch, logs=None):
        for callback in self.callbacks:
            # The rate was set when this epoch began, and came back with the state.
            rate = isinstance(callback, keras.callbacks.LearningRateScheduler)
            if not (rate and self.begun_epoch):
                callback.on_epoch_begin(epoch, logs)
        self.begun_epoch = False

    def on_epoch_end(self, epoch, logs=None):
        self.logs = logs
        with averaged(self.model):  # whose numbers `logs` holds
            for callback in self.callbacks:
                callback.on_epoch_end(epoch, logs)

    def finish(self, model):
        """Ends the training for the callbacks.

        Returns:
            Whether that changed the weights: those of the best epoch may be back.
        """
        if not self.callbacks:
            return False
        if not self.has_begun:  # nothing was left to train
            self.set_model(model)
            self.on_train_begin()
        before = [np.array(value) for value in current().values(model.variables)]
        for callback in self.callbacks:
            callback.on_train_end(self.logs)
        after = current().values(model.variables)
        return any(
            a.tobytes() != np.asarray(b).tobytes() for a, b in zip(before, after)
        )

    def best_epoch(self):
        """The number of the epoch whose weights came back at the end, or `None`."""
        found = None
        for callback in self.callbacks:
            if isinstance(callback, keras.callbacks.EarlyStopping):
                if callback.restore_best_weights and callback.best_weights is not None:
                    found = callback.best_epoch + 1
        return found

    def memory(self):
        """What the callbacks of Keras remember: a dictionary for each callback."""
        return [
            {"kind": kind, **{name: getattr(callback, name) for name in names}}
            for callback in self.callbacks
            for kind, names in [_kind_of(callback)]
        ]

    def _matched(self):
        """What each callback remembered: the first of its kind, the second, ..."""
        left = [dict(values) for values in self.remembered]
        for callback in self.callbacks:
            kind, _ = _kind_of(callback)
            index = next((i for i, v in enumerate(left) if v["kind"] == kind), None)
            values = {} if index is None or kind is None else left.pop(index)
            values.pop("kind", None)
            yield values


def _kind_of(callback):
    for kind, names in _REMEMBERED.items():
        if isinstance(callback, kind):
            return kind.__name__, [name for name in names if hasattr(callback, name)]
    return None, []


def _say_what_is_forgotten(callbacks):
    """Warns of callbacks that begin anew in a resumed run."""
    kinds = [type(c) for c in callbacks if _kind_of(c)[0] is None]
    names = [kind.__name__ for kind in kinds if not kind.__module__.startswith("keras")]
    if names:
        logger.warning(
            "What these callbacks remember is not saved, so that they begin anew: %s. "
            "If they change what is trained, the result is not that of a run that was "
            "never stopped.",
            ", ".join(names),
        )


def _forward(name):
    def hook(self, *args, **kwargs):
        for callback in self.callbacks:
            getattr(callback, name)(*args, **kwargs)

    return hook


for _part in ("train_batch", "test", "test_batch"):
    for _name in (f"on_{_part}_begin", f"on_{_part}_end"):
        setattr(Guests, _name, _forward(_name))


def _continue_table(logger, epochs):
    """Makes a CSVLogger go on with its file, without the epochs that come again."""
    logger.append, path = True, Path(logger.filename)
    if not path.is_file():
        return
    rows = list(csv.reader(io.StringIO(path.read_text()), delimiter=logger.sep))
    kept = [row for row in rows if row and (row[0] == "epoch" or int(row[0]) < epochs)]
    text = io.StringIO()
    csv.writer(text, delimiter=logger.sep, lineterminator="\n").writerows(kept)
    write_text(path, text.getvalue())
