"""`export`: checks the options, writes a file, and keeps it only if it agrees."""

import os
from pathlib import Path

import numpy as np

from keras_vit.common.checks import check_choice
from keras_vit.common.files import replacing, restore
from keras_vit.exporting import images as pictures
from keras_vit.exporting.formats import FORMATS, check_installed, find_format
from keras_vit.exporting.job import Job, plain_model, scores_kind
from keras_vit.exporting.parity import Comparison
from keras_vit.exporting.preparation import scaling_note
from keras_vit.exporting.report import ExportReport
from keras_vit.exporting.several_outputs import outputs_note, shape_of
from keras_vit.inference.detecting import gives_boxes
from keras_vit.inference.loaded import (
    check_entrance,
    gives_labels,
    gives_pixels,
    load_model,
)
from keras_vit.models.segmentation.segmenter import FAMILY as SEGMENTER
from keras_vit.models.variants.lineage import LINEAGE
from keras_vit.models.vision_model import look_inside, settings_of, value_range_of

CALIBRATION_IMAGES = 128
INPUT_DTYPES = ("float32", "uint8")
QUANTIZATIONS = ("dynamic", "static")

# Formats of other projects, whose names are known for ViT, hybrid and BiT.
_OF_TRANSFORMERS = ("npz", "hf", "timm")
# By one of these a folder is known as an export, which may be replaced.
_MARKS = ("saved_model.pb", "model.safetensors")


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
        model: A Keras model, the path of a `.keras` file, a run folder, or a
            checkpoint, as for `keras_vit.from_checkpoint`.
        path: Path of the file, or of the folder for `"saved_model"`, `"hf"` and
            `"timm"`.
        format: String, a key of `keras_vit.exporting.FORMATS`:

            - `"saved_model"`: a TensorFlow SavedModel;
            - `"litert"`: LiteRT (formerly TensorFlow Lite) in float32;
            - `"litert_int8"`: LiteRT with matrix products in int8;
            - `"onnx"`: ONNX;
            - `"npz"`: weights in the layout of the official projects;
            - `"hf"`: a folder for Hugging Face transformers;
            - `"timm"`: a folder for `timm.create_model("local-dir:...")`;
            - `"keras"`: a whole model, as `model.save` writes it;
            - `"weights_h5"`: weights for `load_weights` of a model that is built alike;
            - `"safetensors"`: weights under the names of this package, with all that
              `keras_vit.from_checkpoint` needs to build the model.

            By default what the ending of `path` says: `.onnx`, `.tflite`, `.npz`,
            `.keras`, `.weights.h5`, `.safetensors`.
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
        A `keras_vit.exporting.ExportReport`, which prints as a table.

    Raises:
        ValueError: if options contradict each other, the format has no way to say what
            the model is, something is at `path`, or the file does not compute what
            the model does.
        ImportError: if a package is missing.

    Example:

    >>> report = keras_vit.export("runs/mine", "mine.onnx", preprocess=True)
    >>> print(report)
    """
    format, path = check_target(path, format, overwrite)
    options = (preprocess, postprocess, input_dtype, quantization)
    _check_options(format, *options)
    model = load_model(model)
    if postprocess:
        scores_kind(model)  # raises where there are no classes
    if preprocess:
        check_entrance(model)
    plain, notes = plain_model(model)
    family = settings_of(plain).get("family")
    if (
        family in (*LINEAGE, SEGMENTER, "yolos", "detector")
        and format in _OF_TRANSFORMERS
    ):
        raise ValueError(
            f"Files of the format {format!r} are written of ViT, hybrid and BiT alone. "
            f"Received: the model {plain.name!r}, of the family {family!r}. Use "
            "'safetensors', 'keras' or 'weights_h5', or a format that holds the whole "
            "computation, such as 'onnx'."
        )
    if not FORMATS[format].is_graph and not settings_of(plain).get("family"):
        raise ValueError(
            "Files of weights are for whole models of keras_vit. Received: "
            f"format={format!r} and the model {plain.name!r}, which was not made by "
            f"one of its constructors.{look_inside(plain)}"
        )
    static = format == "litert_int8" and quantization == "static"
    task = "multilabel" if gives_labels(plain) else "classification"
    task = "segmentation" if gives_pixels(plain) else task
    task = "detection" if gives_boxes(plain) else task
    calibration, test = pictures.find_sources(data, data_dir, static, task)
    with replacing(path) as place:
        job = Job(model, plain, format, place, value_range_of(model), *options)
        job.notes += [*notes, *scaling_note(job), *outputs_note(job)]
        if static:
            size = pictures.sizes_to_try(plain)[0]
            batches = pictures.pixels_of(model, calibration, size, CALIBRATION_IMAGES)
            job.calibration = job.inputs(np.concatenate([x for x, _ in batches]))
        comparison = Comparison(job, _written(job))
        parity = list(comparison.rows(test))
        accuracy = None
        if data is not None and len(shape_of(plain)) == 2:
            accuracy = comparison.accuracy(test, num_images)
        report = ExportReport.of(
            job, path, parity, accuracy, job.notes + comparison.notes
        )
        _check_report(report, min_agreement)
    return report


def check_target(path, format=None, overwrite=False):
    """The format of an export and its `Path`, where both can be written here.

    Raises:
        ValueError: if they do not suit each other, or nothing can or may be written.
        ImportError: if a package is missing.
    """
    path = Path(path).expanduser()
    format = find_format(format, path)
    _check_place(path, overwrite)
    check_installed(format)
    return format, path


def _check_options(format, preprocess, postprocess, input_dtype, quantization):
    """Raises if options of `export` contradict each other or the format."""
    given = {
        "preprocess": preprocess,
        "postprocess": postprocess,
        "input_dtype": input_dtype != "float32",
    }
    if not FORMATS[format].is_graph and any(given.values()):
        names = ", ".join(name for name, is_given in given.items() if is_given)
        raise ValueError(
            "Files of weights hold no computation, so these options are for the "
            f"other formats. Received: format={format!r} with {names}"
        )
    check_choice(input_dtype, INPUT_DTYPES, "input_dtype")
    check_choice(quantization, QUANTIZATIONS, "quantization")
    if input_dtype == "uint8" and not preprocess:
        raise ValueError(
            "`input_dtype='uint8'` is for pixels in [0, 255], so it needs "
            "`preprocess=True`. Received: preprocess=False"
        )


def _check_place(path, overwrite):
    """Raises, before any work, if nothing can or may be written to `path`."""
    if not path.parent.is_dir():
        raise ValueError(
            f"The folder of the export does not exist. Received: path={str(path)!r}. "
            f"Make {path.parent} first."
        )
    if not os.access(path.parent, os.W_OK):
        raise ValueError(
            f"The folder of the export may not be written to. Received: "
            f"path={str(path)!r}. Choose another folder."
        )
    restore(path)
    if not os.path.lexists(path):
        return
    if not overwrite:
        raise ValueError(
            f"This path already exists. Received: path={str(path)!r}. "
            "Choose another path, or pass `overwrite=True` (--overwrite)."
        )
    if path.is_dir() and any(path.iterdir()):
        if not any((path / mark).exists() for mark in _MARKS):
            raise ValueError(
                "A folder that is replaced must be an earlier export. Received: "
                f"path={str(path)!r}, which holds other things. Choose another path."
            )


def _written(job):
    """Writes the file, and opens it; errors of foreign code say what failed."""
    try:
        FORMATS[job.format].write(job)
        return FORMATS[job.format].runner(job)
    except (ValueError, OSError, ImportError):
        raise
    except Exception as error:  # of converters and runtimes, of any class
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"The model {job.model.name!r} cannot be written as {job.format!r}; "
            f"nothing was kept. {type(error).__name__}: {first}"
        ) from error


def _check_report(report, min_agreement):
    """Raises unless the file does what the model does."""
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
