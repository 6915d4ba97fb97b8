"""What writers of masks and boxes share: what is written, and names of images."""

import os
import pathlib


def readable(found):
    """Yields what was found in images, but for those that could not be read.

    Args:
        found: Iterable of `Segmentation` or `Detections`.

    Raises:
        ValueError: if the classes differ, or there is no image.
    """
    names = None
    for each in found:
        if each.error is not None:
            continue
        names = names or list(each.class_names)
        if list(each.class_names) != names:
            raise ValueError(
                "What is written together must have the same classes. Received: "
                f"{', '.join(names)} and {', '.join(each.class_names)}"
            )
        yield each
    if names is None:
        raise ValueError(
            "There must be at least one image that can be read. Received: none"
        )


def seen_from(path, file):
    """The path of an image from the folder of a json; of no file, its name."""
    if not os.path.exists(file):
        return file
    return pathlib.Path(os.path.relpath(file, path.parent)).as_posix()
