"""Loads a model, and reads from it how to prepare images and name classes."""

import math
import os
import zipfile
from pathlib import Path

import keras
import numpy as np

import keras_vit.data
from keras_vit.checkpoints.architecture import family_of
from keras_vit.checkpoints.files.errors import Refused, naming
from keras_vit.checkpoints.files.keras_archive import check_archive
from keras_vit.checkpoints.files.plain_files import check_plain
from keras_vit.checkpoints.registry import is_remote
from keras_vit.common.checks import is_number
from keras_vit.common.files import restore
from keras_vit.common.wording import display
from keras_vit.models.changes.rebuilding import from_checkpoint
from keras_vit.models.changes.surgery import with_image_size
from keras_vit.models.pretrained.initial_values import forget, values_later
from keras_vit.models.pretrained.weights import open_any
from keras_vit.models.vision_model import (
    arguments_of,
    inner_model,
    metadata_of,
    value_range_of,
)
from keras_vit.pretraining import is_pretraining

_SPARE = 2**20  # weights that a file need not hold, such as states of random numbers
_PIXELS = 16_384  # on a side
# How the names of Keras's layers begin that leave the values of images as they are.
_KEEPS_VALUES = ("Input", "Random", "Resizing", "CenterCrop", "Dropout", "Gaussian")


def load_model(model_or_path):
    """A model from a model, a `.keras` file, a run folder, or a checkpoint.

    Args:
        model_or_path: A Keras model; the path of a `.keras` file or of a run folder; or
            a file or folder of weights, a published name such as `"ViT_B16/imagenet"`
            or an address, as for `keras_vit.from_checkpoint`.

    Raises:
        ValueError: if the file is no saved model and no checkpoint, is damaged, or
            describes a model that its weights do not fit.
        FileNotFoundError: if there is no such file.
    """
    if isinstance(model_or_path, keras.Model):
        return _with_classes(model_or_path, model_or_path.name)
    with naming(model_or_path):
        return _with_classes(_load(model_or_path), model_or_path)


def source_name(model_or_path):
    """What messages call a model: its path, or its own name."""
    is_model = isinstance(model_or_path, keras.Model)
    return display(model_or_path.name if is_model else model_or_path)


def _load(model_or_path):
    path = Path(model_or_path).expanduser()
    restore(path)
    if not path.exists() and is_remote(os.fspath(model_or_path)):
        return _from_checkpoint(os.fspath(model_or_path))
    if path.is_dir() and _is_checkpoint(path):
        return _from_checkpoint(path)
    if path.is_dir():
        folder, path = path, path / "model.keras"
        if not path.exists():
            raise FileNotFoundError(
                f"There is no model.keras in {folder}. A training run writes it at the "
                "end of its first epoch. Give the path of such a run, or of another "
                "project's folder with a model.safetensors."
            )
    if not path.exists():
        raise FileNotFoundError(
            f"There is no model or run folder {display(path)}. Give the path of one, "
            "or the name of published weights, such as ViT_B16/imagenet."
        )
    check_plain(path)
    if path.suffix != ".keras":
        return _from_checkpoint(path)
    if not zipfile.is_zipfile(path):
        raise ValueError(
            f"{display(path)} is not a saved Keras model. Give a .keras file, or the "
            "run folder of a training run."
        )
    config, numbers = check_archive(path)
    try:
        _check_size(path, config, numbers)
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except (Refused, MemoryError):
        raise
    except Exception as error:  # of whatever class a layer raises
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ValueError(
            f"{display(path)} cannot be loaded as a Keras model: {lines[0]} Save the "
            "model anew, or fetch the file again."
        ) from error
    _check_steps(model)
    check_finite(model, path)
    return model


def _from_checkpoint(path):
    checkpoint = open_any(path, None, {})
    model = from_checkpoint(checkpoint)
    if family_of(checkpoint) == "yolos" and not checkpoint.settings:
        # Published ones saw images in proportion, and one size would stretch them.
        model = with_image_size(model, (None, None))
    check_finite(model, path)
    return model


def _check_size(path, config, numbers):
    """Raises unless the weights of a described model are as many as the file has.

    Keras would ask for memory first, for as much as the description says. Here the
    model is built without values, and thrown away.
    """
    config = {**config, "compile_config": None}
    with values_later():
        model = keras.saving.deserialize_keras_object(config, safe_mode=True)
    described = sum(math.prod(v.shape) for v in model.variables)
    forget(model.variables)
    if described > numbers + _SPARE:
        raise Refused(
            f"{display(path)} describes a model of {described:,} weights and holds "
            f"{numbers:,}: it is damaged. Save the model anew, or fetch the file again."
        )


