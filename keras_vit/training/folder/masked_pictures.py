"""Pictures of masked patch prediction, drawn while a model learns it."""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from keras_vit.common.checks import check_positive
from keras_vit.common.files import replacing
from keras_vit.common.installed import is_installed
from keras_vit.pretraining import mosaics

TITLES = ("original", "as seen", "true colours", "predicted")
SIDE = 112  # pixels, of one image at least
GAP, HEAD = 6, 16  # pixels between images, and of the titles


class MaskedPatchPictures(keras.callbacks.Callback):
    """Draws the model's predictions for the same few images after every epoch.

    A row for each image: the original; what the model sees of it, hidden patches grey;
    the true colours; and the predicted ones, where patches were corrupted.

    Args:
        model: A `keras_vit.MaskedPatchPrediction`, which shares its variables with the
            one in `fit`.
        batch: `(inputs, colours, weights)` from its pipeline, of test images rather
            than training images.
        folder: Path of the PNG files, `epoch-0001.png` and so on. Made if needed.
        tensorboard: Path of a folder for TensorBoard, or `None`. Nothing is written
            where tensorboard is not installed.
        count: Integer, the number of images. Defaults to `8`.
        every: Integer, epochs from one picture to the next. Defaults to `1`.
        value_range: (low, high), the images' values of black and white, as for
            `keras_vit.data.corrupt_patches`. Defaults to the model's.

    Example:

    >>> pictures = MaskedPatchPictures(model, next(iter(test_batches)), "pictures")
    >>> model.fit(batches, steps_per_epoch=100, epochs=10, callbacks=[pictures])
    """

    def __init__(
        self, model, batch, folder, tensorboard=None, count=8, every=1, value_range=None
    ):
        super().__init__()
        check_positive(count=count, every=every)
        self.network = model
        self.batch = keras.tree.map_structure(lambda x: np.asarray(x)[:count], batch)
        self.folder = Path(folder)
        self.tensorboard = tensorboard and Path(tensorboard)
        self.every = every
        self.value_range = value_range
        self.log = None

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every:
            return
        if keras.backend.backend() == "jax":
            self.model.jax_state_sync()  # the variables lag behind inside `fit`
        inputs, _, _ = self.batch
        predictions = keras.ops.convert_to_numpy(self.network(inputs, training=False))
        columns = mosaics(self.network, self.batch, predictions, self.value_range)
        picture = table(columns)
        self.folder.mkdir(parents=True, exist_ok=True)
        with replacing(self.folder / f"epoch-{epoch + 1:04d}.png") as temporary:
            picture.save(temporary)
        if self.tensorboard is not None and is_installed("tensorboard"):
            if self.log is None:
                folder = str(self.tensorboard / "pictures")
                self.log = tf.summary.create_file_writer(folder)
            with self.log.as_default(step=epoch + 1):
                tf.summary.image("masked patches", np.asarray(picture)[None])
            self.log.flush()

    def on_train_end(self, logs=None):
        if self.log is not None:
            self.log.close()
            self.log = None


def table(columns, titles=TITLES):
    """Images side by side, a column for each array, under its title.

    Args:
        columns: List of `uint8` arrays `(B, height, width, channels)`, all of one
            shape. Of two channels the first is shown, of many the first three.
        titles: A string for each.

    Returns:
        A `PIL.Image.Image`. Small images are enlarged by a whole number.
    """
    from PIL import Image, ImageDraw

    count, height, width, _ = columns[0].shape
    factor = max(1, -(-SIDE // min(height, width)))
    height, width = height * factor, width * factor
    size = (len(columns) * (width + GAP) + GAP, HEAD + count * (height + GAP) + GAP)
    picture = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(picture)
    for i, (images, title) in enumerate(zip(columns, titles)):
        left = GAP + i * (width + GAP)
        draw.text((left, 3), title, fill="black")
        for j, image in enumerate(images):
            image = image[..., : 3 if image.shape[-1] >= 3 else 1]
            image = np.broadcast_to(image, (*image.shape[:2], 3))
            image = image.repeat(factor, axis=0).repeat(factor, axis=1)
            place = (left, HEAD + GAP + j * (height + GAP))
            picture.paste(Image.fromarray(image), place)
    return picture
