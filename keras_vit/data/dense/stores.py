"""Image files below a folder, each with an annotation."""

import dataclasses
import os

import numpy as np

from keras_vit.common.wording import display
from keras_vit.data.readers.stores import FileStore


@dataclasses.dataclass(eq=False)
class AnnotatedStore(FileStore):
    """Image files below a folder, each with an annotation, read when its turn comes.

    Args:
        annotations: Object array, one per file: whatever `reader` takes.
        reader: Its `mask(annotation, size)` makes a `uint8` array `(h, w)` of an
            annotation; `size` is (height, width) of the image as shown.
    """

    annotations: np.ndarray | None = None
    reader: object = None

    def mask(self, index: int, size: tuple[int, int]) -> np.ndarray:
        """The mask of example number `index`.

        Raises:
            ValueError: naming the mask, if it cannot be read or has another size.
        """
        return self.reader.mask(self.annotations[index], size)

    def path(self, index: int) -> str:
        """Where the image of example number `index` lies."""
        return os.path.join(self.root, self.files[index])


def store_of(root, files, by_file, reader, image_shape) -> AnnotatedStore:
    """The store of some files, their annotations in a dictionary by file."""
    annotations = np.empty(len(files), object)
    for place, file in enumerate(files):
        annotations[place] = by_file[file]
    labels = np.zeros(len(files), np.int64)
    return AnnotatedStore(
        root, files, labels, image_shape, annotations=annotations, reader=reader
    )


def shown(store, index) -> str:
    """The file of an example, for messages."""
    return display(store.files[index])
