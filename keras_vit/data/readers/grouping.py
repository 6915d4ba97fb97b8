"""Groups of images that belong together, and parts of a set that keep each one whole.

A group is a patient, a plant, a video: its images are alike, so that a test on some of
them says too much of a model that was trained on the others.
"""

import re

import numpy as np

from keras_vit.common.wording import canonical, display
from keras_vit.data.readers.folders import hash_order
from keras_vit.data.readers.lists import read_column

SHOWN = 5  # names that an error lists


def groups_of(place, group_by: str, files, columns=None) -> np.ndarray:
    """The group of each file.

    Args:
        place: A `keras_vit.data.places.Place` of a folder or a list.
        group_by: A column of the list, or a regular expression with one group, which is
            searched in the path of a file, relative to the folder.
        files: Paths as `place.scan` gives them.
        columns: As for `keras_vit.data.load`.

    Returns:
        Array of strings, one per file.

    Raises:
        ValueError: if it is neither, or names no group for some of the files.
    """
    if not place.has_files:
        raise ValueError(
            "Images are grouped by the names of their files or a column of their list, "
            f"and {place} is neither a folder nor a list. Received: {group_by!r}"
        )
    if place.kind == "list":
        found = place.once(
            ("group", group_by, repr(columns)),
            read_column,
            str(place.path),
            group_by,
            columns,
        )
        if found is not None:
            return np.asarray([found[canonical(file)] for file in files], object)
    return _matched(place, group_by, files)


def _matched(place, pattern, files):
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise ValueError(
            f"`group_by` {pattern!r} is no regular expression: {error}. An example is "
            r"'(patient\d+)_'."
        ) from None
    if expression.groups != 1:
        columns = "; a column needs the list itself as the data"
        if place.kind == "list":
            columns = " and no column of the list"
        raise ValueError(
            "`group_by` must be a column of a list, or a regular expression on file "
            r"names with one group in parentheses, such as '(patient\d+)_'. Received: "
            f"{pattern!r}, which has {expression.groups}{columns}"
        )
    names = [display(file) for file in files]
    found = [expression.search(name) for name in names]
    wrong = [n for n, match in zip(names, found) if match is None or match[1] is None]
    if wrong:
        more = f" and {len(wrong) - SHOWN:,} more" if len(wrong) > SHOWN else ""
        raise ValueError(
            f"`group_by` {pattern!r} must find a group in the name of every image. "
            f"Without one: {', '.join(wrong[:SHOWN])}{more}"
        )
    return np.asarray([match[1] for match in found], object)


def apportion(labels, groups, shares, seed: int) -> np.ndarray:
    """Deals groups to parts so that each part has about its share of every class.

    The largest groups are dealt first, each to the part that then is nearest to what
    its shares ask of it (as scikit-learn's StratifiedGroupKFold does with equal ones).
    The first part gets a group of each class if any does.

    Args:
        labels: Integer array, one per image.
        groups: Array of strings, one per image.
        shares: The share of each part, which sum to 1.
        seed: Integer, which decides among groups of one size.

    Returns:
        Integer array, the part of each image. Images of a group share their part.

    Raises:
        ValueError: if there are fewer groups than parts, or all of them are needed to
            train on every class.
    """
    names, index = np.unique(np.asarray(groups, str), return_inverse=True)
    if len(names) < len(shares):
        raise ValueError(
            f"{len(shares)} parts need as many groups. Received: {len(names)} "
            f"({', '.join(map(display, names[:SHOWN]))})"
        )
    kinds, kind = np.unique(labels, return_inverse=True)
    counts = np.zeros((len(names), len(kinds)))
    np.add.at(counts, (index, kind), 1)
    totals, shares = counts.sum(axis=0), np.asarray(shares, float)
    order = hash_order(names, seed, range(len(names)))
    order = order[np.argsort(-counts[order].sum(axis=1), kind="stable")]
    held, part = np.zeros((len(shares), len(kinds))), np.zeros(len(names), np.int64)
    for group in order:
        more = (held - shares[:, None] * totals) / totals
        cost = (2 * more + counts[group] / totals) * counts[group]
        part[group] = np.argmin(cost.sum(axis=1) / shares)
        held[part[group]] += counts[group]
    return _none_without(part, counts, order[::-1], len(shares))[index]


def _none_without(part, counts, smallest_first, number):
    """The same parts, where the first has every class, and no part is empty."""
    needed = set()
    for kind in range(counts.shape[1]):
        of_kind = [g for g in smallest_first if counts[g, kind]]
        here = [g for g in of_kind if part[g] == 0] or of_kind[:1]
        part[here[0]] = 0
        if len(here) == 1:
            needed.add(here[0])
    for empty in sorted(set(range(number)) - set(part.tolist())):
        sizes = np.bincount(part, minlength=number)
        free = [g for g in smallest_first if g not in needed and sizes[part[g]] > 1]
        if not free:
            raise ValueError(
                "No group can be set apart: every one is the only one of some class, "
                "which training needs. Add groups of that class. Received: "
                f"{len(part)} groups of {counts.shape[1]} classes"
            )
        part[free[0]] = empty
    return part


def deal(labels, names, number: int, seed: int) -> np.ndarray:
    """Deals single images to equal parts, all classes in proportion.

    Args:
        labels: Integer array, one per image.
        names: A name for each image. What part it gets depends on names and seed.
        number: Integer, parts; at most the number of images.
        seed: Integer.

    Returns:
        Integer array, the part of each image.
    """
    order = hash_order(names, seed, range(len(labels)))
    order = order[np.argsort(np.asarray(labels)[order], kind="stable")]
    part = np.zeros(len(labels), np.int64)
    part[order] = np.arange(len(labels)) % number
    return part
