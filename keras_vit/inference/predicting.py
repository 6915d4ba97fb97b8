"""From image files to classes, with nothing but a saved model."""

import concurrent.futures
import dataclasses
import os
import zipfile
from pathlib import Path

import keras
import numpy as np

from keras_vit.devices import current
from keras_vit.pretraining import is_pretraining


@dataclasses.dataclass(frozen=True)
class Prediction:
    """The classes of one image file."""

    # The file, as it was given or found.
    file: str
    # Pairs (class name, probability), the most probable first.
    classes: list
    # Why there are no classes, where the file cannot be read.
    error: str | None = None

    def to_json(self):
        """The prediction as a dictionary that JSON can hold."""
        if self.error is not None:
            return {"file": self.file, "error": self.error}
        classes = [{"class": name, "probability": p} for name, p in self.classes]
        return {"file": self.file, "classes": classes}


def predict(model_or_path, files, top=5, *, batch_size=32):
    """Classifies image files.

    The model says itself how images are prepared and what its classes are called: a
    `model.keras` of a training run needs no other file.

    Args:
        model_or_path: A Keras model, the path of a `.keras` file, or a run folder.
        files: Path or list of paths: images, and folders, which are searched for
            images at every depth.
        top: Integer, the number of classes for each image. Defaults to 5.
        batch_size: Integer, the number of images in memory at a time.

    Returns:
        List of `Prediction`, in the order of the files, those of a folder sorted. A
        file that cannot be read has an `error` and no classes.

    Raises:
        ValueError: if the model gives no class scores, or `files` is empty.
        FileNotFoundError: if there is no such model.

    Example:

    >>> for prediction in keras_vit.predict("runs/mine", ["cat.jpg", "holiday/"]):
    ...     print(prediction.file, prediction.classes[0])
    """
    if top < 1 or batch_size < 1:
        raise ValueError(
            "`top` and `batch_size` must be at least 1. "
            f"Received: top={top}, batch_size={batch_size}"
        )
    model = load_model(model_or_path)
    kind = output_kind(model)
    steps = preprocessing_of(model)
    names = class_names(model)
    found = list(find_images(files))
    predictions = []
    # Decoding, the larger part of the time with a small model, uses every processor.
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for start in range(0, len(found), batch_size):
            part = found[start : start + batch_size]
            loaded = list(pool.map(lambda item: _load(item, steps), part))
            predictions += _classify(model, kind, names, loaded, top)
    return predictions


def _classify(model, kind, names, loaded, top):
    """Predictions of `(file, image or None, error or None)`."""
    images = [image for _, image, _ in loaded if image is not None]
    rows = iter(())
    if images:
        scores = current().outputs(model, np.stack(images))
        rows = iter(class_probabilities(scores, kind))
    predictions = []
    for file, image, error in loaded:
        classes = []
        if image is not None:
            row = next(rows)
            best = np.argsort(-row, kind="stable")[:top]
            classes = [(names[i], float(row[i])) for i in best]
        predictions.append(Prediction(file, classes, error))
    return predictions


def find_images(files):
    """`(file, None)`, or `(folder, error)` for a folder without images."""
    if isinstance(files, (str, os.PathLike)):
        files = [files]
    files = [os.path.expanduser(os.fspath(file)) for file in files]
    if not files:
        raise ValueError("`files` must name at least one image or folder.")
    for file in files:
        inside = _images_below(file) if os.path.isdir(file) else [file]
        yield from ((found, None) for found in inside)
        if not inside:
            yield file, f"{file} is a folder without images."


def _images_below(folder):
    """The image files of a folder at every depth, sorted; hidden ones are left out."""
    from keras_vit.data.readers.folders import SUFFIXES

    found = []
    for path, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            os.path.join(path, name)
            for name in files
            if name.lower().endswith(SUFFIXES) and not name.startswith(".")
        ]
    return sorted(found)


def _load(item, steps):
    from keras_vit.data import load_image

    file, error = item
    if error is not None:
        return file, None, error
    try:
        return file, load_image(file, steps), None
    except ValueError as error:
        return file, None, str(error)


