"""What users call images: paths, folders, lists, archives, and images in memory."""

import codecs
import logging
import os

from keras_vit.common.regular import check_regular, read_regular
from keras_vit.common.wording import display
from keras_vit.data.pipeline.images import checked_array
from keras_vit.data.readers.leftovers import Aside
from keras_vit.data.readers.lists import FILE_COLUMNS, read_table
from keras_vit.data.readers.walking import images_below
from keras_vit.inference.archives import images_in_archive, is_archive

logger = logging.getLogger(__name__)

LISTS, TABLES = (".txt", ".lst"), (".csv", ".tsv", ".parquet")
_LONGEST = 2**30  # bytes of a list


def named_images(images):
    """Yields `(name, image, error)` of every image.

    Args:
        images: As `files` of `predict`; `None` for none.

    Raises:
        ValueError: if something in memory is no image.
    """
    for number, image in enumerate(_listed(images), 1):
        if isinstance(image, str | os.PathLike):
            yield from _named(image)
            continue
        is_opened = hasattr(image, "getexif") or hasattr(image, "read")
        if not is_opened and not isinstance(image, bytes):
            image = checked_array(image)
        name = getattr(image, "filename", None) or getattr(image, "name", None)
        yield (name if isinstance(name, str) else f"image {number}"), image, None


def image_names(files):
    """The names that `named_images` gives to images of these paths; none is read."""
    return [name for path in files for name, _, _ in _named(path, read=False)]


def find_images(files):
    """Yields `(file, None)`, or `(folder, error)` for a folder without images.

    Args:
        files: A path or a list of them. What is in archives has no path of its own: of
            an archive that of itself is given.
    """
    for path in [files] if isinstance(files, str | os.PathLike) else files:
        found = [(path, path, None)] if is_archive(path) else _named(path)
        yield from ((name, error) for name, _, error in found)


def lines_of(data):
    """The lines of a list in bytes that are not empty; a zero byte may end each.

    What Windows puts before a text is not of its first line, and may say UTF-16.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = data.decode("utf-16", "replace")
    else:
        text = os.fsdecode(data.removeprefix(codecs.BOM_UTF8))
    lines = text.split("\0") if "\0" in text else text.splitlines()
    return [line for line in lines if line.strip()]


def _listed(images):
    if images is None:
        return []
    if hasattr(images, "shape"):
        # One image, or a batch of them.
        shape = images.shape
        one = len(shape) < 3 or (len(shape) == 3 and shape[-1] in (1, 3, 4))
        return [images] if one else list(images)
    one = isinstance(images, str | bytes | os.PathLike) or hasattr(images, "getexif")
    return [images] if one or hasattr(images, "read") else list(images)


def _named(path, read=True):
    """Yields `(name, image, error)` of a path; of a file the image is its path.

    Folders are searched at every depth, as those of data are: see
    `keras_vit.data.readers.leftovers`.
    """
    path = os.path.expanduser(os.fspath(path))
    if os.path.isdir(path):
        aside, empty = Aside(), True
        for image in images_below(path, aside):
            empty, file = False, os.path.join(path, image)
            yield file, file, None
        if note := aside.sentence(path):
            logger.info("%s", note)
        if empty:
            yield path, None, f"{display(path)} is a folder without images."
    elif is_archive(path):
        yield from images_in_archive(path, read)
    elif path.lower().endswith((*LISTS, *TABLES)):
        yield from _of_list(path)
    else:
        yield path, path, None


def _of_list(path):
    """Yields what a list names: a path on each line, or a column of a table."""
    root, files = os.path.dirname(path), []
    try:
        check_regular(path)
        if path.lower().endswith(LISTS):
            files = [line.strip() for line in lines_of(read_regular(path, _LONGEST))]
        else:
            rows, header = read_table(path)
            known = {name.lower(): name for name in reversed(header)}
            column = next((known[n] for n in FILE_COLUMNS if n in known), None)
            if column is None:
                raise ValueError(
                    f"{display(path)} has no column of files: one of "
                    f"{', '.join(FILE_COLUMNS)}. Received: {', '.join(header)}"
                )
            files = [row[column] for _, row in rows if row[column]]
    except ValueError as error:
        yield path, None, str(error)
        return
    for file in files:
        file = os.path.join(root, os.path.expanduser(file))
        yield file, file, None
    if not files:
        yield path, None, f"{display(path)} is a list without images."
