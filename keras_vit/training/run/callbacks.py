"""Callbacks of a run: stopping on request, saving state, showing progress."""

import contextlib
import logging
import signal
import time

import keras

from keras_vit.common.interrupts import INTERRUPTS, Wishes
from keras_vit.common.progress import new_bar, shows_bars, sign_of_life
from keras_vit.common.signals import handling
from keras_vit.devices import current
from keras_vit.models.changes.adapters import save_adapters
from keras_vit.models.changes.lora import adapted_layers, merged
from keras_vit.training.folder.state import save_state
from keras_vit.training.optimizers.averaging import averaged
from keras_vit.training.optimizers.layer_groups import all_trainable
from keras_vit.training.run.kept import end_of_patience, kept_row, other_row

logger = logging.getLogger(__name__)


class Interrupted(KeyboardInterrupt):
    """Training was asked to stop, and its state was saved.

    Attributes:
        signal_number: Integer, the signal that asked.
    """

    def __init__(self, message, signal_number=signal.SIGINT):
        super().__init__(message)
        self.signal_number = signal_number


class StopRequest:
    """Turns the first Ctrl-C or SIGTERM into a request to stop at the next update.

    A second one stops at once, with what was last saved.
    """

    def __init__(self):
        self.signal_number = None
        self._wishes = Wishes()

    def listening(self):
        """Listens inside the block; outside the main thread it cannot, and does not."""
        return handling(self._note, signal.SIGINT, signal.SIGTERM)

    def _note(self, number, frame):
        INTERRUPTS.wishes.is_new(number)  # its double may come when this is over
        if not self._wishes.is_new(number):
            return
        if self.signal_number is not None:
            raise KeyboardInterrupt
        self.signal_number = number
        logger.warning(
            "Saving after this update, then stopping. Press Ctrl-C again to stop at "
            "once."
        )


class Restore(keras.callbacks.Callback):
    """Puts a saved state into the model when `fit` has built everything.

    Args:
        state: A `SavedState`, or `None` for nothing to restore.
        within_epoch: Boolean, whether the state was saved inside an epoch, whose
            metrics then go on.
    """

    def __init__(self, state, within_epoch):
        super().__init__()
        self.state = state
        self.within_epoch = within_epoch

    def on_epoch_begin(self, epoch, logs=None):
        # Not in `on_train_begin`: `fit` resets the metrics after it.
        if self.state is None:
            return
        self.state.restore(self.model)
        self.state = None
        if not self.within_epoch:
            self.model.reset_metrics()  # They were those of the epoch before.


# Several processes ask each other so rarely whether one wants to save or to stop,
# because each time all wait for all.
ASK_EVERY = 20


class Save(keras.callbacks.Callback):
    """Saves the state during the run, and stops on request.

    Args:
        job: A `Job`, whose position is kept up to date.
        folder: A `RunFolder`.
        request: A `StopRequest`.
        every_steps: Integer or `None`: save after so many updates between two tests.
        every_seconds: Float: save after so many seconds between two tests.
        check_weights: Function that raises where the weights must not be saved.
        memory: Function that returns what the user's callbacks remember.
    """

    def __init__(
        self,
        job,
        folder,
        request,
        *,
        every_steps,
        every_seconds,
        check_weights,
        memory,
    ):
        super().__init__()
        self.check_weights = check_weights
        self.memory = memory
        self.job = job
        self.position = job.position
        self.folder = folder
        self.request = request
        self.every_steps = every_steps
        self.every_seconds = every_seconds
        self.clock = (time.monotonic(), time.process_time())
        self.saved = (self.position.step, time.monotonic())
        self.asked = self.position.step // ASK_EVERY
        self.first_step = self.position.step

    def on_epoch_begin(self, epoch, logs=None):
        self.first_step = self.position.step

    def on_train_batch_end(self, batch, logs=None):
        # Several steps per execution may end beyond the epoch, by Keras's count.
        self.position.step = self.first_step + min(batch + 1, self.params["steps"])
        step, data = self.position.step, self.job.data
        if step % data.steps_per_test == 0 or step == data.total_steps:
            return  # `on_epoch_end` saves, after the evaluation.
        save, stop = self._decide(step - self.saved[0])
        if save or stop:
            self.check_weights()
            self._save()
        if stop:
            self._stop()

    def _decide(self, steps):
        """Whether to save and whether to stop, so many steps after the last save.

        In every process the same, although their clocks and signals are not.
        """
        counted = self.every_steps is not None and steps >= self.every_steps
        late = time.monotonic() - self.saved[1] >= self.every_seconds
        asked = self.request.signal_number is not None
        devices = current()
        if devices.num_hosts == 1:
            return counted or late, asked
        turn = self.position.step // ASK_EVERY
        if turn == self.asked:
            return counted, False
        self.asked = turn
        late = devices.total(late and devices.is_chief) > 0
        return counted or late, devices.total(asked) > 0

    def on_epoch_end(self, epoch, logs=None):
        self.check_weights()
        self.position.history.append({"epoch": epoch + 1, **logs})
        history = self.position.history
        if end_of_patience(self.job.recipe, history):
            self.model.stop_training = True
        self.position.stopped = bool(self.model.stop_training)
        # The checkpoint comes last: when it says that the run is complete, the
        # other files are.
        with averaged(self.model):
            self._save_weights()
        self.folder.write_history(self.position.history)
        self._save()
        if current().total(self.request.signal_number is not None):
            self._stop()

    def _save_weights(self):
        job, history = self.job, self.position.history
        if kept_row(job.recipe, history) is history[-1]:
            save_weights(job, self.folder)
        if job.has_validation and other_row(job.recipe, history) is history[-1]:
            save_weights(job, self.folder, self.folder.beside(job.recipe.keep))

    def _save(self):
        wall, cpu = time.monotonic(), time.process_time()
        self.position.seconds += wall - self.clock[0]
        self.position.cpu_seconds += cpu - self.clock[1]
        self.clock = (wall, cpu)
        # `self.model` also brings JAX's state back into the variables.
        save_state(self.folder.checkpoints, self.model, self.position, self.memory())
        self.saved = (self.position.step, time.monotonic())

    def _stop(self):
        raise Interrupted(
            f"Stopped after {self.position.step} updates.",
            self.request.signal_number or signal.SIGTERM,  # another process's
        )


