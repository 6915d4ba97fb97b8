"""`detect`: the objects in images and their boxes, with nothing but a saved model."""

import concurrent.futures
import dataclasses
import itertools
import logging

import keras
import numpy as np

from keras_vit.boxes import clip_boxes
from keras_vit.common.checks import check_positive, check_rate
from keras_vit.data.pipeline.images import load_pixels
from keras_vit.data.steps import Resize
from keras_vit.devices import current
from keras_vit.devices.context import filled
from keras_vit.inference.box_pictures import draw_boxes
from keras_vit.inference.inputs import named_images
from keras_vit.inference.loaded import (
    check_outputs,
    load_model,
    preprocessing_of,
    source_name,
)
from keras_vit.inference.placing import GEOMETRY, prepared
from keras_vit.models.detection import decode
from keras_vit.models.vision_model import (
    arguments_of,
    image_shape,
    look_inside,
    metadata_of,
    settings_of,
)

logger = logging.getLogger(__name__)

FAMILIES = ("detector", "yolos")


@dataclasses.dataclass(frozen=True)
class Detections:
    """The objects that a model found in one image, the highest score first."""

    # The file, as it was given or found; see `keras_vit.inference.predicting`.
    file: str
    # Names of the classes, by their numbers.
    class_names: list
    # Of N objects: float64 (N, 4), (left, top, right, bottom) in pixels of the image as
    # it is seen, right and bottom exclusive; scores in [0, 1]; numbers of classes.
    boxes: np.ndarray | None = dataclasses.field(default=None, repr=False)
    scores: np.ndarray | None = dataclasses.field(default=None, repr=False)
    classes: np.ndarray | None = dataclasses.field(default=None, repr=False)
    # The image, uint8 `(height, width, 1 or 3)`.
    image: np.ndarray | None = dataclasses.field(default=None, repr=False)
    # Why there is nothing, where the file cannot be read.
    error: str | None = None

    def picture(self):
        """The image with boxes, classes and scores over it, as a Pillow image."""
        found = {"boxes": self.boxes, "scores": self.scores, "classes": self.classes}
        return draw_boxes(self.image, found, self.class_names)

    def to_json(self):
        """Size and boxes, (left, top, right, bottom) in pixels, for JSON."""
        if self.error is not None:
            return {"file": self.file, "error": self.error}
        height, width = self.image.shape[:2]
        objects = [
            {"class": self.class_names[name], "score": score, "box": box}
            for name, score, box in zip(
                *(v.tolist() for v in (self.classes, self.scores, self.boxes))
            )
        ]
        size = {"height": height, "width": width}
        return {"file": self.file, **size, "objects": objects}


def detect(model_or_path, images, *, score=0.3, limit=100, batch_size=8):
    """Finds the objects in images of any size.

    The model says itself how images are prepared and what its classes are called. An
    image is resized as in training, and the boxes are those of its own size. A YOLOS of
    one image size stretches images to it. One of every size (`image_size=(None, None)`;
    so is one that is opened here from another project's file) resizes them in
    proportion, so that they fit into its table of positions, upright or turned. A
    Detector of every size sees them as they are.

    Args:
        model_or_path: A model of `keras_vit.Detector` or a YOLOS; the path of a
            `.keras` file, a run folder or a checkpoint, as for `keras_vit.predict`.
        images: As `files` of `keras_vit.predict`: paths, folders, images in memory.
        score: Float in [0, 1), the lowest score of a box. Evaluations want a low one,
            such as 0.01. Defaults to 0.3.
        limit: Integer, the most boxes of an image. Defaults to 100.
        batch_size: Integer, the images that are computed at once.

    Returns:
        List of `Detections`, in the order of the images, those of a folder sorted. A
        file that cannot be read has an `error` and no boxes.

    Raises:
        ValueError: if the model is no detector, gives outputs that are not finite, or
            something in memory is no image.
        FileNotFoundError: if there is no such model.

    Example:

    >>> for found in keras_vit.detect("runs/mine", ["street.jpg", "photos/"]):
    ...     found.picture().save("boxes.png")
    """
    options = {"score": score, "limit": limit, "batch_size": batch_size}
    return list(detections(model_or_path, images, **options))


def detections(model_or_path, images, *, score=0.3, limit=100, batch_size=8):
    """Yields what `detect` returns; no more than a batch of images is in memory.

    Args and errors as for `detect`.
    """
    found = named_images(images)
    first = next(found, None)
    if first is None:
        raise ValueError("`images` must name at least one image or folder.")
    found = itertools.chain([first], found)
    find = BoxFinder(model_or_path, score=score, limit=limit, batch_size=batch_size)

    def read(item):
        file, image, error = item
        if error is None:
            try:
                return file, load_pixels(image, find.num_channels).numpy(), None
            except ValueError as reason:
                error = str(reason)
        return file, None, error

    with concurrent.futures.ThreadPoolExecutor() as pool:
        while some := list(itertools.islice(found, batch_size)):
            loaded = list(pool.map(read, some))
            boxes = iter(find([image for _, image, _ in loaded if image is not None]))
            for file, image, error in loaded:
                own = {} if image is None else {**next(boxes), "image": image}
                yield Detections(file, find.class_names, **own, error=error)


def gives_boxes(model):
    """Whether a model finds boxes: a Detector or a YOLOS of this package."""
    return settings_of(model).get("family") in FAMILIES


