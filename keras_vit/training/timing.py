"""How long a training run will take, from a few real updates."""

import dataclasses
import time

import keras
import numpy as np


@dataclasses.dataclass(frozen=True)
class Timing:
    """What `time_training` measured, in seconds."""

    # Of the first update, in which the training step is compiled.
    first: float
    # Of one update after that, the fastest.
    update: float
    batch_size: int

    def total(self, num_updates):
        """Seconds of a run of so many updates, evaluation apart."""
        return self.first + max(0, num_updates - 1) * self.update

    def __str__(self):
        rate = self.batch_size / self.update
        return (
            f"{self.update:.3g} s an update of {self.batch_size} images ({rate:.3g} "
            f"images/s), the first one {self.first:.3g} s"
        )


def time_training(model, batch_size, *, updates=3) -> Timing:
    """Runs a few updates on random images, and takes them back.

    Every variable of model, optimizer and metrics is put back to what it was, those
    of random draws included, so that a run is the same with and without the
    measurement. Reading and changing images is not part of it: where that is slower
    than training, a run takes longer.

    Args:
        model: A compiled `keras.Model` with a known image size, whose loss takes
            integer labels. Its optimizer must be built.
        batch_size: Integer, images per update.
        updates: Integer, at least 2: the first one compiles. Defaults to 3.

    Returns:
        A `Timing`.

    Raises:
        ValueError: if the model is not compiled or a number is too small.

    Example:

    >>> print(time_training(model, 64))
    0.21 s an update of 64 images (305 images/s), the first one 6.4 s
    """
    if not model.compiled or not model.optimizer.built:
        raise ValueError(
            "The model must be compiled and its optimizer built: model.compile(...); "
            "model.optimizer.build(model.trainable_variables)."
        )
    if batch_size < 1 or updates < 2:
        raise ValueError(
            "`batch_size` must be at least 1 and `updates` at least 2. "
            f"Received: batch_size={batch_size}, updates={updates}"
        )
    random = np.random.default_rng(0)
    images = random.uniform(-1, 1, (batch_size, *model.input_shape[1:]))
    images = images.astype("float32")
    labels = random.integers(0, model.output_shape[-1], batch_size, "int32")
    before = [(v, keras.ops.convert_to_numpy(v).copy()) for v in _variables(model)]
    seconds = []
    try:
        for _ in range(updates):
            start = time.perf_counter()
            # The loss comes back as a number, for which the update has to end.
            model.train_on_batch(images, labels)
            seconds.append(time.perf_counter() - start)
    finally:
        for variable, value in before:
            variable.assign(value)
    return Timing(seconds[0], min(seconds[1:]), int(batch_size))


def _variables(model):
    """Every variable that an update changes, once."""
    every = (*model.variables, *model.optimizer.variables, *model.metrics_variables)
    return list({id(variable): variable for variable in every}.values())
