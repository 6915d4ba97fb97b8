"""What is found where a data set with masks or boxes lies."""

import dataclasses
import os

from keras_vit.common.wording import display
from keras_vit.data.decoding.headers import Header, read_header, said_by_pillow
from keras_vit.data.readers.folders import SPLIT_FOLDERS
from keras_vit.data.readers.walking import SUFFIXES, images_below

NAMED = 5  # files in an error or a note


@dataclasses.dataclass(frozen=True)
class Found:
    """The images of a set and their annotations, before any of them is decoded.

    Attributes:
        root: Folder that the paths of the images are relative to.
        form: What it is, such as "images and masks".
        class_names: List of strings, or `None` where only the masks can tell.
        splits: By split, the annotation of each image by its path. A set without splits
            has one, "all".
        reader: Makes masks or boxes of annotations: `MaskFiles` or `ShapeReader`.
        notes: Sentences that a user should know.
        images: The encoded images by their names, where they lie in memory.
    """

    root: str
    form: str
    class_names: list[str] | None
    splits: dict[str, dict[str, object]]
    reader: object
    notes: tuple[str, ...] = ()
    images: dict[str, bytes] | None = None

    def header(self, file: str) -> Header:
        """What the header of an image says.

        Raises:
            ValueError: naming the image, if it cannot be read.
        """
        try:
            if self.images is None:
                return read_header(os.path.join(self.root, file))
            data = self.images[file]
            return Header(*said_by_pillow(data), len(data))
        except ValueError as error:
            raise ValueError(f"the image {self.shown(file)}: {error}") from None

    def shown(self, file: str) -> str:
        """An image's path or name, for messages."""
        return display(os.path.join(self.root, file) if self.images is None else file)

    @property
    def annotations(self) -> dict[str, object]:
        """Those of all images, by their paths."""
        return {k: v for part in self.splits.values() for k, v in part.items()}


class WrongSize(ValueError):
    """An annotation of an image of another size.

    Args:
        what: The annotation, for the message.
        size: (height, width) that it is of.
        wanted: (height, width) of the image.
    """

    def __init__(self, what, size, wanted):
        self.size = tuple(size)
        super().__init__(
            f"{what} is of {size[0]}x{size[1]} pixels (height x width), and its image "
            f"has {wanted[0]}x{wanted[1]}"
        )


def folders_in(path) -> list[str]:
    """The names of the folders in a folder, sorted; none if it is not there."""
    try:
        with os.scandir(path) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir())
    except OSError:
        return []


def files_in(path, *endings) -> list[str]:
    """The names of the files in a folder with one of the endings, sorted."""
    try:
        with os.scandir(path) as entries:
            names = [entry.name for entry in entries if entry.is_file()]
    except OSError:
        return []
    return sorted(
        name
        for name in names
        if name.lower().endswith(endings) and not name.startswith(".")
    )


def first_of(folders, names) -> str | None:
    """The folder whose name, in small letters, comes first among some names."""
    by_name = {folder.lower(): folder for folder in reversed(folders)}
    return next((by_name[name] for name in names if name in by_name), None)


def split_folder(folders, split: str) -> str | None:
    """The folder of a split, "train", "validation" or "test", among some."""
    return first_of(folders, SPLIT_FOLDERS[split])


def split_of(name: str) -> str | None:
    """The split that a file's name speaks of, such as "instances_val2017.json"."""
    words = "".join(c if c.isalpha() else " " for c in name.lower()).split()
    for split, names in SPLIT_FOLDERS.items():
        if set(words) & set(names):
            return split
    return None


def some(names, one: str, many: str) -> str:
    """`3 images (a, b, c)`."""
    shown = ", ".join(map(display, names[:NAMED]))
    more = ", ..." if len(names) > NAMED else ""
    return f"{len(names):,} {one if len(names) == 1 else many} ({shown}{more})"


def image_beside(folders, stem: str) -> str | None:
    """The path of the image of a name without its ending, in the first of the folders
    that has one; `None` without."""
    for folder in folders:
        for suffix in SUFFIXES:
            for ending in (suffix, suffix.upper()):
                path = os.path.join(folder, stem + ending)
                if os.path.isfile(path):
                    return path
    return None


def left_aside(root, splits) -> tuple[str, ...]:
    """A sentence about images that lie beside those of the splits, if there are any."""
    known = {os.path.normpath(file) for part in splits.values() for file in part}
    folders = {os.path.dirname(file) for file in known}
    others = [
        file
        for folder in sorted(folders)
        for name in files_in(os.path.join(root, folder), *SUFFIXES)
        if (file := os.path.normpath(os.path.join(folder, name))) not in known
    ]
    if not others:
        return ()
    found = some(others, "image", "images")
    return (f"{display(root)}: {found} without an annotation: left aside.",)


def splits_aside(root, known, lacks: str) -> tuple[str, ...]:
    """Sentences about folders of splits with images, of which none is used.

    Args:
        root: The set's folder; its splits lie in it, or in the folders in it.
        known: The paths of the files that are used, relative to the root.
        lacks: What is missing there, such as "masks".
    """
    used = tuple(f"{file}/" for file in {os.path.dirname(file) for file in known})
    found = []
    for base in ("", *(f"{name}/" for name in folders_in(root) if name[0] != ".")):
        inside = folders_in(os.path.join(root, base))
        for split in SPLIT_FOLDERS:
            folder = split_folder(inside, split)
            folder = folder and f"{base}{folder}/"
            if not folder or any(f.startswith(folder) for f in used):
                continue
            path = os.path.join(root, folder[:-1])
            if next(images_below(path), None) is not None:
                found.append(
                    f"{display(path)} holds images without {lacks}: left aside."
                )
    return tuple(found)


def relative(path, root) -> str:
    """A path relative to a root, with forward slashes."""
    return os.path.relpath(path, root).replace(os.sep, "/")
