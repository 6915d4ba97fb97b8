"""Image files below a folder, each with an annotation."""

import dataclasses
import os

import numpy as np

from keras_vit.data.readers.stores import FileStore


@dataclasses.dataclass(eq=False)
class AnnotatedStore(FileStore):
    """Image files below a folder, each with an annotation, read when its turn comes.

    Args:
        annotations: Object array, one per file: whatever `reader` takes.
        reader: Makes masks or boxes of them: `MaskFiles` or `ShapeReader`.
        most: Integer, most objects of one image, for boxes.
    """

    annotations: np.ndarray | None = None
    reader: object = None
    most: int = 0

    def mask(self, index: int, size: tuple[int, int]) -> np.ndarray:
        """The mask of example number `index`: `uint8` `(h, w)`.

        Raises:
            ValueError: naming the mask, if it cannot be read or has another size.
        """
        return self.reader.mask(self.annotations[index], size)

    def boxes(self, index: int, size: tuple[int, int]) -> dict[str, np.ndarray]:
        """The boxes of example number `index`; see `ShapeReader.boxes`."""
        return self.reader.boxes(self.annotations[index], size)

    def path(self, index: int) -> str:
        """Where the image of example number `index` lies."""
        return os.path.join(self.root, self.files[index])


def store_of(found, files, contents) -> AnnotatedStore:
    """The store of some files of a set."""
    annotations, by_file = np.empty(len(files), object), found.annotations
    for place, file in enumerate(files):
        annotations[place] = by_file[file]
    return AnnotatedStore(
        found.root,
        files,
        np.zeros(len(files), np.int64),
        contents.look.shape,
        annotations=annotations,
        reader=found.reader.with_classes(len(contents.class_names)),
        most=contents.most,
    )
