"""What the images and annotations of a set hold, found before training."""

import concurrent.futures
import dataclasses
import os
from typing import NamedTuple

import numpy as np

from keras_vit.common.progress import sign_of_life
from keras_vit.common.wording import display
from keras_vit.data.decoding.headers import read_header
from keras_vit.data.decoding.pillow import orientation, read_image_file
from keras_vit.data.dense.mask_files import IGNORED, Unreadable

MOST = 10_000  # masks that are decoded; of more, so many at equal distances
THREADS = 4
CHUNK = 64
NAMED = 5  # files in an error
SHOWN = 20  # classes in a note
TURNABLE = (".jpg", ".jpeg", ".jpe", ".jfif", ".heic", ".heif", ".png", ".webp")


@dataclasses.dataclass(frozen=True)
class MaskLook:
    """What headers of images and pixels of masks say.

    Attributes:
        shapes: `int32` `(N, 3)`: height, width and channels of the images looked at.
        pixels: `int64` `(256,)`: how many pixels have each value.
        images: `int64` `(256,)`: in how many images a value occurs.
        broken: (image, reason) of those that cannot be read.
        num_images: How many there are.
        num_bytes: Of the images looked at.
        num_turned: How many of them EXIF turns by a quarter.
    """

    shapes: np.ndarray
    pixels: np.ndarray
    images: np.ndarray
    broken: tuple[tuple[str, str], ...]
    num_images: int
    num_bytes: int
    num_turned: int

    @property
    def num_channels(self) -> int:
        """1 if all images are grey, else 3."""
        return 1 if len(self.shapes) and (self.shapes[:, 2] == 1).all() else 3

    @property
    def shape(self):
        """(H, W, C) if all images share it, else None."""
        if not len(self.shapes) or (self.shapes[:, :2] != self.shapes[0, :2]).any():
            return None
        return (*self.shapes[0, :2].tolist(), self.num_channels)

    @property
    def values(self) -> np.ndarray:
        """The class numbers that occur."""
        return np.flatnonzero(self.pixels[:IGNORED])

    def notes(self, name, class_names) -> tuple[str, ...]:
        """What a user should know before training: sentences."""
        seen = self.pixels.sum()
        shares = [
            f"{each} {100 * self.pixels[number] / seen:.3g} % "
            f"(in {self.images[number]:,} images)"
            for number, each in enumerate(class_names[:SHOWN])
        ]
        more = ", ..." if len(class_names) > SHOWN else ""
        looked = "all" if len(self.shapes) == self.num_images else "of those looked at"
        found = [
            f"{name}: {self.num_images:,} images with masks, {len(class_names)} "
            f"classes. Shares of the pixels ({looked}): {', '.join(shares)}{more}; "
            f"{100 * self.pixels[IGNORED] / seen:.3g} % is 255, not counted."
        ]
        absent = [n for i, n in enumerate(class_names) if not self.pixels[i]]
        if absent:
            found.append(f"{name}: no pixel is of {', '.join(absent[:SHOWN])}.")
        low, high = self.shapes[:, :2].min(0), self.shapes[:, :2].max(0)
        if (low != high).any():
            found.append(
                f"{name}: the images have {low[0]} to {high[0]} rows and {low[1]} to "
                f"{high[1]} columns."
            )
        if self.num_turned:
            found.append(
                f"{name}: EXIF turns {self.num_turned:,} of the images; sizes and "
                "masks are those of the images as shown."
            )
        return tuple(found)


