"""The result of a finished run, for programs and notebooks."""

import dataclasses

import keras

from keras_vit.common.pages import escaped
from keras_vit.common.tables import Told, as_html
from keras_vit.common.wording import as_clock
from keras_vit.training.folder.folder import RunFolder

# Rows of the history that a notebook shows.
MOST_ROWS = 20


@dataclasses.dataclass(frozen=True, repr=False)
class Result(Told):
    """A finished training run."""

    # The run folder.
    folder: RunFolder
    # One dictionary per test of the model, as in history.csv. Its `epoch` is the number
    # of the test: that of the pass over the images, unless `evaluate_every` is given.
    history: list
    # Wall-clock and processor seconds of training, over all sessions.
    seconds: float
    cpu_seconds: float
    # The epoch whose weights the model has: the last one, or the best where the recipe
    # keeps that or a callback put it back.
    epoch: int | None = None

    @property
    def metrics(self):
        """The row of `epoch` in the history.

        `val_accuracy` is the accuracy on the validation images or, in a run that has no
        validation part, on the test images.
        """
        rows = (row for row in self.history if row["epoch"] == self.epoch)
        return next(rows, self.history[-1])

    def __str__(self):
        shown = [
            f"{name} {value:.4g}"
            for name, value in self.metrics.items()
            if name != "epoch" and value is not None
        ]
        epoch = "" if self.epoch is None else f", weights of epoch {self.epoch}"
        return (
            f"run {self.folder}: {len(self.history)} tests in "
            f"{as_clock(self.seconds)}{epoch}\n{', '.join(shown)}"
        )

    def _repr_html_(self):
        names = list(dict.fromkeys(name for row in self.history for name in row))
        rows = [
            [f"{row[name]:.4g}" if name in row else "" for name in names]
            for row in self.history
        ]
        if len(rows) > MOST_ROWS:
            rows = [
                *rows[: MOST_ROWS // 2],
                ["…"] * len(names),
                *rows[-MOST_ROWS // 2 :],
            ]
        page = escaped(str(self)).replace("\n", "<br>")
        return f"<p>{page}</p>{as_html(names, rows)}"

    def load_model(self):
        """The trained model, from the run folder."""
        return keras.saving.load_model(self.folder.model, compile=False)
