"""Images for prediction, from files or memory, preprocessed as in evaluation."""

import io
import os

import numpy as np
import tensorflow as tf

from keras_vit.common.wording import display
from keras_vit.data.decoding.jpeg_png import decode, to_channels
from keras_vit.data.decoding.limits import max_pixels
from keras_vit.data.decoding.pillow import explained, pixels, read_image_file
from keras_vit.data.pipeline.batches import apply
from keras_vit.data.pipeline.complete import CORRUPT, reason_of
from keras_vit.data.steps.preprocessing import as_preprocessing


def load_image(image, preprocessing) -> np.ndarray:
    """One image, ready for the model, decoded and preprocessed as in evaluation.

    Args:
        image: A file's path; its bytes, or an open file; a Pillow image; or a `uint8`
            array `(H, W)` or `(H, W, C)` with 1, 3 or 4 channels, values in [0, 255].
            Files may be JPEG, PNG, WebP, GIF (first frame), BMP or TIFF, and HEIC with
            `pillow-heif`; grey, CMYK, with a palette or 16 bits. The EXIF rotation is
            applied, and transparency, an array's fourth channel, is laid over white.
        preprocessing: `Preprocessing` or its JSON, from `model.metadata`.

    Returns:
        `float32` array `(H, W, C)`.

    Raises:
        ValueError: naming the file, if it isn't there or isn't a readable image.
    """
    steps = as_preprocessing(preprocessing)
    array = load_pixels(image, steps.num_channels)
    return apply(steps.image_steps, array[None], None)[0].numpy()


def load_pixels(image, num_channels):
    """One image at its own size, as it is seen: a `uint8` tensor `(H, W, C)`.

    Args:
        image: As for `load_image`.
        num_channels: 1 or 3. Grey images are repeated, coloured ones turned grey.
    """
    array = tf.convert_to_tensor(_pixels(image, num_channels))
    return to_channels(array, num_channels)


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


def _pixels(image, num_channels):
    """`uint8` `(H, W, 1 or 3)`; of a file, so many channels."""
    if isinstance(image, str | os.PathLike):
        return _decode(read_image_file(image), image, num_channels)
    if isinstance(image, bytes):
        return _decode(image, "bytes", num_channels)
    if isinstance(image, io.IOBase):
        name = getattr(image, "name", "file")
        return _decode(image.read(), name, num_channels)
    if hasattr(image, "getexif"):  # a Pillow image, perhaps not decoded yet
        with explained():
            return pixels(image)
    array = checked_array(image)
    if array.shape[-1] == 4:
        from PIL import Image

        return pixels(Image.fromarray(array, "RGBA"))
    return array


def checked_array(image):
    """An image in memory as `uint8` `(H, W, 1, 3 or 4)`.

    Raises:
        ValueError: if it is none, saying what one is.
    """
    array = np.asarray(image)
    array = array[..., None] if array.ndim == 2 else array
    is_image = array.ndim == 3 and array.shape[-1] in (1, 3, 4) and array.size
    if is_image and array.dtype == np.uint8:
        return array
    hint = ""
    if is_image and array.dtype.kind == "f":
        hint = " Of values in [0, 1]: (255 * image).round().astype('uint8')."
    elif array.ndim == 3 and array.shape[0] in (1, 3, 4):
        hint = " Channels come last: image.transpose(1, 2, 0)."
    raise ValueError(
        "An image must be a path, bytes, a Pillow image, or a uint8 array of shape "
        "(height, width) or (height, width, 1, 3 or 4), values in [0, 255]. "
        f"Received: {type(image).__name__}, {array.dtype}, shape {array.shape}.{hint}"
    )


def _decode(data, name, num_channels):
    max_pixels()  # a limit that is no number is not the fault of this image
    try:
        return decode(tf.constant(data, tf.string), num_channels)
    except Exception as error:
        name = display(os.fspath(name))
        raise ValueError(f"{CORRUPT}{name}: {reason_of(error)}.") from None