class BoxFinder:
    """A model that is ready to find objects in images at their own sizes.

    Args:
        model_or_path, score, limit, batch_size: As for `detect`.

    Attributes:
        class_names: List of strings; numbers where the model does not know them.
        known_names: The same, or `None` where it does not.
        num_channels: 1 or 3, of the images that it takes.
    """

    def __init__(self, model_or_path, *, score=0.3, limit=100, batch_size=8):
        check_positive(limit=limit, batch_size=batch_size)
        check_rate(score=score)
        self._model = model = load_model(model_or_path)
        self._name = source_name(model_or_path)
        if not gives_boxes(model):
            raise ValueError(
                "The model must be a keras_vit.Detector or a YOLOS, which find boxes. "
                f"Received: {self._name}.{look_inside(model)}"
            )
        self._options = {"score": score, "limit": limit}
        self._rows = {}  # the largest batch of each size
        self._batch_size = batch_size
        count, names = arguments_of(model)["num_classes"], None
        if len(metadata_of(model).get("class_names") or ()) == count:
            names = list(metadata_of(model)["class_names"])
        self.known_names = names
        self.class_names = names or [f"class {number}" for number in range(count)]
        self._size = size = image_shape(model)[:2]
        keeps_size = None in size
        if metadata_of(model).get("preprocessing"):
            steps, keeps_size = preprocessing_of(model), False
        else:
            steps = preprocessing_of(model, (1, 1) if keeps_size else None)
        self.num_channels = steps.num_channels
        self._steps = steps.image_steps
        values = [step for step in self._steps if not isinstance(step, GEOMETRY)]
        if keeps_size:
            self._steps = values
        a, self._within = arguments_of(model), None
        if keeps_size and settings_of(model)["family"] == "yolos":
            grid = zip(a["position_grid"], a["patch_size"])
            self._within = sorted(places * side for places, side in grid)
            self._patch = a["patch_size"]
        trained_here = "recipe" in metadata_of(model)
        self._warns = settings_of(model)["family"] == "yolos" and not trained_here
        # For images that do not get the model's size otherwise: a crop is left out.
        self._stretch = values if None in size else [Resize(*size), *values]

    def __call__(self, images):
        """The boxes in images.

        Args:
            images: List of uint8 arrays `(height, width, num_channels)`, of any sizes.

        Returns:
            List of dictionaries of `"boxes"`, `"scores"` and `"classes"`; see
            `Detections`.
        """
        ready = [self._prepared(image) for image in images]
        found, waiting = [None] * len(ready), {}
        for place, (array, _) in enumerate(ready):
            waiting.setdefault(array.shape, []).append(place)
        for shape, places in waiting.items():
            for start in range(0, len(places), self._batch_size):
                some = places[start : start + self._batch_size]
                batch = np.stack([ready[place][0] for place in some])
                # A short last batch is filled up: every shape is compiled anew.
                rows = self._rows[shape] = max(self._rows.get(shape, 0), len(some))
                outputs = current().outputs(self._model, filled(batch, rows))
                for values in keras.tree.flatten(outputs):
                    check_outputs(values, self._name)
                outputs = {name: value[: len(some)] for name, value in outputs.items()}
                boxes = decode(
                    self._model, outputs, **self._options, image_size=shape[:2]
                )
                for place, own in zip(some, boxes):
                    found[place] = _in_image(own, ready[place][1])
        return found

    def _prepared(self, image):
        """An image as the model takes it, and where its pixels went."""
        array, axes = prepared(image, [*self._fit(*image.shape[:2]), *self._steps])
        if None in self._size or array.shape[:2] == tuple(self._size):
            self._warn_if_turned(*image.shape[:2])
            return array, axes
        return prepared(image, self._stretch)

    def _warn_if_turned(self, height, width):
        """Says once that an upright image becomes a lying one, or the other way."""
        rows, columns = self._size
        if not self._warns or None in self._size:
            return
        if (height - width) * (rows - columns) < 0:
            self._warns = False
            logger.warning(
                "%s sees images of %d x %d pixels, and one of %d x %d is stretched to "
                "that. Published weights saw images in proportion: take "
                "keras_vit.with_image_size(model, (None, None)).",
                *(self._name, rows, columns, height, width),
            )

    def _fit(self, height, width):
        """The resize of an image for a YOLOS of every size, which nothing else tells.

        In proportion, as large as its shorter and longer side fit into those of the
        table of positions: so Hugging Face prepares images, and so it was trained.
        """
        if not self._within:
            return []
        short, long = self._within
        scale = min(short / min(height, width), long / max(height, width))
        sides = zip(self._patch, (height, width))
        sides = (max(least, round(side * scale)) for least, side in sides)
        return [Resize(*sides, antialias=True)]


def _in_image(found, axes):
    """What was found in a prepared image, in the pixels of the image itself."""
    rows, columns = axes
    scale = np.array([columns.scale, rows.scale] * 2)
    offset = np.array([columns.offset, rows.offset] * 2)
    boxes = (np.asarray(found["boxes"], "float64") - offset) / scale
    boxes = clip_boxes(boxes, (rows.length, columns.length))
    inside = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)  # none in what was padded
    found = {name: np.asarray(found[name])[inside] for name in ("scores", "classes")}
    return {"boxes": boxes[inside], **found}