def check_finite(model, path):
    """Raises unless every weight is finite; looks where the weights are.

    Args:
        model: A Keras model.
        path: Path of its file, or its name.

    Raises:
        ValueError: naming both the file and the weight.
    """
    for variable in model.variables:
        if "float" not in variable.dtype:
            continue
        if not bool(keras.ops.all(keras.ops.isfinite(variable.value))):
            raise Refused(
                f"{display(path)} holds NaN or infinity in {variable.path!r}: the run "
                "that wrote it diverged, or it is damaged. Use an earlier model, or "
                "fetch the file again."
            )


def _check_steps(model):
    """Raises unless a model's own preprocessing can be read, for images of a size."""
    steps = metadata_of(model).get("preprocessing")
    if steps is None:
        return
    for step in keras_vit.data.Preprocessing.from_json(steps).steps:
        for name, value in vars(step).items():
            if is_number(value) and not abs(value) <= _PIXELS:
                raise Refused(
                    "The model's metadata ask for images of a size that no model "
                    f"reads. Received: {name}={value}. Save the model anew, or fetch "
                    "the file again."
                )


def _is_checkpoint(folder):
    """Whether a folder is one of another project, and no run of this package."""
    ours = (folder / "model.keras").exists() or (folder / "run.json").exists()
    return not ours and any(folder.glob("*.safetensors*"))


def _with_classes(model, name):
    """The model itself, unless it predicts masked patches instead of classes."""
    if is_pretraining(model):
        raise ValueError(
            f"{name} is a model of masked patch prediction, without classes. Fine-tune "
            "it with labels first: keras-vit train --weights RUN. Its features: "
            "keras_vit.from_checkpoint(RUN)."
        )
    return model


def preprocessing_of(model, image_size=None):
    """How images become the input of a model, as `keras_vit.data` reads it.

    What training wrote into the model, or else the usual steps for its input: resized
    to the model's size, in [-1, 1], or in [0, 255] where the model itself scales.

    Args:
        model: A Keras model.
        image_size: Pair `(height, width)`, pixels, for a model that takes images of
            every size.
    """
    steps = metadata_of(model).get("preprocessing")
    inner = inner_model(model)
    if steps is None and inner is not None:
        check_entrance(model)
        steps = metadata_of(inner).get("preprocessing")
    if steps is not None:
        steps = keras_vit.data.Preprocessing.from_json(steps)
        if image_size is None or steps.image_size == tuple(image_size):
            return steps
    shape = model.input_shape
    takes_images = isinstance(shape, tuple) and len(shape) == 4
    size = image_size or (shape[1:3] if takes_images else None)
    if not takes_images or None in (*size, shape[3]):
        raise ValueError(
            "The model must take images of one size. "
            f"Received: a model with inputs of shape {shape}"
        )
    return keras_vit.data.preprocessing(
        size, num_channels=shape[3], value_range=value_range_of(model)
    )


def check_entrance(model):
    """Raises unless the images that a model takes are those of the model inside it.

    Layers that are random in training only, and those that cut or resize, leave the
    values as they are. Of a model without one of this package inside, nothing is known.
    """
    inner = inner_model(model)
    if inner is None:
        return
    for layer in model.layers:
        if layer is inner:
            return
        if not layer.__class__.__name__.startswith(_KEEPS_VALUES):
            break
    raise ValueError(
        "Of a model around one of keras_vit it must be clear what images it takes: "
        "before the inner model there may be augmentation only. Received: "
        f"{model.name!r} with the layers {[layer.name for layer in model.layers]}. "
        f"Scale images in {inner.name!r} (include_preprocessing=True, input_scaling), "
        "or pass that."
    )


def range_of_steps(steps):
    """Black and white of the images that a `keras_vit.data.Preprocessing` makes."""
    last = steps.image_steps[-1] if steps.image_steps else None
    return getattr(last, "low", 0.0), getattr(last, "high", 255.0)


def pixels_of(image, value_range):
    """The `uint8` pixels of an image in which black and white are `value_range`."""
    low, high = value_range
    return np.clip(np.rint(255 * (image - low) / (high - low)), 0, 255).astype("uint8")


