"""Images for prediction, from files or memory, preprocessed as in evaluation."""

import io
import os

import numpy as np
import tensorflow as tf

from keras_vit.common.wording import display
from keras_vit.data.decoding.jpeg_png import decode, to_channels
from keras_vit.data.decoding.pillow import pixels
from keras_vit.data.pipeline.batches import apply
from keras_vit.data.pipeline.complete import CORRUPT, reason_of
from keras_vit.data.steps.preprocessing import as_preprocessing


def load_image(image, preprocessing) -> np.ndarray:
    """One image, ready for the model, decoded and preprocessed as in evaluation.

    Args:
        image: A file's path; its bytes, or an open file; a Pillow image; or a `uint8`
            array `(H, W, C)` or `(H, W)`, values in [0, 255]. Files may be JPEG, PNG,
            WebP, GIF (first frame), BMP or TIFF, and HEIC with `pillow-heif`; grey,
            CMYK, with a palette or 16 bits. The EXIF rotation is applied, and
            transparency is laid over white.
        preprocessing: `Preprocessing` or its JSON, from `model.metadata`.

    Returns:
        `float32` array `(H, W, C)`.

    Raises:
        ValueError: naming the file, if it isn't there or isn't a readable image.
    """
    steps = as_preprocessing(preprocessing)
    array = tf.convert_to_tensor(_pixels(image))
    array = to_channels(array, steps.num_channels)
    return apply(steps.image_steps, array[None], None)[0].numpy()


def load_images(images, preprocessing, *, corrupt: str = "error"):
    """Several images as one array.

    Args:
        images: List of what `load_image` takes.
        preprocessing: `Preprocessing` or its JSON, from `model.metadata`.
        corrupt: `"error"`: an image that can't be read raises. `"skip"`: it is left
            out, and `errors` says why.

    Returns:
        (images, errors): `float32` array `(N, H, W, C)` of the readable ones, and a
        dictionary from the place of each other one in the list to the reason.
    """
    preprocessing = as_preprocessing(preprocessing)
    loaded, errors = [], {}
    for place, image in enumerate(images):
        try:
            loaded.append(load_image(image, preprocessing))
        except ValueError as error:
            if corrupt != "skip":
                raise
            errors[place] = str(error)
    if loaded:
        return np.stack(loaded), errors
    shape = (0, *preprocessing.image_size, preprocessing.num_channels)
    return np.zeros(shape, np.float32), errors


def _pixels(image):
    """`uint8` `(H, W, 1 or 3)`."""
    if isinstance(image, str | os.PathLike):
        return _decode(_read(image), image)
    if isinstance(image, bytes):
        return _decode(image, "bytes")
    if isinstance(image, io.IOBase):
        return _decode(image.read(), getattr(image, "name", "file"))
    if hasattr(image, "getexif"):  # a Pillow image
        return pixels(image)
    array = np.asarray(image)
    array = array[..., None] if array.ndim == 2 else array
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[-1] not in (1, 3):
        raise ValueError(
            "An image must be a path, bytes, a Pillow image, or a uint8 array (H, W, 1 "
            f"or 3) with values in [0, 255]. Received: {type(image).__name__}, "
            f"{array.dtype}, shape {array.shape}"
        )
    return array


def _read(path) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        reason = error.strerror or error
        raise ValueError(f"{display(os.fspath(path))}: {reason}") from None


def _decode(data, name):
    data = tf.constant(data, tf.string)
    try:
        return decode(data)
    except (ValueError, tf.errors.OpError) as error:
        name = display(os.fspath(name))
        raise ValueError(f"{CORRUPT}{name}: {reason_of(error)}.") from None
