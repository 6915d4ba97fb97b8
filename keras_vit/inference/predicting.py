"""`predict`: classifies images with nothing but a saved model."""

import concurrent.futures
import dataclasses
import itertools
import logging
import os

import numpy as np

import keras_vit.data
from keras_vit.common.checks import check_positive
from keras_vit.common.wording import display
from keras_vit.data.pipeline.images import checked_array
from keras_vit.data.readers.leftovers import Aside
from keras_vit.data.readers.walking import images_below
from keras_vit.devices import current
from keras_vit.inference.loaded import (
    check_outputs,
    class_names,
    class_probabilities,
    load_model,
    output_kind,
    preprocessing_of,
    source_name,
)

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Prediction:
    """The classes of one image."""

    # The file, as it was given or found; of an image in memory the file that Pillow
    # opened it from, or "image 1" for the first of what was given.
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
    """Classifies images.

    The model says itself how images are prepared and what its classes are called: a
    `model.keras` of a training run needs no other file.

    Args:
        model_or_path: A Keras model; the path of a `.keras` file or a run folder; or a
            checkpoint, as for `keras_vit.from_checkpoint`, which says how its images
            are prepared.
        files: An image or a list of them: a path, a folder, which is searched for
            images at every depth, a Pillow image, a `uint8` array `(H, W)` or
            `(H, W, C)` with 1, 3 or 4 channels, or whatever else
            `keras_vit.data.load_image` takes. An array `(N, H, W, C)` is N images.
        top: Integer, the number of classes for each image. Defaults to 5.
        batch_size: Integer, the number of images in memory at a time.

    Returns:
        List of `Prediction`, in the order of the files, those of a folder sorted. A
        file that cannot be read has an `error` and no classes.

    Raises:
        ValueError: if the model gives no class scores, or none that are finite, `files`
            is empty, or an array is no image.
        FileNotFoundError: if there is no such model.

    Example:

    >>> for prediction in keras_vit.predict("runs/mine", ["cat.jpg", "holiday/"]):
    ...     print(prediction.file, prediction.classes[0])
    >>> keras_vit.predict(model, PIL.Image.open("cat.jpg"), top=1)
    """
    return list(predictions(model_or_path, files, top, batch_size=batch_size))


def predictions(model_or_path, files, top=5, *, batch_size=32, name=None):
    """Yields what `predict` returns, each `Prediction` as soon as its batch is done.

    No more than a batch of images and the names of one folder are in memory.

    Args:
        model_or_path, files, top, batch_size: As for `predict`.
        name: What messages call a model that was loaded before: its path.

    Raises:
        ValueError, FileNotFoundError: as `predict`, but that an array that is no image
            is found when its turn comes.
    """
    check_positive(top=top, batch_size=batch_size)
    found = named_images(files)
    first = next(found, None)
    if first is None:
        raise ValueError("`files` must name at least one image or folder.")
    found = itertools.chain([first], found)
    model = load_model(model_or_path)
    kind, names = output_kind(model), class_names(model)
    name = source_name(name or model_or_path)
    steps = preprocessing_of(model)

    def load(item):
        file, image, error = item
        return file, *((None, error) if error else read_image(image, steps))

    # Decoding, the larger part of the time with a small model, uses every processor.
    with concurrent.futures.ThreadPoolExecutor() as pool:
        while some := list(itertools.islice(found, batch_size)):
            loaded = list(pool.map(load, some))
            images = [image for _, image, _ in loaded if image is not None]
            rows = iter(probabilities(model, images, kind, name) if images else ())
            for file, image, error in loaded:
                classes = []
                if image is not None:
                    row = next(rows)
                    classes = [(names[i], float(row[i])) for i in best(row, top)]
                yield Prediction(file, classes, error)


def probabilities(model, images, kind, name):
    """Probabilities of the classes for prepared images: float64 `(B, K)`.

    Args:
        model: A Keras model.
        images: Sequence of arrays `(H, W, C)`, or one array.
        kind: Its `output_kind`.
        name: What to call the model; see `source_name`.

    Raises:
        ValueError: if the model's outputs are not finite.
    """
    outputs = current().outputs(model, np.stack(images))
    check_outputs(outputs, name)
    return class_probabilities(outputs, kind)


def best(row, top):
    """The numbers of the most probable classes, the most probable first."""
    return np.argsort(-row, kind="stable")[:top]


def named_images(images):
    """Yields `(name, image, error)` of every image.

    Args:
        images: As `files` of `predict`; `None` for none.

    Raises:
        ValueError: if something in memory is no image.
    """
    for number, image in enumerate(_listed(images), 1):
        if isinstance(image, str | os.PathLike):
            for file, error in find_images([image]):
                yield file, file, error
            continue
        is_opened = hasattr(image, "getexif") or hasattr(image, "read")
        if not is_opened and not isinstance(image, bytes):
            image = checked_array(image)
        name = getattr(image, "filename", None) or getattr(image, "name", None)
        yield (name if isinstance(name, str) else f"image {number}"), image, None


def _listed(images):
    if images is None:
        return []
    if hasattr(images, "shape"):
        # One image, or a batch of them.
        shape = images.shape
        one = len(shape) < 3 or (len(shape) == 3 and shape[-1] in (1, 3, 4))
        return [images] if one else list(images)
    one = isinstance(images, str | bytes | os.PathLike) or hasattr(images, "getexif")
    return [images] if one or hasattr(images, "read") else list(images)


def find_images(files):
    """Yields `(file, None)`, or `(folder, error)` for a folder without images.

    Args:
        files: A path or a list of them. Folders are searched at every depth, as those
            of data are: see `keras_vit.data.readers.leftovers`.
    """
    for path in [files] if isinstance(files, str | os.PathLike) else files:
        path = os.path.expanduser(os.fspath(path))
        if not os.path.isdir(path):
            yield path, None
            continue
        aside, empty = Aside(), True
        for image in images_below(path, aside):
            empty = False
            yield os.path.join(path, image), None
        note = aside.sentence(path)
        if note:
            logger.info("%s", note)
        if empty:
            yield path, f"{display(path)} is a folder without images."


def read_image(image, steps):
    """`(array, None)` of an image, or `(None, error)` where it cannot be read."""
    try:
        return keras_vit.data.load_image(image, steps), None
    except ValueError as error:
        return None, str(error)
