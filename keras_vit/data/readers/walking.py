"""Looks for images below a folder, once, in the order of their paths."""

import collections
import dataclasses
import os

from keras_vit.common.progress import sign_of_life
from keras_vit.common.wording import display
from keras_vit.data.readers.leftovers import Aside, is_leftover, is_run

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif")
SUFFIXES += (".heic", ".heif", ".tif", ".tiff")


@dataclasses.dataclass(frozen=True)
class Tree:
    """What lies below a folder; all paths are relative to it, with forward slashes."""

    images: list[str]  # sorted
    # By the path of a folder, "" for the first one: the names of those in it, sorted,
    # and the images in it at every depth. Of two levels.
    folders: dict[str, list[str]]
    below: dict[str, list[str]]
    aside: Aside


def walk(root: str) -> Tree:
    """Looks for all images below a folder.

    Raises:
        ValueError: naming a link that leads back to a folder above it, or a folder that
            cannot be looked into.
    """
    aside, images, seen = Aside(), [], []
    folders, below = collections.defaultdict(list), collections.defaultdict(list)
    with sign_of_life(f"looking for images in {display(root)}") as tell:
        for count, image in enumerate(images_below(root, aside, seen), 1):
            images.append(image)
            first, _, rest = image.partition("/")
            if rest:
                below[first].append(image)
                second, _, deeper = rest.partition("/")
                if deeper:
                    below[f"{first}/{second}"].append(image)
            if count % 1000 == 0:
                tell(count)
    for folder in sorted(seen):
        parent, _, name = folder.rpartition("/")
        folders[parent].append(name)
    return Tree(images, dict(folders), dict(below), aside)


def images_below(path, aside: Aside | None = None, seen: list | None = None):
    """Yields the relative paths of the images below a folder, sorted.

    Links are followed. What systems, archives, tools and runs of this package leave
    behind is not: see `leftovers.py`.

    Args:
        path: The folder.
        aside: Takes up what is left aside, or `None`.
        seen: List that takes up the folders that are looked into, or `None`.

    Raises:
        ValueError: naming a link that leads back to a folder above it, or a folder that
            cannot be looked into.
    """
    aside = Aside() if aside is None else aside
    yield from _below(os.fspath(path), "", aside, [] if seen is None else seen, ())


def _below(path, before, aside, seen, above):
    try:
        status, entries = os.stat(path), _entries(path)
    except OSError as error:
        raise ValueError(
            f"{display(path)} cannot be looked into ({error.strerror or error}). Make "
            "it readable, or move it elsewhere."
        ) from None
    here = (status.st_dev, status.st_ino)
    if here in above:
        raise ValueError(
            f"{display(path)} leads back into itself: it is a link to a folder above "
            "it. Remove the link."
        )
    if before and is_run(entry.name for entry in entries):
        aside.runs.append(before[:-1])
        return
    if before:
        seen.append(before[:-1])
    # In the order of the whole paths, in which a folder's name ends with a slash.
    inside = [(f"{e.name}/" if _is_folder(e) else e.name, e) for e in entries]
    for name, entry in sorted(inside, key=lambda pair: pair[0]):
        relative = before + name
        is_image = name.lower().endswith(SUFFIXES)
        if is_leftover(entry.name):
            if name.endswith("/"):
                aside.folders.append(relative[:-1])
            elif is_image:
                aside.files.append(relative)
        elif name.endswith("/"):
            yield from _below(entry.path, relative, aside, seen, (*above, here))
        elif is_image:
            yield relative
        elif entry.is_symlink() and not os.path.exists(entry.path):
            aside.links.append(relative)
        else:
            aside.others[os.path.splitext(name)[1].lower()] += 1


def _entries(path):
    with os.scandir(path) as found:
        return list(found)


def _is_folder(entry):
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False
