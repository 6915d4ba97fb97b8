"""The exported file beside the Keras model, on the same images."""

from dataclasses import dataclass

import numpy as np

# The largest difference, as a share of the largest output.
FLOAT_BAR = 1e-4
# The root of the mean squared difference, as a share of the outputs' own.
INT8_BAR = 0.5


@dataclass(frozen=True)
class Parity:
    """One row of the table.

    Attributes:
        images: String, which images were tried.
        count: Integer, how many.
        difference: Float, the largest absolute difference of any output.
        relative: Float, what is judged: that difference as a share of the largest
            output, of int8 the root mean square of all as a share of theirs.
        agreement: Float in `[0, 1]`, the share of equal first classes, or `None` where
            the model has no classes.
        bar: Float, how large `relative` may be; `None` where it is not judged.
    """

    images: str
    count: int
    difference: float
    relative: float
    agreement: float | None
    bar: float | None

    @property
    def passed(self):
        # Not a number is no pass.
        return self.bar is None or self.relative <= self.bar

    @property
    def verdict(self):
        if self.bar is None:
            return "not judged"
        return "ok" if self.passed else "FAILED"


def compare(images, expected, found, *, is_int8=False, judged=True):
    """A row of the table.

    Args:
        images: String, which images they are.
        expected: Array, outputs of the Keras model.
        found: Array, outputs of the file.
        is_int8: Boolean, whether the file computes in int8.
        judged: Boolean, whether the row counts.
    """
    expected, found = np.asarray(expected, "float64"), np.asarray(found, "float64")
    if expected.shape != found.shape:
        infinite = float("inf")
        return Parity(images, len(expected), infinite, infinite, None, FLOAT_BAR)
    difference = np.abs(found - expected)
    tiny = np.finfo("float32").tiny
    if is_int8:
        relative = np.sqrt(np.square(difference).mean())
        relative /= max(np.sqrt(np.square(expected).mean()), tiny)
    else:
        relative = difference.max() / max(np.abs(expected).max(), tiny)
    bar = INT8_BAR if is_int8 else FLOAT_BAR
    return Parity(
        images,
        len(expected),
        float(difference.max()),
        float(relative),
        agreement(expected, found),
        bar if judged else None,
    )


def agreement(expected, found):
    """The share of equal first classes, or `None` where there are no classes."""
    if expected.ndim != 2 or expected.shape[1] < 2:
        return None
    return float((expected.argmax(1) == found.argmax(1)).mean())


@dataclass(frozen=True)
class Accuracy:
    """The model and the file on images with labels.

    Attributes:
        data: String, the data set.
        count: Integer, the images.
        agreement: Float in `[0, 1]`, the share of equal first classes.
        model: Float in `[0, 1]`, the Keras model's accuracy; `None` where the classes
            of the data are not the model's.
        file: Float in `[0, 1]`, the file's accuracy, or `None`.
    """

    data: str
    count: int
    agreement: float
    model: float | None
    file: float | None


def measure(data, batches, expected_of, found_of, has_labels):
    """An `Accuracy`.

    Args:
        data: String, the name of the data.
        batches: Iterable of `(pixels, labels)`.
        expected_of: Function of pixels, the Keras model's outputs.
        found_of: Function of pixels, the file's.
        has_labels: Boolean, whether the labels are the model's classes.
    """
    count = same = model = file = 0
    for pixels, labels in batches:
        expected = expected_of(pixels).argmax(axis=1)
        found = found_of(pixels).argmax(axis=1)
        count += len(labels)
        same += int((expected == found).sum())
        model += int((expected == labels).sum())
        file += int((found == labels).sum())
    shares = (model / count, file / count) if has_labels else (None, None)
    return Accuracy(data, count, same / count, *shares)