def output_kind(model):
    """What the class scores of a model are.

    Returns:
        `"logits"`, `"softmax"` or `"sigmoid"`; `"binary"` for logits of several labels
        an image, each a yes or no by itself.

    Raises:
        ValueError: if the model's output is not one score per class.
    """
    if gives_pixels(model):
        raise ValueError(
            "The model gives a class to every pixel, and none to the whole image: "
            "keras_vit.segment and `keras-vit predict` make masks of it. Received: a "
            f"model with outputs of shape {model.output_shape}"
        )
    shape = model.output_shape
    is_vector = isinstance(shape, tuple) and len(shape) == 2
    if not is_vector or arguments_of(model).get("num_classes", shape[1]) == 0:
        raise ValueError(
            "The model does not give one score per class, so it cannot classify. "
            "Models made with `num_classes=0` or `pooling=None` give features; for a "
            "class of every pixel there is keras_vit.segment. "
            f"Received: a model with outputs of shape {shape}"
        )
    kind = _last_activation(model)
    return "binary" if kind == "logits" and gives_labels(model) else kind


def gives_labels(model):
    """Whether an image may have several of a model's classes, as its run says."""
    return metadata_of(model).get("task") == "multilabel"


def thresholds_of(model):
    """From which probability on an image has each label: `float64` `(K,)`.

    A half where the model does not say.
    """
    count = model.output_shape[-1]
    found = metadata_of(model).get("thresholds")
    if found is None or len(found) != count or not all(map(is_number, found)):
        return np.full(count, 0.5)
    return np.asarray(found, "float64")


def gives_pixels(model):
    """Whether a model gives a class to every pixel of an image, and not to the image.

    Features that are a map, of a model without a head, are no classes.
    """
    shape = model.output_shape
    is_map = isinstance(shape, tuple) and len(shape) == 4
    return is_map and bool(arguments_of(model).get("num_classes", shape[-1]))


def pixel_output_kind(model):
    """As `output_kind`, of a model that gives the scores of every pixel.

    Raises:
        ValueError: if the model's output is not a score for two classes or more at
            every place of an image.
    """
    shape = model.output_shape
    is_map = isinstance(shape, tuple) and len(shape) == 4
    if not is_map or not 2 <= (shape[3] or 0) < 256:
        raise ValueError(
            "The model does not give a score for each class at every pixel, so it "
            "cannot segment: outputs must be (batch, height, width, classes), of 2 to "
            "255 classes. keras_vit.Segmenter and keras_vit.UNet make such models. "
            f"Received: a model with outputs of shape {shape}"
        )
    return _last_activation(model)


def _last_activation(model):
    last = model.layers[-1]
    while isinstance(last, keras.Model):
        last = last.layers[-1]
    if isinstance(last, keras.layers.Softmax):
        return "softmax"
    activation = getattr(last, "activation", None)
    name = keras.activations.serialize(activation) if activation else "linear"
    if name == "linear":
        return "logits"
    if name in ("softmax", "sigmoid"):
        return name
    raise ValueError(
        "The class scores of a model must be logits, or probabilities by softmax or "
        f"sigmoid. Received: a model whose last activation is {name!r}"
    )


def check_outputs(outputs, name):
    """Raises unless the outputs of a model are finite.

    Args:
        outputs: Array.
        name: What to call the model; see `source_name`.

    Raises:
        ValueError: naming the model.
    """
    if not np.isfinite(np.asarray(keras.ops.convert_to_numpy(outputs))).all():
        raise ValueError(
            f"The outputs of {name} are not finite: NaN or infinity, which is no "
            "answer. Its training diverged, or its weights are damaged or too large "
            "for its dtype. Use an earlier model, or train it again with a lower "
            "learning rate."
        )


def class_probabilities(scores, kind):
    """Probabilities in float64 from class scores `(B, K)` of an `output_kind`."""
    scores = np.asarray(keras.ops.convert_to_numpy(scores), "float64")
    if kind == "binary":  # whose exponential never overflows
        return np.exp(-np.logaddexp(0.0, -scores))
    if kind != "logits":
        return scores
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def class_names(model):
    """The names of a model's classes; numbers where it does not know them."""
    count = model.output_shape[-1]
    return known_class_names(model) or [f"class {index}" for index in range(count)]


def known_class_names(model):
    """The names of a model's classes, one for each output, or `None`."""
    last = model.layers[-1]
    names = metadata_of(model).get("class_names")
    if names is None and isinstance(last, keras.Model):
        names = metadata_of(last).get("class_names")
    return list(names) if names and len(names) == model.output_shape[-1] else None
