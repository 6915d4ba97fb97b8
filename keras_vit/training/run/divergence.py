"""Stops a run whose loss, metrics or weights are no longer numbers."""

import math

import keras
import numpy as np

from keras_vit.devices import current
from keras_vit.training.folder.state import variables_of
from keras_vit.training.run.kept import kept_row


class Diverged(ValueError):
    """A number of the training is NaN or infinite; the weights that were kept stay."""


class StopDiverged(keras.callbacks.Callback):
    """Ends the training with the first loss or metric that is not finite.

    Args:
        folder: The `RunFolder`, whose model.keras is of the last good epoch.
        position: The `Position` of the run.
        recipe: Its `Recipe`.

    Raises:
        Diverged: naming the number, and what is left.
    """

    def __init__(self, folder, position, recipe):
        super().__init__()
        self.folder = folder
        self.position = position
        self.recipe = recipe
        self.epoch = 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        self._check({"loss": (logs or {}).get("loss", 0.0)})

    def on_test_end(self, logs=None):
        self._check({f"val_{name}": value for name, value in (logs or {}).items()})

    def on_epoch_end(self, epoch, logs=None):
        self._check(logs or {})

    def check_weights(self):
        """Raises unless all variables that are about to be saved are finite.

        Where several processes train, all must call it.
        """
        groups, members = zip(*variables_of(self.model))
        for group, variable, value in zip(groups, members, current().values(members)):
            is_float = "float" in value.dtype.name  # bfloat16 too
            if group != "metrics" and is_float and not np.isfinite(value).all():
                self._stop(f"{variable.path} holds NaN or infinity")

    def _check(self, numbers):
        for name, value in numbers.items():
            if np.ndim(value) == 0 and not math.isfinite(value):
                self._stop(f"{name} is {float(value)}")

    def _stop(self, what):
        history, left = self.position.history, "No weights were kept"
        if history:
            epoch = kept_row(self.recipe, history)["epoch"]
            which = "last finite" if self.recipe.keep == "last" else "best"
            left = f"The {which} weights, of epoch {epoch}, are in {self.folder.model}"
        raise Diverged(
            f"Training has diverged: in epoch {self.epoch + 1}, {what}. {left}. Start "
            "again in another folder, with a lower learning rate (--learning-rate) or "
            "a longer warm-up (--warmup-steps)."
        )
