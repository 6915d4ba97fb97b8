"""What the page is about: a model, its training run, and images."""

import dataclasses
import os
from pathlib import Path

import keras
import numpy as np

from keras_vit.common.wording import display
from keras_vit.data.steps.preprocessing import size_pair
from keras_vit.inference.inputs import named_images
from keras_vit.inference.loaded import (
    check_finite,
    class_names,
    load_model,
    preprocessing_of,
    range_of_steps,
    source_name,
)
from keras_vit.inference.predicting import read_image
from keras_vit.models import from_checkpoint
from keras_vit.models.pretrained.imagenet_names import IMAGENET_SIZES, imagenet_classes
from keras_vit.models.vision_model import (
    grid_of,
    image_shape,
    inner_model,
    look_inside,
    settings_of,
)
from keras_vit.pretraining import is_pretraining
from keras_vit.training.folder.folder import RunFolder
from keras_vit.visualize.anatomy import geometry_at, layer_named


@dataclasses.dataclass(frozen=True)
class Subject:
    """A model, and everything else that the page needs."""

    model: keras.Model
    # What it is called in headings.
    name: str
    # A `keras_vit.data.Preprocessing`: how images become its input.
    steps: object
    # Names of its classes, or `None` where it has none.
    classes: list | None
    # Whether those names are ImageNet's.
    imagenet_classes: bool = False
    # The record of the training run and the rows of its history, if there is a run.
    record: dict | None = None
    history: list = dataclasses.field(default_factory=list)

    @property
    def value_range(self):
        """Black and white of the model's input."""
        return range_of_steps(self.steps)


def open_subject(model_or_run, image_size=None):
    """A `Subject` from a model, a run folder, a `.keras` file or published weights.

    Args:
        model_or_run: A Keras model; the path of a run folder or a `.keras` file; or
            anything that `keras_vit.from_checkpoint` takes.
        image_size: Integer or `(height, width)`, pixels, for a model of images of
            every size, and for a file of weights.

    Raises:
        ValueError: if that is no model, or takes images of another size.
        FileNotFoundError: if there is no such file.
    """
    record, history = None, []
    if isinstance(model_or_run, keras.Model):
        model, name = model_or_run, model_or_run.name
        if is_pretraining(model):
            model = from_checkpoint(model)
    else:
        path = Path(os.path.expanduser(model_or_run))
        name = path.resolve().name or str(path)
        folder = RunFolder(path)
        if folder.is_run():
            record = folder.read_record()
            history = folder.read_history() if folder.history.exists() else []
        model = _load(model_or_run, path, record, image_size)
    if inner_model(model) is not None:
        raise ValueError(
            "The page shows a model of keras_vit itself, not one around it. Received: "
            f"{model.name!r}.{look_inside(model)}"
        )
    check_finite(model, source_name(model_or_run))
    classes, imagenet = _class_names(model)
    steps = _steps(model, image_size)
    return Subject(model, name, steps, classes, imagenet, record, history)


def _load(source, path, record, image_size):
    if record is not None and record["recipe"].get("masked_target"):
        return from_checkpoint(str(path))  # the backbone, which images can be shown to
    if record is not None or path.suffix == ".keras" or (path / "model.keras").exists():
        return load_model(path)
    options = {} if image_size is None else {"image_size": image_size}
    return from_checkpoint(os.fspath(source), **options)


def _class_names(model):
    """Names of the classes, or `None`; and whether they are those of ImageNet.

    Official files name no classes, and those of as many as ImageNet has get its names
    when they are opened: whoever looks should know where the names are from.
    """
    shape, head = model.output_shape, layer_named(model, "head")
    ours = bool(settings_of(model))
    if not isinstance(shape, tuple) or len(shape) != 2 or (ours and head is None):
        return None, False
    names = class_names(model)
    if len(names) not in IMAGENET_SIZES:
        return names, False
    return names, names == [name for _, name in imagenet_classes(len(names))]


def _steps(model, image_size):
    """How images become the input of the model."""
    size = (height, width) = image_shape(model)[:2]
    is_open = None in size
    if is_open or image_size is not None:
        size = size_pair(image_size or _natural_size(model))
    if not is_open and size != (height, width):
        raise ValueError(
            "`image_size` is for models of images of every size; this one takes "
            f"{height}x{width} pixels. Received: image_size={image_size}. Use "
            "keras_vit.with_image_size(model, image_size) first."
        )
    return preprocessing_of(model, size)


def _natural_size(model):
    """The size that the positions of a model of images of every size are for."""
    grid = grid_of(model)
    if grid is None:
        return 224
    cell = geometry_at(model, grid).cell
    return tuple(count * side for count, side in zip(grid, cell))


@dataclasses.dataclass(frozen=True)
class Photograph:
    """One image, or the reason why it is missing."""

    # Its name on the page: the file as it was given or found, or its number.
    name: str
    # What the model takes, `(H, W, C)`; `None` where it could not be read.
    image: np.ndarray | None = None
    error: str | None = None


def load_photographs(images, steps):
    """Every image, in the order given, prepared for a model.

    Args:
        images: `None` or an empty list for none; a path, or anything else that
            `keras_vit.data.load_image` takes; or a list of them. Folders are searched
            for images at every depth.
        steps: `keras_vit.data.Preprocessing`.

    Returns:
        List of `Photograph`.
    """
    found = []
    for name, item, error in named_images(images):
        image = None
        if error is None:
            image, error = read_image(item, steps)
        found.append(Photograph(display(name), image, error and display(error)))
    return found
