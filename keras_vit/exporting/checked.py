"""One export: checks, a file beside its place, the comparison, then the place."""

import importlib
from pathlib import Path

import numpy as np

from keras_vit.common.files import staged
from keras_vit.exporting import images as pictures
from keras_vit.exporting.describing import inputs_text, outputs_text, size_on_disk
from keras_vit.exporting.formats import FORMATS, check_installed, find_format
from keras_vit.exporting.job import Job, check_options, computes_in_full, plain_model
from keras_vit.exporting.parity import compare, measure
from keras_vit.exporting.reloading import outputs_of
from keras_vit.exporting.report import ExportReport
from keras_vit.exporting.sources import find_sources, has_classes_of
from keras_vit.exporting.staging import check_place
from keras_vit.inference.loaded import class_probabilities, load_model, output_kind
from keras_vit.models.vision_model import image_shape, settings_of, value_range_of

BATCH = 32
REAL_IMAGES = 16
CALIBRATION_IMAGES = 128


def export(
    model,
    path,
    format=None,
    *,
    preprocess=False,
    postprocess=False,
    input_dtype="float32",
    quantization="dynamic",
    data=None,
    data_dir=None,
    num_images=1000,
    min_agreement=0.9,
    overwrite=False,
):
    """Writes a model in another format, and keeps the file only if it is right.

    The new file is opened by its own runtime (TensorFlow, the LiteRT interpreter, ONNX
    Runtime; files of weights by `keras_vit.from_checkpoint`) and compared with the
    Keras model on noise and on real images. Only then does it get its name; what was
    there before is replaced in that moment, and not before. If it fails, it is deleted.

    Files are in float32 (but `"litert_int8"`), with LoRA merged into the kernels and
    the kernels of BiT and hybrids standardised.

    Args:
        model: A Keras model, the path of a `.keras` file, or a run folder.
        path: Path of the file, or of the folder for `"saved_model"`, `"hf"` and
            `"timm"`.
        format: String:

            - `"saved_model"`: a TensorFlow SavedModel;
            - `"litert"`: LiteRT (formerly TensorFlow Lite) in float32;
            - `"litert_int8"`: LiteRT with matrix products in int8;
            - `"onnx"`: ONNX;
            - `"npz"`: weights in the layout of the official projects;
            - `"hf"`: a folder for Hugging Face transformers;
            - `"timm"`: a folder for `timm.create_model("local-dir:...")`.

            By default what the suffix of `path` says: `.onnx`, `.tflite`, `.npz`.
        preprocess: Boolean, whether the file takes pixels in `[0, 255]` and scales
            them itself. They have the model's size already.
        postprocess: Boolean, whether the file gives probabilities instead of logits.
        input_dtype: `"float32"`, or with `preprocess` also `"uint8"`.
        quantization: For `"litert_int8"`. `"dynamic"`: the ranges of activations are
            found as it runs. `"static"`: they are fixed by images of `data`, as
            accelerators without floats need it; it costs more accuracy.
        data: Name or path of a data set as for `keras_vit.data.load`, or a `Source`:
            the images to compare on, to measure the accuracy with, and, its training
            part, to calibrate with. Defaults to the embedded images, without accuracy.
        data_dir: Where TFDS keeps prepared data.
        num_images: Integer, how many test images of `data` are measured at most.
            Defaults to 1000.
        min_agreement: Float in `[0, 1]`, the share of images of `data` on which model
            and file must have the same first class. Defaults to 0.9.
        overwrite: Boolean, whether what is at `path` may be replaced: a file, or a
            folder that is an earlier export.

    Returns:
        An `keras_vit.exporting.ExportReport`, which prints as a table.

    Raises:
        ValueError: if options contradict each other, the format has no way to say what
            the model is, something is at `path`, or the file does not compute what
            the model does.
        ImportError: if a package is missing.

    Example:

    >>> report = keras_vit.export("runs/mine", "mine.onnx", preprocess=True)
    >>> print(report)
    """
    path = Path(path).expanduser()
    format = find_format(format, path)
    options = {
        "preprocess": preprocess,
        "postprocess": postprocess,
        "input_dtype": input_dtype,
        "quantization": quantization,
    }
    check_options(format, FORMATS[format].is_graph, options)
    check_place(path, overwrite)
    check_installed(format)
    model = load_model(model)
    if postprocess:
        output_kind(model)  # raises where there are no classes
    plain, notes = plain_model(model)
    _check_family(format, plain)
    static = format == "litert_int8" and quantization == "static"
    calibration, test = find_sources(data, data_dir, needed=static)
    value_range = value_range_of(model)
    with staged(path) as place:
        job = Job(model, plain, format, place, value_range, **options)
        if static:
            job.calibration = _calibration(job, calibration)
        comparison = _Comparison(job, _written(job))
        parity = list(comparison.rows(test))
        accuracy = None
        if data is not None and len(plain.output_shape) == 2:
            accuracy = comparison.accuracy(test, num_images)
        report = ExportReport(
            str(path),
            format,
            size_on_disk(place),
            inputs_text(job),
            outputs_text(job),
            parity,
            accuracy,
            notes + comparison.notes,
        )
        _check(report, min_agreement)
    return report


