"""What a data set's name means: a folder, a list of files, a VTAB task, a TFDS set."""

import difflib
import os
import pathlib
import re

from keras_vit.common.wording import display
from keras_vit.data.sets.catalog import EMBEDDED
from keras_vit.data.sets.prepared import VERSION, prepared_directory
from keras_vit.data.sets.vtab import VTAB, VTAB_PREFIX

LIST_SUFFIXES = (".csv", ".tsv", ".parquet")


def parse(name):
    """(`pathlib.Path` or name, split or None); also of a pair of both.

    What exists as a file or folder is that; a split may follow after a colon.

    Raises:
        ValueError: if nothing is where it points, or it is no name at all.
    """
    if isinstance(name, tuple):
        return parse(name[0])[0], name[1]
    text = os.path.expanduser(os.fspath(name))
    plain = isinstance(name, str) and text.partition(":")[0] in EMBEDDED
    if not plain:
        for cut in [len(text), *(match.start() for match in re.finditer(":", text))]:
            if os.path.exists(text[:cut]):
                return pathlib.Path(text[:cut]), text[cut + 1 :] or None
    if text.partition(":")[0].lower().endswith(LIST_SUFFIXES):
        raise ValueError(f"There is no file {display(text.partition(':')[0])}.")
    if isinstance(name, os.PathLike) or text[:1] in ("/", ".", "~") or "\\" in text:
        raise ValueError(f"There is no folder {display(text)}.")
    match = re.fullmatch(rf"([\w./+-]+?)(:{VERSION})?(?::(.+))?", text)
    if match is None:
        raise ValueError(
            "A data set is 'name', 'name:split' or the path of a folder that exists. "
            f"Received: {display(text)!r}"
        )
    head, version, split = match.groups()
    return head + (version or ""), split


def is_list(place) -> bool:
    """Whether a place is a list of files with labels."""
    path = isinstance(place, pathlib.Path)
    return path and place.suffix.lower() in LIST_SUFFIXES and place.is_file()


def is_folder(place) -> bool:
    """Whether a place is a folder of images, not a list or a prepared directory."""
    path = isinstance(place, pathlib.Path)
    return path and not is_list(place) and prepared_directory(place) is None


def vtab_task(place):
    """The row of a VTAB task's name, `"vtab/dtd"`; None for other places.

    Raises:
        ValueError: if VTAB has no such task, with the closest ones.
    """
    if not isinstance(place, str) or not place.startswith(VTAB_PREFIX):
        return None
    task = place[len(VTAB_PREFIX) :]
    if task not in VTAB:
        close = difflib.get_close_matches(task, VTAB, 4) or list(VTAB)
        raise ValueError(
            f"VTAB has no task {task!r}. Did you mean "
            f"{', '.join(VTAB_PREFIX + name for name in close)}?"
        )
    return VTAB[task]


def vtab_splits(task) -> dict[str, int]:
    """The splits of a VTAB task, the first being the default."""
    return {
        "train800val200": 1000,
        "train800": 800,
        "val200": 200,
        "test": task.num_test,
    }


def vtab_split(task, place, split) -> tuple[str, str]:
    """A VTAB split's own name, and what it is in TFDS's syntax."""
    split = {None: "train800val200", "train1000": "train800val200"}.get(split, split)
    if split not in vtab_splits(task):
        raise ValueError(
            f"{place} has the splits {', '.join(vtab_splits(task))} (train1000 is the "
            f"same as train800val200). Received: split={split!r}"
        )
    if split == "train800val200":
        return split, f"{task.train800}+{task.val200}"
    return split, getattr(task, split)
