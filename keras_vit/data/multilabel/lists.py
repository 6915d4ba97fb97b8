"""Lists of files with several labels an image: columns of 0 and 1, or one of words."""

import os

import numpy as np

from keras_vit.common.wording import canonical, display
from keras_vit.data.multilabel.texts import binary, split_texts
from keras_vit.data.readers.folders import SPLIT_FOLDERS, Folder
from keras_vit.data.readers.lists import (
    FILE_COLUMNS,
    SPLIT_COLUMNS,
    find_files,
    read_table,
    refuse_repeated,
    refuse_rows,
    relative_path,
    split_of,
)

LABEL_COLUMNS = ("labels", "label", "classes", "class", "tags")
# A column of which at least so large a share is 0 or 1 is meant as labels.
MEANT = 0.9
# Columns of 0 and 1 that often are no labels.
FACTS = ("sex", "gender", "male", "female", "age", "smoker", "fold")
FACTS += ("is_train", "is_test", "train", "test", "valid")
NAMED = 5


def scan_labels(path, columns=None, any_classes=False, root=None) -> Folder:
    """Reads a list of files with any number of labels each.

    Args:
        path: A `.csv`, `.tsv` or `.parquet` file with a header.
        columns: The names of the columns: `{"file": ..., "label": ..., "split": ...}`;
            of labels also a list of names, one for each class. Those not given are
            found by their usual names: file, path, image or filename; split; and
            labels, label, classes, class or tags, or else all columns whose cells are 0
            or 1.
        any_classes: Whether parts may have classes that training lacks, and classes no
            image. For evaluation.
        root: The folder that paths are relative to. Defaults to that of the list.

    Returns:
        A `Folder`, whose labels are `int64` `(N, classes)`.

    Raises:
        ValueError: naming the line, for a wrong value, a class that training lacks, a
            file that is missing or listed twice, or an unknown split; or naming the
            class that no training image has.
    """
    columns, shown = dict(columns or {}), display(path)
    root = os.path.dirname(os.path.abspath(path)) if root is None else root
    if unknown := set(columns) - {"file", "label", "split"}:
        raise ValueError(
            "`columns` names the columns 'file', 'label' and 'split'. "
            f"Received: {', '.join(sorted(unknown))}"
        )
    given = columns.get("label")
    given = [given] if isinstance(given, str) else list(given or ())
    given = [canonical(name) for name in given]
    rows, header = read_table(path, (*LABEL_COLUMNS, *given))
    if not rows:
        raise ValueError(f"{shown} lists no files: there is nothing below its header.")
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise ValueError(f"{shown} has two columns {', '.join(repeated)}.")
    lines = [line for line, _ in rows]
    cells = {name: [row[name] for _, row in rows] for name in header}
    file_column = _one(shown, header, columns.get("file"), FILE_COLUMNS, "file")
    split_column = columns.get("split")
    if split_column or any(name.lower() in SPLIT_COLUMNS for name in header):
        split_column = _one(shown, header, split_column, SPLIT_COLUMNS, "split")
    others = [name for name in header if name not in (file_column, split_column)]
    files = [relative_path(file, root) for file in cells[file_column]]
    refuse_rows(shown, lines, [not file for file in files], "no file")
    files = find_files(shown, root, files, lines)
    refuse_repeated(shown, lines, files, lines)
    splits = ["all"] * len(rows)
    if split_column is not None:
        splits = [split_of(text) for text in cells[split_column]]
        refuse_rows(
            shown, lines, [not s for s in splits], "no train, validation or test"
        )
    learned = np.asarray([s in ("all", "train") or any_classes for s in splits])
    if not learned.any():
        raise ValueError(
            f"{shown} has a split column, and no row of the split 'train'."
        )
    names, labels, notes = _labels(shown, lines, cells, others, given, learned)
    _check_classes(shown, names, labels[learned], any_classes)
    found, files = {}, np.asarray(files, object)
    for split in ("all", *SPLIT_FOLDERS):
        places = [place for place, name in enumerate(splits) if name == split]
        if places:
            found[split] = files[places], labels[places]
    return Folder(root, names, found, tuple(f"{shown}: {note}" for note in notes))


