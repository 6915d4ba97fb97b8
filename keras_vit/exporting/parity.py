"""Compares the exported file with the Keras model on the same images."""

from dataclasses import dataclass

import numpy as np

from keras_vit.exporting import images as pictures
from keras_vit.exporting.job import computes_in_full, scores_kind
from keras_vit.exporting.weight_files import in_batches, outputs_of
from keras_vit.inference.loaded import class_probabilities, gives_pixels
from keras_vit.models.vision_model import image_shape

REAL_IMAGES = 16
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
        agreement: Float in `[0, 1]`, the share of equal first classes, of images or of
            pixels, or `None` where the model has no classes.
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


def compare(images, expected, found, *, is_int8=False, judged=True, of_pixels=False):
    """A row of the table.

    Args:
        images: String, which images they are.
        expected: Array, outputs of the Keras model.
        found: Array, outputs of the file.
        is_int8: Boolean, whether the file computes in int8.
        judged: Boolean, whether the row counts.
        of_pixels: Boolean, whether they are scores of the classes of every pixel.
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
    agreement = None
    if of_pixels or (expected.ndim == 2 and expected.shape[1] > 1):
        agreement = float(np.mean(expected.argmax(-1) == found.argmax(-1)))
    return Parity(
        images,
        len(expected),
        float(difference.max()),
        float(relative),
        agreement,
        bar if judged else None,
    )


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


class Comparison:
    """The Keras model and the file on the same pixels.

    Args:
        job: A `Job` whose file is written.
        run: Function of images, the file's outputs.
    """

    def __init__(self, job, run):
        self.job = job
        self.run = run
        self.notes = []
        self.reference = job.model if computes_in_full(job.model) else job.plain
        self.sizes = pictures.sizes_to_try(job.plain)

    def expected(self, pixels):
        """The outputs of the Keras model."""
        outputs = outputs_of(self.reference, self.job.from_pixels(pixels))
        if self.job.postprocess:
            return class_probabilities(outputs, scores_kind(self.reference))
        return outputs

    def found(self, pixels):
        """The outputs of the file."""
        return in_batches(self.run, self.job.inputs(pixels))

    def rows(self, source):
        """Yields the rows of the table."""
        channels = image_shape(self.job.plain)[-1]
        for place, size in enumerate(self.sizes):
            several = len(self.sizes) > 1
            name = f"noise, {size[0]} x {size[1]}" if several else "noise"
            for count in (1, 3):
                pixels = pictures.noise(size, channels, count, seed=place)
                yield self._row(f"{name}, batch of {count}", pixels, is_noise=True)
        if channels in (1, 3):
            images = pictures.pixels_of(
                self.job.model, source, self.sizes[0], REAL_IMAGES, REAL_IMAGES
            )
            yield self._row(f"images of {source.name}", next(images)[0])
        else:
            self.notes.append(
                f"Images of {channels} channels: compared on noise alone."
            )

    def _row(self, name, pixels, is_noise=False):
        expected, is_int8 = self.expected(pixels), self.job.format == "litert_int8"
        if np.ptp(expected) == 0 and not self.notes:
            self.notes.append(
                "Every output is the same, as with a head of zeros: the comparison "
                "says little."
            )
        # Noise is unlike anything that int8 was made for.
        judged = not (is_int8 and is_noise)
        found = self.found(pixels)
        options = {"is_int8": is_int8, "judged": judged}
        options["of_pixels"] = gives_pixels(self.job.plain)
        return compare(name, expected, found, **options)

    def accuracy(self, source, num_images):
        """An `Accuracy` on a source."""
        count = same = model = file = 0
        size, known = self.sizes[0], pictures.has_classes_of(self.job.model, source)
        images = pictures.pixels_of(self.job.model, source, size, num_images)
        for pixels, labels in images:
            expected = self.expected(pixels).argmax(axis=1)
            found = self.found(pixels).argmax(axis=1)
            count += len(labels)
            same += int((expected == found).sum())
            if labels.ndim > 1:  # several an image: no one class is right
                known = False
                continue
            model += int((expected == labels).sum())
            file += int((found == labels).sum())
        shares = (model / count, file / count) if known else (None, None)
        return Accuracy(source.name, count, same / count, *shares)
