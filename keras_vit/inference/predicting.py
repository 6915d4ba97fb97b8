"""`predict`: classifies image files with nothing but a saved model."""

import concurrent.futures
import dataclasses
import os

import numpy as np

import keras_vit.data
from keras_vit.common.checks import check_positive
from keras_vit.common.wording import display
from keras_vit.data.readers.folders import images_below
from keras_vit.devices import current
from keras_vit.inference.loaded import (
    class_names,
    class_probabilities,
    load_model,
    output_kind,
    preprocessing_of,
)


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
    check_positive(top=top, batch_size=batch_size)
    model = load_model(model_or_path)
    kind, names = output_kind(model), class_names(model)
    steps = preprocessing_of(model)
    found = list(find_images(files))

    def load(item):
        file, error = item
        return file, *((None, error) if error else read_image(file, steps))

    predictions = []
    # Decoding, the larger part of the time with a small model, uses every processor.
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for start in range(0, len(found), batch_size):
            loaded = list(pool.map(load, found[start : start + batch_size]))
            images = [image for _, image, _ in loaded if image is not None]
            rows = iter(probabilities(model, images, kind) if images else ())
            for file, image, error in loaded:
                classes = []
                if image is not None:
                    row = next(rows)
                    classes = [(names[i], float(row[i])) for i in best(row, top)]
                predictions.append(Prediction(file, classes, error))
    return predictions


def probabilities(model, images, kind):
    """Probabilities of the classes of an `output_kind`: float64 `(B, K)`."""
    return class_probabilities(current().outputs(model, np.stack(images)), kind)


def best(row, top):
    """The numbers of the most probable classes, the most probable first."""
    return np.argsort(-row, kind="stable")[:top]


def find_images(files):
    """Yields `(file, None)`, or `(folder, error)` for a folder without images."""
    if isinstance(files, (str, os.PathLike)):
        files = [files]
    files = [os.path.expanduser(os.fspath(file)) for file in files]
    if not files:
        raise ValueError("`files` must name at least one image or folder.")
    for file in files:
        if not os.path.isdir(file):
            yield file, None
            continue
        inside = sorted(images_below(file))
        yield from ((os.path.join(file, image), None) for image in inside)
        if not inside:
            yield file, f"{display(file)} is a folder without images."


def read_image(image, steps):
    """`(array, None)` of an image, or `(None, error)` where it cannot be read."""
    try:
        return keras_vit.data.load_image(image, steps), None
    except ValueError as error:
        return None, str(error)