def label_columns(cells, names):
    """Those of some columns whose cells are meant as 0 and 1.

    Args:
        cells: Dictionary of column to its texts.
        names: Columns to look at.
    """
    found = []
    for name in names:
        values = binary(cells[name])
        if (values >= 0).mean() >= MEANT:
            found.append(name)
    return found


def _one(shown, header, given, usual, role):
    names = [canonical(given)] if given else usual
    found = [n for n in header if (n in names if given else n.lower() in names)]
    if len(found) != 1:
        raise ValueError(
            f"{shown} must have one column of the {role}s, named "
            f"{' or '.join(names)}. Its columns: {', '.join(header)}. Name the right "
            f"one with columns={{'{role}': ...}}."
        )
    return found[0]


def _labels(shown, lines, cells, others, given, learned):
    """(class names, 0 and 1 `(N, classes)`, notes)."""
    missing = [name for name in given if name not in cells]
    if missing:
        raise ValueError(
            f"{shown} has no column {', '.join(missing)}. Its columns: "
            f"{', '.join(cells)}"
        )
    words = [name for name in others if name.lower() in LABEL_COLUMNS]
    if len(given) == 1 or (not given and len(words) == 1):
        column = (given or words)[0]
        left = label_columns(cells, [n for n in others if n != column])
        names, labels, notes = _of_words(shown, lines, cells[column], column, learned)
        if left:
            notes.append(
                f"the columns {', '.join(left[:NAMED])} are not read as labels."
            )
        return names, labels, notes
    if not given and len(words) > 1:
        raise ValueError(
            f"{shown} has several columns of labels: {', '.join(words)}. Name the "
            "right one with columns={'label': ...}."
        )
    names = given or label_columns(cells, others)
    if not names:
        raise ValueError(
            f"{shown} must have its labels in a column named "
            f"{' or '.join(LABEL_COLUMNS)}, with a separator between several, or in a "
            "column for each class, with 0 or 1 in every row. Its columns: "
            f"{', '.join(cells)}."
        )
    columns = [binary(cells[name]) for name in names]
    for name, values in zip(names, columns):
        what = f"a value other than 0 and 1 in the column {display(name)!r}"
        shown_cells = [cell or "empty" for cell in cells[name]]
        refuse_rows(shown, lines, (values < 0).tolist(), what, shown_cells)
    aside = [name for name in others if name not in names]
    few = ", ".join(map(display, names[:NAMED])) + ", ..." * (len(names) > NAMED)
    note = f"the classes are the {len(names)} columns of 0 and 1: {few}."
    facts = [name for name in names if name.lower() in FACTS]
    if facts and not given:
        note += (
            f" The column {' and '.join(map(display, facts))} is learned as a label, "
            "too: remove it from the list if it is none."
        )
    if aside:
        note += f" Not read: {', '.join(map(display, aside[:NAMED]))}."
    return list(names), np.stack(columns, axis=1), [note]


def _of_words(shown, lines, texts, column, learned):
    labels, note = split_texts(texts, shown, column)
    used = {name for here, own in zip(learned, labels) if here for name in own}
    new = [sorted(set(own) - used) for own in labels]
    refuse_rows(
        shown,
        lines,
        [bool(names) for names in new],
        "a class that the training part lacks",
        [", ".join(names) for names in new],
    )
    numbers = all(name.lstrip("-").isdecimal() for name in used)
    names = sorted(used, key=(lambda n: (int(n), n)) if numbers else str)
    place = {name: number for number, name in enumerate(names)}
    found = np.zeros((len(texts), len(names)), np.int64)
    for row, own in enumerate(labels):
        found[row, [place[name] for name in own]] = 1
    return names, found, [note]


def _check_classes(shown, names, learned, any_classes):
    if any_classes:
        return
    empty = [name for name, count in zip(names, learned.sum(axis=0)) if not count]
    if empty:
        more = f" and {len(empty) - NAMED} more" if len(empty) > NAMED else ""
        raise ValueError(
            f"{shown}: no training image has the label "
            f"{', '.join(map(display, empty[:NAMED]))}{more}, so it cannot be learned. "
            "Remove its column, or add images."
        )
    if len(names) < 2:
        raise ValueError(
            f"{shown} has {len(names)} classes. Several labels an image need two "
            "classes or more; one question with yes and no is a list of one label, "
            "without task='multilabel'."
        )
