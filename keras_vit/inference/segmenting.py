"""`segment`: the class of every pixel of images, with nothing but a saved model."""

import concurrent.futures
import dataclasses
import functools
import itertools

import numpy as np

from keras_vit.common.checks import check_positive, check_rate
from keras_vit.data.pipeline.images import load_pixels
from keras_vit.devices import current
from keras_vit.devices.context import filled
from keras_vit.inference.inputs import named_images
from keras_vit.inference.loaded import (
    check_outputs,
    class_names,
    class_probabilities,
    load_model,
    pixel_output_kind,
    preprocessing_of,
    range_of_steps,
    source_name,
)
from keras_vit.inference.placing import GEOMETRY, Axis, blocks, prepared
from keras_vit.inference.tiles import predict_tiles
from keras_vit.inference.windows import checked_window, window_bands
from keras_vit.models.vision_model import (
    arguments_of,
    metadata_of,
    settings_of,
)

# The share of a window that the next one sees, too.
OVERLAP = 0.25


@dataclasses.dataclass(frozen=True)
class Segmentation:
    """The class of every pixel of one image."""

    # The file, as it was given or found; see `keras_vit.inference.predicting`.
    file: str
    # Names of the classes, by their numbers.
    class_names: list
    # Numbers of classes, uint8 `(height, width)`, of the image as it is seen: after
    # the rotation that its file asks for.
    mask: np.ndarray | None = dataclasses.field(default=None, repr=False)
    # The image, uint8 `(height, width, 1 or 3)`.
    image: np.ndarray | None = dataclasses.field(default=None, repr=False)
    # Float32 `(height, width, classes)`, if they were asked for.
    probabilities: np.ndarray | None = dataclasses.field(default=None, repr=False)
    # Why there is no mask, where the file cannot be read.
    error: str | None = None

    @property
    def shares(self):
        """The share of each class in the pixels, float64 `(classes,)`."""
        counts = np.bincount(self.mask.ravel(), minlength=len(self.class_names))
        return counts / self.mask.size

    def to_json(self):
        """Size and shares of the classes that occur, as JSON can hold them."""
        if self.error is not None:
            return {"file": self.file, "error": self.error}
        height, width = self.mask.shape
        found = zip(self.class_names, self.shares.tolist())
        classes = [{"class": name, "share": share} for name, share in found if share]
        return {"file": self.file, "height": height, "width": width, "classes": classes}


def segment(
    model_or_path,
    images,
    *,
    window=None,
    overlap=OVERLAP,
    batch_size=8,
    probabilities=False,
):
    """Gives a class to every pixel of images of any size.

    The model says itself how images are prepared and what its classes are called. An
    image is resized as in training, and the scores of its classes back to its own size
    before the best is taken. With `window` it is not resized: the model reads it in
    windows that overlap and are blended, in memory that does not grow with the height
    of the image.

    Args:
        model_or_path: A model of `keras_vit.Segmenter` or `keras_vit.UNet`, or any
            Keras model with outputs `(batch, height, width, classes)`; the path of a
            `.keras` file, a run folder or a checkpoint, as for `keras_vit.predict`.
        images: As `files` of `keras_vit.predict`: paths, folders, images in memory.
        window: Integer or pair `(height, width)`, pixels: that of training, as a model
            knows objects in the size in which it saw them. A model of one image size
            takes no other. Defaults to `None`: images are resized as in training. A
            U-Net without padding reads all images in tiles, whose size this is.
        overlap: Float in [0, 1), the share of a window that the next one sees, too.
            Defaults to 0.25.
        batch_size: Integer, the images or windows that are computed at once.
        probabilities: Boolean, whether to keep the probabilities of all classes.

    Returns:
        List of `Segmentation`, in the order of the images, those of a folder sorted. A
        file that cannot be read has an `error` and no mask.

    Raises:
        ValueError: if the model does not give scores of pixels, or none that are
            finite, a size does not fit, or something in memory is no image.
        FileNotFoundError: if there is no such model.

    Example:

    >>> for found in keras_vit.segment("runs/mine", ["street.jpg", "photos/"]):
    ...     keras_vit.write_mask(f"{found.file}.png", found.mask)
    """
    options = {"window": window, "overlap": overlap, "batch_size": batch_size}
    return list(
        segmentations(model_or_path, images, probabilities=probabilities, **options)
    )


def segmentations(
    model_or_path,
    images,
    *,
    window=None,
    overlap=OVERLAP,
    batch_size=8,
    probabilities=False,
):
    """Yields what `segment` returns; no more than a batch of images is in memory.

    Args and errors as for `segment`.
    """
    found = named_images(images)
    first = next(found, None)
    if first is None:
        raise ValueError("`images` must name at least one image or folder.")
    found = itertools.chain([first], found)
    options = {"window": window, "overlap": overlap, "batch_size": batch_size}
    classify = PixelClassifier(model_or_path, **options)
    read = functools.partial(_read, num_channels=classify.num_channels)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        while some := list(itertools.islice(found, batch_size)):
            loaded = list(pool.map(read, some))
            images = [image for _, image, _ in loaded if image is not None]
            masks = iter(classify(images, probabilities))
            for file, image, error in loaded:
                own = (None, None) if image is None else next(masks)
                yield Segmentation(
                    file, classify.class_names, own[0], image, own[1], error
                )


def _read(item, num_channels):
    file, image, error = item
    if error is None:
        try:
            return file, load_pixels(image, num_channels).numpy(), None
        except ValueError as reason:
            error = str(reason)
    return file, None, error