def save_weights(job, folder, path=None):
    """Writes model.keras, or another file of weights.

    Of a run with LoRA, model.keras has the adapters merged, and beside it they are
    written alone.

    Where several processes train, all must call it.
    """
    model = job.network.model  # which shares the variables of the one in `fit`
    with all_trainable(model), current().whole(model.variables):
        with merged(model):
            folder.save_model(model, path)
        if path is None and folder.is_own and adapted_layers(model):
            save_adapters(model, folder.adapters)


# Seconds of an epoch until the first line about it, where there is no bar.
FIRST_LINE = 30.0


class LogLearningRate(keras.callbacks.Callback):
    """Adds the learning rate to the numbers of an epoch, for the callbacks after it."""

    def on_epoch_end(self, epoch, logs=None):
        rate = keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)
        logs["learning_rate"] = float(rate)


class Progress(keras.callbacks.Callback):
    """A bar while an epoch runs, and one log line when it is done.

    Without a bar, an epoch that takes long is told of by a line now and then. A context
    manager, which takes the bar away.

    Args:
        epochs: Integer, epochs of the whole run.
        bar: Boolean or `None`; `None` shows the bar on a terminal and in a notebook.
    """

    def __init__(self, epochs, bar=None):
        super().__init__()
        self.epochs = epochs
        self.shown = shows_bars() if bar is None else bar
        self.lines = not self.shown and bar is None
        self.bar = self.tell = None
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.tell = None
        self.stack.close()
        if self.bar is not None:
            self.bar.stop()
            self.bar = None

    def on_epoch_begin(self, epoch, logs=None):
        if self.shown:
            self.bar = new_bar("{task.fields[numbers]}", refresh_per_second=4)
            name = f"epoch {epoch + 1}/{self.epochs}"
            self.bar.add_task(name, total=self.params.get("steps"), numbers="")
            self.bar.start()
        elif self.lines:
            name = f"epoch {epoch + 1}/{self.epochs}"
            life = sign_of_life(name, first=FIRST_LINE, bar=False)
            self.tell = self.stack.enter_context(life)

    def on_train_batch_end(self, batch, logs=None):
        if self.tell is not None:
            self.tell(batch + 1, self.params.get("steps"))
        self._update(completed=batch + 1, numbers=_numbers(logs or {}))

    def on_test_begin(self, logs=None):
        self._update(numbers="evaluating")

    def on_epoch_end(self, epoch, logs=None):
        self.__exit__()
        width = len(str(self.epochs))
        logger.info(
            "epoch %*d/%d  %s", width, epoch + 1, self.epochs, _numbers(logs or {})
        )

    def _update(self, **values):
        if self.bar is not None:
            self.bar.update(self.bar.task_ids[0], **values)


def _numbers(logs):
    order = sorted(logs, key=lambda name: name.removeprefix("val_") != "loss")
    return "  ".join(f"{name} {logs[name]:.4g}" for name in order)
