"""What the images and annotations of a set hold, found before training."""

import concurrent.futures
import dataclasses
from typing import NamedTuple

import numpy as np

from keras_vit.common.progress import sign_of_life
from keras_vit.data.dense.found import NAMED, Found, WrongSize

THREADS = 4
CHUNK = 64  # files that a thread reads at once
TURNED = (
    ". EXIF turns this image by a quarter, and the annotation lies as the pixels are "
    "stored: turn it as the image is shown, or remove the EXIF rotation"
)


@dataclasses.dataclass(frozen=True)
class Look:
    """What the images of a set and their annotations say.

    Attributes:
        shapes: `int32` `(N, 3)`: height, width and channels of the images looked at.
        measured: What was measured of the annotation of each.
        broken: (image, reason) of those that cannot be used.
        num_images: How many there are.
        num_bytes: Of the images looked at.
        num_turned: How many of them EXIF turns or mirrors.
    """

    shapes: np.ndarray
    measured: list
    broken: tuple[tuple[str, str], ...]
    num_images: int
    num_bytes: int
    num_turned: int

    @property
    def num_grey(self) -> int:
        """How many images are grey."""
        return int((self.shapes[:, 2] == 1).sum())

    @property
    def num_channels(self) -> int:
        """1 if all images are grey, else 3."""
        return 1 if self.num_grey == len(self.shapes) else 3

    @property
    def shape(self) -> tuple[int, int, int] | None:
        """(H, W, C) if all images share it, else None."""
        if (self.shapes[:, :2] != self.shapes[0, :2]).any():
            return None
        return (*self.shapes[0, :2].tolist(), self.num_channels)

    def notes(self, name: str) -> list[str]:
        """What a user should know of sizes, channels and EXIF: sentences."""
        found, seen = [], len(self.shapes)
        if seen < self.num_images - len(self.broken):
            found.append(
                f"{name}: looked at {seen:,} of {self.num_images:,} images; the others "
                "are checked when they are read."
            )
        low, high = self.shapes[:, :2].min(0), self.shapes[:, :2].max(0)
        if (low != high).any():
            found.append(
                f"{name}: the images have {low[0]} to {high[0]} rows and {low[1]} to "
                f"{high[1]} columns."
            )
        if 0 < self.num_grey < seen:
            found.append(
                f"{name}: {self.num_grey:,} images are grey and "
                f"{seen - self.num_grey:,} in colour: all are taken as colour images."
            )
        if self.num_turned:
            found.append(
                f"{name}: EXIF turns or mirrors {self.num_turned:,} of the images; "
                "sizes and annotations must be those of the images as shown."
            )
        return found


def look(found: Found, name: str, measure, *, most=None, skip: bool = False) -> Look:
    """Reads the headers of the images and measures their annotations.

    Args:
        found: A `Found`.
        name: The data set's name, for messages.
        measure: Function from an annotation and (height, width) of its image to
            anything; it raises a `ValueError` if the annotation is wrong.
        most: Integer, images that are looked at; of more, so many at equal distances.
        skip: Whether images that cannot be used are only listed in `broken`.

    Raises:
        ValueError: naming the first images that cannot be used.
    """
    pairs = list(found.annotations.items())
    chosen = pairs[:: -(-len(pairs) // most)] if most else pairs
    chunks = [chosen[begin : begin + CHUNK] for begin in range(0, len(chosen), CHUNK)]
    shapes, measured, broken = [], [], []
    num_bytes = num_turned = done = 0

    def read(chunk):
        return [_read(found, *pair, measure) for pair in chunk]

    with (
        sign_of_life(f"reading the annotations of {name}") as tell,
        concurrent.futures.ThreadPoolExecutor(THREADS) as pool,
    ):
        for chunk, results in zip(chunks, pool.map(read, chunks)):
            for (file, _), seen in zip(chunk, results):
                if seen.reason is not None:
                    broken.append((file, seen.reason))
                    continue
                shapes.append(seen.shape)
                measured.append(seen.measured)
                num_bytes += seen.num_bytes
                num_turned += seen.turned
            done += len(chunk)
            tell(done, len(chosen))
    if broken and not (skip and shapes):
        raise _refusal(name, broken)
    shapes = np.asarray(shapes, np.int32).reshape(-1, 3)
    return Look(shapes, measured, tuple(broken), len(pairs), num_bytes, num_turned)


class _Seen(NamedTuple):
    """What one image and its annotation say, or why they cannot be used."""

    shape: tuple[int, int, int] | None = None
    measured: object = None
    num_bytes: int = 0
    turned: bool = False
    reason: str | None = None


def _read(found, file, annotation, measure):
    try:
        header = found.header(file)
        measured = measure(annotation, (header.height, header.width))
    except WrongSize as error:
        swapped = error.size == (header.width, header.height)
        hint = TURNED if swapped and header.orientation > 4 else ""
        return _Seen(reason=f"{error}{hint}")
    except ValueError as error:
        return _Seen(reason=str(error))
    return _Seen(header[:3], measured, header.num_bytes, header.orientation > 1)


def _refusal(name, problems):
    shown = "; ".join(reason.rstrip(". ") for _, reason in problems[:NAMED])
    more = f"; {len(problems) - NAMED:,} more" if len(problems) > NAMED else ""
    images = "1 image" if len(problems) == 1 else f"{len(problems):,} images"
    return ValueError(
        f"{name}: {images} cannot be used: {shown}{more}. Repair or remove them, or "
        "leave them out with corrupt='skip' (--corrupt skip)."
    )
