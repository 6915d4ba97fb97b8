"""What an evaluation found: the numbers, and what further numbers are made of."""

import dataclasses
import functools

import numpy as np

from keras_vit.evaluation.metrics import (
    Calibration,
    calibration,
    class_table,
    confusion_matrix,
    wilson_interval,
)

# Below it the true class is nearly always among the first five.
TOP5_CLASSES = 6


@dataclasses.dataclass(frozen=True)
class Mistake:
    """One wrong answer."""

    # Place among the examples, from 0, and the file where the data is a folder.
    index: int
    file: str | None
    # Classes by number.
    true: int
    predicted: int
    # Probability of the predicted class, in [0, 1].
    confidence: float
    # Pixels as the model saw them: uint8 (H, W, C).
    image: np.ndarray


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found."""

    # Data set and split.
    data: str
    class_names: list
    # Examples evaluated.
    num_examples: int
    # Mean cross-entropy of the true classes, in nats, without label smoothing.
    loss: float
    # Share of examples whose most probable class is the true one.
    accuracy: float
    # Share of examples whose true class is among the five most probable; `None` below
    # six classes, where it says nothing.
    top5_accuracy: float | None
    # True class, predicted class and its probability, for each example: `(N,)`.
    labels: np.ndarray = dataclasses.field(repr=False)
    predicted: np.ndarray = dataclasses.field(repr=False)
    confidences: np.ndarray = dataclasses.field(repr=False)
    # Probabilities of all classes, float32 `(N, K)`; `None` where they would not fit.
    probabilities: np.ndarray | None = dataclasses.field(repr=False)
    # The wrong answers with the highest probabilities, the highest first.
    mistakes: list = dataclasses.field(repr=False)
    # How images were prepared, as text; `None` where it was as the model says.
    steps: str | None = None
    # Share of the images whose predicted class is one of their ReaL labels, of those
    # that have any; `None` but for images of ImageNet's validation set.
    real_accuracy: float | None = None

    @functools.cached_property
    def accuracy_interval(self) -> tuple:
        """`(low, high)`, the 95 % interval of the accuracy after Wilson."""
        right = int((self.labels == self.predicted).sum())
        return wilson_interval(right, self.num_examples)

    @functools.cached_property
    def calibration(self) -> Calibration:
        """Probability against accuracy, in 15 bins of equal width."""
        return calibration(self.confidences, self.labels == self.predicted)

    @property
    def calibration_error(self) -> float:
        """The expected calibration error; see `keras_vit.evaluation.calibration`."""
        return self.calibration.error

    @functools.cached_property
    def confusion(self) -> np.ndarray:
        """Counts `(K, K)`: row the true class, column the predicted one."""
        return confusion_matrix(self.labels, self.predicted, len(self.class_names))

    @functools.cached_property
    def classes(self) -> list:
        """Of each class its name, support, precision, recall and F1."""
        rows = class_table(self.confusion)
        return [{"class": n, **row} for n, row in zip(self.class_names, rows)]

    def to_json(self):
        """The numbers as a dictionary that JSON can hold.

        `confusion` lists what occurred: `[true class, predicted class, examples]`.
        """
        cells = zip(*np.nonzero(self.confusion))
        here = {"steps": self.steps, "real_accuracy": self.real_accuracy}
        return {
            "data": self.data,
            **{name: value for name, value in here.items() if value is not None},
            "num_examples": self.num_examples,
            "loss": self.loss,
            "accuracy": self.accuracy,
            "accuracy_interval": list(self.accuracy_interval),
            "top5_accuracy": self.top5_accuracy,
            "calibration_error": self.calibration_error,
            "classes": self.classes,
            "confusion": [
                [self.class_names[t], self.class_names[p], int(self.confusion[t, p])]
                for t, p in cells
            ],
        }
