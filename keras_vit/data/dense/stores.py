"""Images with annotations: files below a folder, or encoded in memory."""

import dataclasses
import os

import numpy as np

from keras_vit.data.decoding.pillow import read_image_file
from keras_vit.data.readers.stores import BytesStore, FileStore


class Annotated:
    """What stores of annotated images share: annotations are read in their turn.

    Attributes:
        annotations: Object array, one per image: whatever `reader` takes.
        reader: Makes masks or boxes of them: `MaskFiles` or `ShapeReader`.
        most: Integer, most objects of one image, for boxes.
    """

    def mask(self, index: int, size: tuple[int, int]) -> np.ndarray:
        """The mask of example number `index`: `uint8` `(h, w)`.

        Raises:
            ValueError: naming the mask, if it cannot be read or has another size.
        """
        return self.reader.mask(self.annotations[index], size)

    def boxes(self, index: int, size: tuple[int, int]) -> dict[str, np.ndarray]:
        """The boxes of example number `index`; see `ShapeReader.boxes`."""
        return self.reader.boxes(self.annotations[index], size)


@dataclasses.dataclass(eq=False)
class AnnotatedFiles(Annotated, FileStore):
    """Image files below a folder, each with an annotation."""

    annotations: np.ndarray | None = None
    reader: object = None
    most: int = 0

    def image(self, index: int) -> bytes:
        """The encoded image of example number `index`."""
        return read_image_file(os.path.join(self.root, self.files[index]))


@dataclasses.dataclass(eq=False)
class AnnotatedBytes(Annotated, BytesStore):
    """Encoded images in memory, each with an annotation."""

    annotations: np.ndarray | None = None
    reader: object = None
    most: int = 0

    def image(self, index: int) -> bytes:
        """The encoded image of example number `index`."""
        return self.encoded[index]


def store_of(found, files, contents) -> AnnotatedFiles | AnnotatedBytes:
    """The store of some images of a set."""
    by_file, shape = found.annotations, contents.look.shape
    labels = np.zeros(len(files), np.int64)
    own = {
        "annotations": _column(by_file[file] for file in files),
        "reader": found.reader.with_classes(len(contents.class_names)),
        "most": contents.most,
    }
    if found.images is None:
        return AnnotatedFiles(found.root, files, labels, shape, **own)
    encoded = _column(found.images[file] for file in files)
    return AnnotatedBytes(encoded, labels, _column(files), shape, **own)


def _column(values):
    values = list(values)
    column = np.empty(len(values), object)
    column[:] = values
    return column
