"""Names and colours of classes that lie in a file beside images and masks."""

import json
import os
import re

import numpy as np

from keras_vit.common.regular import read_regular
from keras_vit.common.wording import canonical, display

NAMES = ("classes.txt", "labels.txt", "names.txt")
COLOURS = ("colours.json", "colors.json")
LABELMAP = "labelmap.txt"  # what CVAT writes beside coloured masks
# Classes of these names stand for pixels of no object, and for those not counted.
BACKGROUND = ("background", "_background_", "__background__")
NOT_COUNTED = ("void", "ignore", "ignored", "__ignore__", "unlabelled", "unlabeled")
MOST = 2**20  # bytes of such a file


def class_names_in(folder: str) -> list[str] | None:
    """The names in classes.txt (labels.txt, names.txt), one a line; `None` without.

    Raises:
        ValueError: naming the file, if it is empty, or a name comes twice.
    """
    for name in NAMES:
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            text = read_regular(path, MOST).decode("utf-8-sig", "replace")
            names = [line.strip() for line in text.splitlines() if line.strip()]
            return checked_names(names, path)
    return None


def checked_names(names, path) -> list[str]:
    """The names of classes; raises if there are none, or one comes twice."""
    names = [canonical(str(name)) for name in names]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            f"{display(path)} names classes twice: {', '.join(twice[:5])}. "
            "Every class needs a name of its own."
        )
    if not names:
        raise ValueError(f"{display(path)} names no classes. List them.")
    return names


def colours_in(folder: str) -> tuple[list[str], np.ndarray] | None:
    """The names of the classes and the table of `MaskFiles`; `None` without a file.

    Read are colours.json, `{"background": [0, 0, 0], ...}` in the order of the classes,
    and labelmap.txt of CVAT, `background:0,0,0::`. Colours of "void" or "ignore" are
    not counted.

    Raises:
        ValueError: naming the file, if it is written in another way.
    """
    for name in (*COLOURS, LABELMAP):
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            text = read_regular(path, MOST).decode("utf-8-sig", "replace")
            read = _of_labelmap if name == LABELMAP else _of_json
            return _table(read(text, path), path)
    return None


def _of_json(text, path):
    try:
        found = json.loads(text)
        pairs = [(str(name), tuple(colour)) for name, colour in found.items()]
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise _unreadable(path) from None
    return pairs


def _of_labelmap(text, path):
    pairs = []
    for line in text.splitlines():
        match = re.match(r"([^#:][^:]*):(\d+),(\d+),(\d+):", line.strip())
        if match:
            pairs.append((match[1], tuple(map(int, match.groups()[1:]))))
    return pairs


def _table(pairs, path):
    whole = all(
        len(c) == 3 and all(type(v) is int and 0 <= v <= 255 for v in c)
        for _, c in pairs
    )
    if not pairs or not whole or len({c for _, c in pairs}) < len(pairs):
        raise _unreadable(path)
    counted = [name for name, _ in pairs if name.strip().lower() not in NOT_COUNTED]
    names, number = checked_names(counted, path), 0
    table = np.zeros((len(pairs), 4), np.int32)
    for row, (name, colour) in zip(table, pairs):
        ignored = name.strip().lower() in NOT_COUNTED
        row[:] = *colour, 255 if ignored else number
        number += not ignored
    return names, table


def _unreadable(path):
    return ValueError(
        f"{display(path)} must give each class a colour of its own: "
        '{"background": [0, 0, 0], "cell": [255, 0, 0]}, whole numbers in [0, 255].'
    )