def look_at_masks(found, name: str, *, skip: bool = False) -> MaskLook:
    """Reads the headers of all images and decodes their masks.

    Args:
        found: A `Found` whose reader makes masks.
        name: The data set's name, for messages.
        skip: Whether files that cannot be read are only listed in `broken`.

    Raises:
        ValueError: naming what cannot be read, masks of another size than their image,
            and values that are no classes.
    """
    pairs = list(found.annotations.items())
    every = -(-len(pairs) // MOST)
    chosen = pairs[::every]
    chunks = [chosen[begin : begin + CHUNK] for begin in range(0, len(chosen), CHUNK)]
    pixels, images = np.zeros(256, np.int64), np.zeros(256, np.int64)
    shapes, broken, wrong = [], [], []
    num_bytes = num_turned = done = 0

    def read(chunk):
        return [_read(found, *pair) for pair in chunk]

    with (
        sign_of_life(f"reading the masks of {display(name)}") as tell,
        concurrent.futures.ThreadPoolExecutor(THREADS) as pool,
    ):
        for chunk, results in zip(chunks, pool.map(read, chunks)):
            for (file, _), result in zip(chunk, results):
                if result.reason is not None:
                    (broken if result.is_broken else wrong).append(
                        (file, result.reason)
                    )
                    continue
                shapes.append(result.shape)
                pixels += result.counts
                images += result.counts > 0
                num_bytes += result.num_bytes
                num_turned += result.turned
            done += len(chunk)
            tell(done, len(chosen))
    if wrong or (broken and not skip):
        raise _refusal(name, wrong or broken, bool(wrong))
    shapes = np.asarray(shapes, np.int32).reshape(-1, 3)
    return MaskLook(
        shapes, pixels, images, tuple(broken), len(pairs), num_bytes, num_turned
    )


class _Seen(NamedTuple):
    """What one image and its mask say, or why they cannot be used."""

    shape: tuple[int, int, int] | None = None
    counts: np.ndarray | None = None
    num_bytes: int = 0
    turned: bool = False
    reason: str | None = None
    is_broken: bool = False


def _read(found, file, annotation):
    path = os.path.join(found.root, file)
    try:
        header = read_header(path)
    except ValueError as error:
        return _Seen(reason=f"the image {display(path)}: {error}", is_broken=True)
    size = (header.height, header.width)
    try:
        mask = found.reader.mask(annotation)
    except Unreadable as error:
        return _Seen(reason=str(error), is_broken=True)
    except ValueError as error:
        return _Seen(reason=str(error))
    turned = _is_turned(path, file)
    if mask.shape != size:
        try:
            found.reader.mask(annotation, size)
        except ValueError as error:
            reason = str(error)
        if turned and mask.shape == size[::-1]:
            reason += (
                ". EXIF turns the image by a quarter, and the mask lies as the pixels "
                "are stored: turn the mask as the image is shown"
            )
        return _Seen(reason=reason)
    counts = np.bincount(mask.reshape(-1), minlength=256)
    return _Seen(header[:3], counts, header.num_bytes, turned)


def _is_turned(path, file):
    """Whether EXIF turns an image by a quarter."""
    if not file.lower().endswith(TURNABLE):
        return False
    return orientation(read_image_file(path)) > 4


def _refusal(name, problems, wrong):
    shown = "; ".join(f"{reason}".rstrip(". ") for _, reason in problems[:NAMED])
    more = f"; {len(problems) - NAMED:,} more" if len(problems) > NAMED else ""
    images = "1 image" if len(problems) == 1 else f"{len(problems):,} images"
    remedy = "" if wrong else " Repair or remove them, or leave them out with "
    remedy += "" if wrong else "corrupt='skip' (--corrupt skip)."
    return ValueError(
        f"{display(name)}: {images} cannot be used: {shown}{more}.{remedy}"
    )


def class_names_of(found, look: MaskLook, name: str) -> list[str]:
    """The names of the classes: those given, or the numbers in the masks.

    Raises:
        ValueError: if the masks hold no class numbers by the look of them.
    """
    values = look.values
    plain = getattr(found.reader, "colours", None) is None
    if plain and look.pixels[IGNORED] and values.tolist() in ([0], []):
        raise ValueError(
            f"{display(name)}: the masks hold only 0 and 255, and 255 means 'not "
            "counted', so there is one class. If white is the second class, put "
            'colours.json beside the folders: {"background": [0, 0, 0], "object": '
            "[255, 255, 255]}; or write 1 for it."
        )
    if found.class_names is not None:
        return list(found.class_names)
    if not len(values):
        raise ValueError(f"{display(name)}: no pixel of the masks is counted.")
    count = int(values[-1]) + 1
    if 2 * len(values) < count:
        shown = ", ".join(map(str, values[:10])) + (", ..." if len(values) > 10 else "")
        raise ValueError(
            f"{display(name)}: the values of the masks are {shown}: not the numbers "
            "of classes from 0 on. If they are, name all classes in classes.txt beside "
            "the folders, one a line. If they are grey levels, say what they mean in "
            'colours.json: {"background": [0, 0, 0], "cell": [128, 128, 128]}.'
        )
    if count < 2:
        raise ValueError(
            f"{display(name)}: all pixels of the masks are 0, so there is nothing to "
            "tell apart. Name the classes in classes.txt if the masks are right."
        )
    return [str(number) for number in range(count)]
