"""`predict`: classifies images with nothing but a saved model."""

import concurrent.futures
import dataclasses
import itertools

import numpy as np

import keras_vit.data
from keras_vit.common.checks import check_positive
from keras_vit.data.pipeline.images import load_pixels
from keras_vit.devices import current
from keras_vit.inference.inputs import named_images
from keras_vit.inference.loaded import (
    check_outputs,
    class_names,
    class_probabilities,
    gives_labels,
    load_model,
    output_kind,
    preprocessing_of,
    source_name,
    thresholds_of,
)
from keras_vit.inference.thumbnails import thumbnail

# Classes of an image, where nobody says how many.
TOP = 5


@dataclasses.dataclass(frozen=True)
class Prediction:
    """The classes of one image."""

    # The file, as it was given or found; of an image in memory the file that Pillow
    # opened it from, or "image 1" for the first of what was given.
    file: str
    # Pairs (class name, probability), the most probable first. Of a model of several
    # labels, those above their thresholds: perhaps none.
    classes: list
    # Why there are no classes, where the file cannot be read.
    error: str | None = None
    # The address of a small picture, `data:image/jpeg;base64,...`, where it was wanted.
    thumbnail: str | None = dataclasses.field(default=None, repr=False)

    def to_json(self):
        """The prediction as a dictionary that JSON can hold."""
        if self.error is not None:
            return {"file": self.file, "error": self.error}
        classes = [{"class": name, "probability": p} for name, p in self.classes]
        return {"file": self.file, "classes": classes}


def predict(model_or_path, files, top=None, *, batch_size=32):
    """Classifies images.

    The model says itself how images are prepared and what its classes are called: a
    `model.keras` of a training run needs no other file.

    Args:
        model_or_path: A Keras model; the path of a `.keras` file or a run folder; or a
            checkpoint, as for `keras_vit.from_checkpoint`, which says how its images
            are prepared, such as `"ViT_B16/imagenet"`.
        files: An image or a list of them: a path, a folder, which is searched for
            images at every depth, a `.zip` or `.tar` archive, a list of files (`.txt`,
            or `.csv` with a column `file`), a Pillow image, a `uint8` array `(H, W)` or
            `(H, W, C)` with 1, 3 or 4 channels, or whatever else
            `keras_vit.data.load_image` takes. An array `(N, H, W, C)` is N images.
        top: Integer, the number of classes for each image. Defaults to 5; of a model of
            several labels an image, to all that are above their thresholds.
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


def predictions(
    model_or_path, files, top=None, *, batch_size=32, name=None, thumbnails=False
):
    """Yields what `predict` returns, each `Prediction` as soon as its batch is done.

    No more than a batch of images and the names of one folder are in memory.

    Args:
        model_or_path, files, top, batch_size: As for `predict`.
        name: What messages call a model that was loaded before: its path.
        thumbnails: Boolean, whether each has a small picture.

    Raises:
        ValueError, FileNotFoundError: as `predict`, but that an array that is no image
            is found when its turn comes.
    """
    check_positive(top=TOP if top is None else top, batch_size=batch_size)
    found = named_images(files)
    first = next(found, None)
    if first is None:
        raise ValueError("`files` must name at least one image or folder.")
    found = itertools.chain([first], found)
    model = load_model(model_or_path)
    kind, names = output_kind(model), class_names(model)
    cuts = thresholds_of(model) if gives_labels(model) else None
    top = (TOP if cuts is None else len(names)) if top is None else top
    name = source_name(name or model_or_path)
    steps = preprocessing_of(model)

    def load(item):
        file, given, error = item
        image, error = (None, error) if error else read_image(given, steps)
        picture = _thumbnail(given) if thumbnails and error is None else None
        return file, image, error, picture

    # Decoding, the larger part of the time with a small model, uses every processor.
    with concurrent.futures.ThreadPoolExecutor() as pool:
        while some := list(itertools.islice(found, batch_size)):
            loaded = list(pool.map(load, some))
            images = [image for _, image, *_ in loaded if image is not None]
            rows = iter(probabilities(model, images, kind, name) if images else ())
            for file, image, error, picture in loaded:
                classes = []
                if image is not None:
                    row = next(rows)
                    classes = [
                        (names[i], float(row[i]))
                        for i in best(row, top)
                        if cuts is None or row[i] >= cuts[i]
                    ]
                yield Prediction(file, classes, error, picture)


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


def _thumbnail(image):
    if hasattr(image, "seek"):  # it was read before
        image.seek(0)
    return thumbnail(load_pixels(image, 3).numpy())


def read_image(image, steps):
    """`(array, None)` of an image, or `(None, error)` where it cannot be read."""
    try:
        return keras_vit.data.load_image(image, steps), None
    except ValueError as error:
        return None, str(error)