class PixelClassifier:
    """A model that is ready to give masks of images at their own sizes.

    Args:
        model_or_path, window, overlap, batch_size: As for `segment`.

    Attributes:
        class_names: List of strings.
        num_channels: 1 or 3, of the images that it takes.
    """

    def __init__(self, model_or_path, *, window=None, overlap=OVERLAP, batch_size=8):
        check_positive(batch_size=batch_size)
        check_rate(overlap=overlap)
        self._model = load_model(model_or_path)
        self._kind = pixel_output_kind(self._model)
        self._name = source_name(model_or_path)
        self._size = tuple(self._model.input_shape[1:3])
        self._overlap, self._batch_size = overlap, batch_size
        arguments = arguments_of(self._model)
        is_unet = settings_of(self._model).get("family") == "unet"
        self._tiled = is_unet and arguments["padding"] == "valid"
        halved = is_unet and not self._tiled and None in self._size
        self._multiple = 2 ** (len(arguments["widths"]) - 1) if halved else 1
        steps, keeps_size = self._prepares(window)
        self._window = None
        if window is not None or self._tiled:
            self._window = checked_window(window, self._size)
        self.num_channels = steps.num_channels
        self.class_names = class_names(self._model)
        self._middle = sum(range_of_steps(steps)) / 2
        self._steps = [
            step
            for step in steps.image_steps
            if not (keeps_size and isinstance(step, GEOMETRY))
        ]
        self._rows = {}  # the largest batch of each size

    def __call__(self, images, probabilities=False):
        """Masks of images.

        Args:
            images: List of uint8 arrays `(height, width, num_channels)`, of any sizes.
            probabilities: Boolean, whether to give those, too.

        Returns:
            List of pairs: the mask, uint8 `(height, width)`, and the probabilities,
            float32 `(height, width, classes)`, or `None`.
        """
        masks, waiting = [None] * len(images), {}
        for place, image in enumerate(images):
            array, axes = prepared(image, self._steps)
            if self._fits(array):
                waiting.setdefault(array.shape, []).append((place, array, axes))
            else:
                bands = self._bands(array)
                masks[place] = self._mask(bands, array, axes, probabilities)
        for same in waiting.values():  # images of one size together
            while same:
                some, same = same[: self._batch_size], same[self._batch_size :]
                outputs = self._run(np.stack([array for _, array, _ in some]))
                for (place, array, axes), scores in zip(some, outputs):
                    masks[place] = self._mask([scores], array, axes, probabilities)
        return masks

    def _prepares(self, window):
        """The evaluation steps of the model, and whether images keep their size."""
        if metadata_of(self._model).get("preprocessing"):
            return preprocessing_of(self._model), window is not None
        if None not in self._size:
            keeps_size = window is not None or self._tiled
            return preprocessing_of(self._model), keeps_size
        return preprocessing_of(self._model, (1, 1)), True

    def _fits(self, array):
        """Whether the model takes a prepared image as a whole."""
        if self._tiled:
            return False
        if self._window is not None:
            return array.shape[:2] == self._window
        return None in self._size or array.shape[:2] == self._size

    def _run(self, images):
        """Scores of a batch of prepared images, in their size."""
        height, width = images.shape[1:3]
        images = self._padded(images, *(-s % self._multiple for s in (height, width)))
        size = images.shape[1:3]
        # A short last batch is filled up: every shape is compiled anew.
        rows = self._rows[size] = max(self._rows.get(size, 0), len(images))
        outputs = current().outputs(self._model, filled(images, rows))[: len(images)]
        check_outputs(outputs, self._name)
        outputs = np.asarray(outputs, "float32")
        if outputs.shape[1:3] != size:
            axes = [Axis(s).resized(s, to) for s, to in zip(size, outputs.shape[1:3])]
            outputs = np.stack([np.concatenate([*blocks(o, axes)]) for o in outputs])
        return outputs[:, :height, :width]

    def _padded(self, images, below, right):
        """Images with rows and columns of grey added."""
        padding = [(0, 0), (0, below), (0, right), (0, 0)]
        return np.pad(images, padding, constant_values=self._middle)

    def _bands(self, array):
        """The scores of a prepared image in tiles or windows, from top to bottom."""
        if self._tiled:
            options = {"tile_size": self._window, "batch_size": self._batch_size}
            scores = predict_tiles(self._model, array, **options)
            check_outputs(scores, self._name)
            yield scores
            return
        window, sides = self._window or self._size, array.shape[:2]
        if None in self._size:  # no larger than the image
            window = tuple(map(min, window, sides))
        missing = [max(0, least - side) for least, side in zip(window, sides)]
        array = self._padded(array[None], *missing)[0]
        shared = [int(self._overlap * side) for side in window]
        stride = [side - both for side, both in zip(window, shared)]
        weights = np.outer(*map(_ramp, window, shared)).astype("float32")
        left = sides[0]
        for band in window_bands(
            self._run, array, window, stride, self._batch_size, weights
        ):
            if left > 0:
                yield band[:left, : sides[1]]
            left -= len(band)

    def _mask(self, bands, array, axes, probabilities):
        """Mask and probabilities from the scores of a prepared image, band by band."""
        if not all(axis.is_whole(side) for axis, side in zip(axes, array.shape)):
            bands = blocks(np.concatenate(list(bands)), axes)
        masks, shares = [], []
        for band in bands:
            masks.append(band.argmax(axis=-1).astype("uint8"))
            if probabilities:
                found = class_probabilities(band, self._kind)
                shares.append(found.astype("float32"))
        return np.concatenate(masks), np.concatenate(shares) if probabilities else None


def _ramp(length, shared):
    """How much the pixels along a window count: less and less where the next begins."""
    centre = np.arange(length) + 0.5
    return np.minimum(1, np.minimum(centre, length - centre) / max(shared, 0.5))
