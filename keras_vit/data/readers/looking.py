"""What the images of a folder or list look like, from their headers."""

import concurrent.futures
import dataclasses
import os

import numpy as np

from keras_vit.common.progress import sign_of_life
from keras_vit.common.wording import display
from keras_vit.data.decoding.headers import read_header
from keras_vit.data.decoding.limits import max_pixels
from keras_vit.data.readers.strata import strata

# Headers that are read. Of more images so many are drawn; a hundred thousand take some
# seconds on a disk, and minutes where each has to be asked for over a network.
MOST = 200_000
SEED = 0
CHUNK = 256  # files that a thread reads at once
NAMED = 5  # of those that cannot be read
THREADS = 8  # which hide how long a disk or a network takes to answer


@dataclasses.dataclass(frozen=True)
class Look:
    """What the headers of images say.

    Attributes:
        shapes: `int32` `(N, 3)`, height, width and channels (1 or 3) of those that
            could be read.
        num_bytes: Integer, of all files together; estimated where only some were
            looked at.
        unreadable: (file, reason) of the others, in their order.
        num_images: How many there are; more than were looked at if they are too many.
    """

    shapes: np.ndarray
    num_bytes: int
    unreadable: tuple[tuple[str, str], ...]
    num_images: int

    @property
    def num_looked_at(self) -> int:
        return len(self.shapes) + len(self.unreadable)

    @property
    def num_grey(self) -> int:
        """How many are grey."""
        return int((self.shapes[:, 2] == 1).sum())

    @property
    def num_colour(self) -> int:
        """How many are not."""
        return len(self.shapes) - self.num_grey

    @property
    def num_channels(self) -> int:
        """1 if all that could be read are grey, else 3."""
        return 1 if len(self.shapes) and self.num_grey == len(self.shapes) else 3

    @property
    def shape(self) -> tuple[int, int, int] | None:
        """(H, W, C) if all that could be read share height and width, else None."""
        if not len(self.shapes) or (self.shapes[:, :2] != self.shapes[0, :2]).any():
            return None
        return (*self.shapes[0, :2].tolist(), self.num_channels)

    def unread(self) -> str | None:
        """A sentence about those that cannot be read, with the first ones."""
        if not self.unreadable:
            return None
        count = len(self.unreadable)
        named = [f"{display(file)}: {why}" for file, why in self.unreadable[:NAMED]]
        more = f"; {count - NAMED:,} more" if count > NAMED else ""
        images = "image" if count == 1 else "images"
        return f"{count:,} {images} cannot be read ({'; '.join(named)}{more})"

    def notes(self, name) -> tuple[str, ...]:
        """What a user should know of it: sentences."""
        found = []
        if self.num_looked_at < self.num_images:
            found.append(
                f"{name}: looked at {self.num_looked_at:,} of {self.num_images:,} "
                "images, drawn from all classes, for their channels and sizes."
            )
        if self.num_grey and self.num_colour:
            grey = "image is" if self.num_grey == 1 else "images are"
            found.append(
                f"{name}: {self.num_grey:,} {grey} grey and {self.num_colour:,} in "
                "colour, so all are taken as colour images; num_channels=1 "
                "(--num-channels 1) makes all of them grey."
            )
        return tuple(found)


def look(root: str, files, labels, name: str = "") -> Look:
    """Reads the headers of images: of all, or of many, drawn from every class.

    Args:
        root: The folder.
        files: Paths relative to it.
        labels: Integer array, one per file, or `(N, classes)`.
        name: The data set's name, for the sign of life.
    """
    max_pixels()  # a limit that is no number is not the fault of the images
    places = _drawn(strata(labels), MOST)
    chosen = [files[place] for place in places.tolist()]
    chunks = [chosen[begin : begin + CHUNK] for begin in range(0, len(chosen), CHUNK)]
    shapes, unreadable, size, done = [], [], 0, 0

    def read(chunk):
        return [_header(root, file) for file in chunk]

    with (
        sign_of_life(f"reading the sizes of the images of {display(name)}") as tell,
        concurrent.futures.ThreadPoolExecutor(THREADS) as pool,
    ):
        for chunk, headers in zip(chunks, pool.map(read, chunks)):
            for file, (header, reason, num_bytes) in zip(chunk, headers):
                size += num_bytes
                if header is None:
                    unreadable.append((str(file), reason))
                else:
                    shapes.append(header[:3])
            done += len(chunk)
            tell(done, len(chosen))
    if shapes and len(chosen) < len(files):
        size = round(size * len(files) / len(chosen))
    shapes = np.asarray(shapes, np.int32).reshape(-1, 3)
    return Look(shapes, size, tuple(unreadable), len(files))


def _header(root, file):
    """(header or None, why not, bytes of the file)."""
    path = os.path.join(root, file)
    try:
        header = read_header(path)
        return header, None, header.num_bytes
    except ValueError as error:
        try:
            return None, str(error), os.path.getsize(path)
        except (OSError, ValueError):
            return None, str(error), 0


def _drawn(labels, most):
    """Places of all images or, of more than `most`, of some of every class."""
    if len(labels) <= most:
        return np.arange(len(labels))
    order = np.random.default_rng(SEED).permutation(len(labels))
    by_class = order[np.argsort(labels[order], kind="stable")]
    _, starts, counts = np.unique(
        labels[by_class], return_index=True, return_counts=True
    )
    ranks = np.arange(len(labels)) - np.repeat(starts, counts)
    # The first of every class come before the second of any.
    return np.sort(by_class[np.argsort(ranks, kind="stable")[:most]])
