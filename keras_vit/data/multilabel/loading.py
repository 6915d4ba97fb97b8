"""Finds data sets with several labels an image, and makes sources of them."""

import contextlib
import logging
import os

import numpy as np

from keras_vit.common.wording import canonical, display
from keras_vit.data.multilabel.lists import LABEL_COLUMNS, label_columns, scan_labels
from keras_vit.data.multilabel.source import MultiLabelSource
from keras_vit.data.readers.lists import FILE_COLUMNS, read_table
from keras_vit.data.readers.lists import LABEL_COLUMNS as ONE
from keras_vit.data.readers.looking import look
from keras_vit.data.readers.record_labels import label_sets_rule
from keras_vit.data.readers.records import RecordStore
from keras_vit.data.readers.stores import FileStore

LOGGER = logging.getLogger(__name__)

TASK = MultiLabelSource.task
# Names of columns that only lists of several labels have.
SEVERAL = tuple(name for name in LABEL_COLUMNS if name not in ONE)
SUFFIXES = (".csv", ".tsv", ".parquet")
# Where a list in or beside a folder may mean its files from.
IMAGES = ("", "images", "imgs", "img", "photos")


def found_in(place, columns=None):
    """The images and labels at a place with files; looked for once.

    Returns:
        A `Folder`, whose labels are `(N, classes)`.

    Raises:
        ValueError: if there is no list, or it is wrong.
    """
    key = (TASK, "found", repr(columns), place.any_classes)
    return place.once(key, _find, place, columns)


def look_at(place, columns=None):
    """What the headers of all images of a place say."""
    found = found_in(place, columns)
    files, labels = (np.concatenate(part) for part in zip(*found.splits.values()))
    key = (TASK, "look", repr(columns))
    return place.once(key, look, found.root, files, labels, str(place))


def splits_of(place, columns=None, data_dir=None):
    """The splits of a set, and their numbers of images."""
    if not place.has_files:
        found = _builder(place, data_dir).info.splits
        return {name: split.num_examples for name, split in found.items()}
    found = found_in(place, columns).splits
    return {split: len(files) for split, (files, _) in found.items()}


def load(place, part, *, columns=None, data_dir=None):
    """A source of images with several labels.

    Args:
        place: A `Place`.
        part: Function from the splits, `{split: (files, labels)}`, to (name, files,
            labels) of the part that is wanted. TFDS cuts its own.
        columns: As for `keras_vit.data.load`.
        data_dir: Where TFDS keeps prepared data.
    """
    if not place.has_files:
        return _of_records(place, data_dir)
    found, seen = found_in(place, columns), look_at(place, columns)
    place.once((TASK, "told", repr(columns)), _tell, place, found, seen)
    split, files, labels = part(found.splits)
    store = FileStore(found.root, files, labels, seen.shape)
    names, channels = found.class_names, seen.num_channels
    return MultiLabelSource(store, str(place.path), split, names, channels)


def list_of(folder):
    """The list of files in a folder, or beside it under the folder's name; or None.

    Raises:
        ValueError: if there are several.
    """
    folder = os.path.abspath(folder)
    inside = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
    beside = [folder + suffix for suffix in SUFFIXES]
    for paths in (inside, beside):
        lists = [path for path in paths if _is_list(path)]
        if len(lists) > 1:
            names = ", ".join(display(os.path.basename(path)) for path in lists)
            raise ValueError(
                f"{display(folder)} has several lists of files: {names}. Name the one "
                "with the labels as the data; parts are told by a column split."
            )
        if lists:
            return lists[0]
    return None


@contextlib.contextmanager
def hinting(place, columns=None):
    """Errors of one label an image say where there seem to be several."""
    try:
        yield
    except ValueError as error:
        if columns is None and (hint := hint_of(place)):
            raise ValueError(f"{error} {hint}") from None
        raise


def hint_of(place):
    """A sentence about labels of a place that were not looked for, or None."""
    with contextlib.suppress(ValueError, OSError):
        if place.kind == "list":
            return _hint_at_columns(str(place.path))
        if place.kind == "folder" and (found := list_of(place.path)):
            return f"There is a list: name {display(found)} as the data."
    return None


def _hint_at_columns(path):
    """A sentence if a list has columns of 0 and 1 that look like several labels."""
    rows, header = read_table(path, SEVERAL)
    names = [n for n in header if n.lower() not in (*FILE_COLUMNS, "split")]
    words = [name for name in names if name.lower() in SEVERAL]
    if words and not any(name.lower() in ONE for name in names):
        return (
            f"If cells of the column {display(words[0])!r} hold several labels, give "
            "task='multilabel' (--task multilabel)."
        )
    if not rows or len(set(header)) < len(header):
        return None
    found = label_columns({n: [row[n] for _, row in rows] for n in names}, names)
    found = [name for name in found if name.lower() not in (*SEVERAL, *ONE)]
    if len(found) < 2:
        return None
    shown = ", ".join(map(display, found[:3])) + ", ..." * (len(found) > 3)
    return (
        f"{display(path)} has {len(found)} columns of 0 and 1 ({shown}). If they are "
        "labels of which an image may have several, give task='multilabel' (--task "
        "multilabel)."
    )


def _find(place, columns):
    path, few = str(place.path), place.any_classes
    if place.kind == "list":
        return scan_labels(path, columns, few)
    table = list_of(path)
    if table is None:
        raise ValueError(
            f"{place} has no list of labels: a .csv, .tsv or .parquet file in it, or "
            f"beside it named {os.path.basename(os.path.abspath(path))}.csv, with a "
            f"column {' or '.join(FILE_COLUMNS[:4])}. Of class folders each image has "
            "one label; leave task='multilabel' out."
        )
    return scan_labels(table, columns, few, _root(table, path, columns))


def _root(table, folder, columns):
    """The folder from which a list means its files: where the first one is."""
    rows, header = read_table(table)
    given = canonical((columns or {}).get("file", ""))
    names = [n for n in header if n == given or n.lower() in FILE_COLUMNS]
    roots = [os.path.dirname(os.path.abspath(table))]
    roots += [os.path.join(os.path.abspath(folder), name) for name in IMAGES]
    for root in roots:
        if rows and names and os.path.lexists(os.path.join(root, rows[0][1][names[0]])):
            return root
    return roots[0]


def _is_list(path):
    """Whether a file is a table with a column of files."""
    if not path.lower().endswith(SUFFIXES) or not os.path.isfile(path):
        return False
    try:
        _, header = read_table(path)
    except (ValueError, OSError):
        return False
    return any(name.lower() in FILE_COLUMNS for name in header)


def _tell(place, found, seen):
    for note in (*found.notes, *seen.notes(str(place))):
        LOGGER.info("%s", note)


def _builder(place, data_dir):
    if place.kind == "vtab":
        raise ValueError(f"{place} has one label an image: leave task={TASK!r} out.")
    return place.builder(data_dir, several=True)


def _of_records(place, data_dir):
    builder = _builder(place, data_dir)
    known = list(builder.info.splits)
    first = "train" if "train" in known or not known else known[0]
    rule = label_sets_rule(builder.info, str(place))
    store = RecordStore(builder, place.split or first, str(place), rule=rule)
    names, channels, split = store.class_names, store.num_channels, store.split
    if not builder.info.splits:  # TFDS's mock doesn't count
        store = store.read()
    return MultiLabelSource(store, str(place), split, names, channels)