def _check_family(format, plain):
    settings = settings_of(plain)
    if not FORMATS[format].is_graph and not settings.get("family"):
        raise ValueError(
            "Files of weights are for whole models of keras_vit. Received: "
            f"format={format!r} and the model {plain.name!r}, which was not made by "
            "one of its constructors."
        )


def _written(job):
    """Writes the file, and opens it; errors of foreign code say what failed."""
    module = importlib.import_module(
        f"keras_vit.exporting.{FORMATS[job.format].module}"
    )
    try:
        module.write(job)
        return module.runner(job)
    except (ValueError, OSError, ImportError):
        raise
    except Exception as error:  # of converters and runtimes, of any class
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"The model {job.model.name!r} cannot be written as {job.format!r}; "
            f"nothing was kept. {type(error).__name__}: {first}"
        ) from error


def _calibration(job, source):
    (size, *_) = pictures.sizes_to_try(job.plain)
    batches = pictures.pixels_of(job.model, source, size, CALIBRATION_IMAGES)
    return job.inputs(np.concatenate([pixels for pixels, _ in batches]))


def _check(report, min_agreement):
    accuracy = report.accuracy
    unlike = accuracy is not None and accuracy.agreement < min_agreement
    if report.passed and not unlike:
        return
    why = "does not compute what the model does"
    if report.passed:
        why = f"agrees with the model on fewer than {min_agreement:.0%} of the images"
    hint = ""
    if report.format == "litert_int8":
        hint = "\nWith quantization='dynamic' less is lost; 'litert' loses nothing."
    raise ValueError(f"The exported file {why}, and was deleted.\n{report}{hint}")


class _Comparison:
    """The Keras model and the file on the same pixels."""

    def __init__(self, job, run):
        self.job = job
        self.run = run
        self.notes = []
        self.reference = job.model if computes_in_full(job.model) else job.plain

    def expected(self, pixels):
        """The outputs of the Keras model."""
        inputs = self.job.from_pixels(pixels)
        outputs = outputs_of(self.reference, inputs, BATCH)
        if self.job.postprocess:
            return class_probabilities(outputs, output_kind(self.reference))
        return outputs

    def found(self, pixels):
        """The outputs of the file."""
        inputs, starts = self.job.inputs(pixels), range(0, len(pixels), BATCH)
        parts = [self.run(inputs[start : start + BATCH]) for start in starts]
        return np.concatenate([np.asarray(part) for part in parts])

    def rows(self, source):
        """Yields the rows of the table."""
        sizes = pictures.sizes_to_try(self.job.plain)
        channels = image_shape(self.job.plain)[-1]
        for place, size in enumerate(sizes):
            name = "noise" if len(sizes) == 1 else f"noise, {size[0]} x {size[1]}"
            for count in (1, 3):
                pixels = pictures.noise(size, channels, count, seed=place)
                yield self._row(f"{name}, batch of {count}", pixels, is_noise=True)
        real = pictures.real_pixels(self.job.model, source, sizes[0], REAL_IMAGES)
        if real is None:
            self.notes.append(
                f"Images of {channels} channels: compared on noise alone."
            )
        else:
            yield self._row(f"images of {source.name}", real)

    def _row(self, name, pixels, is_noise=False):
        expected, is_int8 = self.expected(pixels), self.job.format == "litert_int8"
        if np.ptp(expected) == 0 and not self.notes:
            self.notes.append(
                "Every output is the same, as with a head of zeros: the comparison "
                "says little."
            )
        return compare(
            name,
            expected,
            self.found(pixels),
            is_int8=is_int8,
            # Noise is unlike anything that int8 was made for.
            judged=not (is_int8 and is_noise),
        )

    def accuracy(self, source, num_images):
        """An `Accuracy` on a source."""
        (size, *_) = pictures.sizes_to_try(self.job.plain)
        return measure(
            source.name,
            pictures.pixels_of(self.job.model, source, size, num_images),
            self.expected,
            self.found,
            has_classes_of(self.job.model, source),
        )