def load_model(model_or_path):
    """A model from a model, a `.keras` file or a run folder.

    Raises:
        ValueError: if the file is no saved model.
        FileNotFoundError: if there is no such file.
    """
    if isinstance(model_or_path, keras.Model):
        return _with_classes(model_or_path, model_or_path.name)
    path = Path(model_or_path).expanduser()
    if path.is_dir():
        folder, path = path, path / "model.keras"
        if not path.exists():
            raise FileNotFoundError(
                f"There is no model.keras in {folder}. A training run writes it at the "
                "end of its first epoch."
            )
    if not path.exists():
        raise FileNotFoundError(f"There is no model or run folder {path}.")
    if not zipfile.is_zipfile(path) or path.suffix != ".keras":
        raise ValueError(
            f"{path} is not a saved Keras model. Give a .keras file, or the run folder "
            "of a training run."
        )
    import keras_vit.models  # noqa: F401  registers every layer

    try:
        model = keras.saving.load_model(path, compile=False)
    except (ValueError, TypeError, KeyError, OSError, zipfile.BadZipFile) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ValueError(
            f"{path} cannot be loaded as a Keras model: {lines[0]}"
        ) from error
    return _with_classes(model, path)


def _with_classes(model, name):
    """The model itself, unless it predicts patches, which no image asks for."""
    if is_pretraining(model):
        raise ValueError(
            f"{name} is a model of masked patch prediction, without classes. Fine-tune "
            "it with labels first: keras-vit train --weights RUN. Its features: "
            "keras_vit.from_checkpoint(RUN)."
        )
    return model


def preprocessing_of(model):
    """How images become the input of a model, as `keras_vit.data` reads it.

    What training wrote into the model, or else the usual steps for its input: resized
    to the model's size, in [-1, 1], or in [0, 255] where the model itself scales.
    """
    import keras_vit.data

    steps = getattr(model, "metadata", {}).get("preprocessing")
    if steps is not None:
        return keras_vit.data.Preprocessing.from_json(steps)
    shape = model.input_shape
    if not isinstance(shape, tuple) or len(shape) != 4 or None in shape[1:]:
        raise ValueError(
            "The model must take images of one size. "
            f"Received: a model with inputs of shape {shape}"
        )
    scales = _arguments(model).get("include_preprocessing", False)
    return keras_vit.data.preprocessing(
        shape[1:3],
        num_channels=shape[3],
        value_range=(0.0, 255.0) if scales else (-1.0, 1.0),
    )


def output_kind(model):
    """`"logits"`, `"softmax"` or `"sigmoid"`: what the class scores of a model are.

    Raises:
        ValueError: if the model's output is not one score per class.
    """
    shape = model.output_shape
    is_vector = isinstance(shape, tuple) and len(shape) == 2
    if not is_vector or _arguments(model).get("num_classes", shape[1]) == 0:
        raise ValueError(
            "The model does not give one score per class, so it has no classes to "
            "tell. Models made with `num_classes=0` or `pooling=None` give features. "
            f"Received: a model with outputs of shape {shape}"
        )
    activation = getattr(model.layers[-1], "activation", None)
    name = keras.activations.serialize(activation) if activation else "linear"
    if name == "linear":
        return "logits"
    if name in ("softmax", "sigmoid"):
        return name
    raise ValueError(
        "The class scores of a model must be logits, or probabilities by softmax or "
        f"sigmoid. Received: a model whose last activation is {name!r}"
    )


def class_probabilities(scores, kind):
    """Probabilities in float64 from class scores `(B, K)` of an `output_kind`."""
    scores = np.asarray(keras.ops.convert_to_numpy(scores), "float64")
    if kind != "logits":
        return scores
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def class_names(model):
    """The names of a model's classes; numbers where it does not know them."""
    count = model.output_shape[-1]
    names = getattr(model, "metadata", {}).get("class_names")
    if names is not None and len(names) == count:
        return list(names)
    return [f"class {index}" for index in range(count)]


def _arguments(model):
    """The constructor's arguments of a model of this package."""
    return getattr(model, "settings", {}).get("arguments", {})
