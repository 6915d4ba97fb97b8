"""The images of a report: found, named and prepared; broken ones with the reason."""

import dataclasses
import os

import numpy as np

from keras_vit.inference.predicting import find_images


@dataclasses.dataclass(frozen=True)
class Photograph:
    """One image, or why there is none."""

    # How the page calls it: the file as it was given or found, or its number.
    name: str
    # What the model takes, `(H, W, C)`; `None` where it could not be read.
    image: np.ndarray | None = None
    error: str | None = None

    def pixels(self, value_range):
        """What the model sees, as `uint8` `(H, W, C)`."""
        low, high = value_range
        unit = (self.image - low) / (high - low)
        return np.round(255 * np.clip(unit, 0, 1)).astype("uint8")


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
    return [_load(name, item, error, steps) for name, item, error in _named(images)]


def _named(images):
    """`(name, image, error)` of each."""
    for number, item in enumerate(_listed(images), 1):
        if isinstance(item, str | os.PathLike):
            for file, error in find_images([item]):
                yield file, file, error
        else:
            yield f"image {number}", item, None


def _listed(images):
    if images is None:
        return []
    if isinstance(images, np.ndarray):
        # One image, or a batch of them.
        one = images.ndim == 2 or (images.ndim == 3 and images.shape[-1] in (1, 3))
        return [images] if one else list(images)
    one = isinstance(images, str | bytes | os.PathLike) or hasattr(images, "getexif")
    return [images] if one or hasattr(images, "read") else list(images)


def _load(name, item, error, steps):
    from keras_vit.common.wording import display
    from keras_vit.data import load_image

    name = display(name)
    if error is None:
        try:
            return Photograph(name, load_image(item, steps))
        except ValueError as reason:
            error = str(reason)
    return Photograph(name, error=display(error))
