"""Lists of files with labels: CSV, TSV and Parquet tables, one row per image."""

import csv
import os

import numpy as np

from keras_vit.common.installed import need
from keras_vit.common.progress import sign_of_life
from keras_vit.common.wording import canonical, display
from keras_vit.data.readers.folders import SPLIT_FOLDERS, Folder
from keras_vit.data.readers.labels import read_labels

FILE_COLUMNS = ("file", "path", "image", "filename", "file_name", "filepath")
LABEL_COLUMNS = ("label", "class")
SPLIT_COLUMNS = ("split",)
MANY_LINES = 5  # named in an error


def scan_list(
    path: str, columns: dict | None = None, any_classes: bool = False
) -> Folder:
    """Reads a list of files.

    Args:
        path: A `.csv`, `.tsv` or `.parquet` file with a header. Paths in it are
            relative to its folder, or absolute.
        columns: The names of the columns, `{"file": ..., "label": ..., "split": ...}`.
            Those not given are found by their usual names, in small or capital letters:
            file, path, image or filename; label or class; split, which may be absent.
        any_classes: As for `folders.scan`.

    Returns:
        What `folders.scan` gives for a folder. Files keep the order of the list. Class
        names are sorted, as numbers where all labels are whole numbers, which may be
        written as 1.0; label `i` is the `i`-th of them.

    Raises:
        ValueError: naming the line, for a missing file, an empty label, a file that is
            listed twice, or an unknown split; or if there is one class only.
    """
    columns = {role: canonical(name) for role, name in (columns or {}).items()}
    of_labels = (columns.get("label"), *LABEL_COLUMNS)
    rows, header = read_table(path, of_labels)
    file_column, label_column, split_column = _columns(path, header, columns)
    shown, root = display(path), os.path.dirname(os.path.abspath(path))
    if not rows:
        raise ValueError(f"{shown} lists no files: there is nothing below its header.")
    files = [relative_path(row[file_column], root) for _, row in rows]
    labels = [row[label_column] for _, row in rows]
    lines = [line for line, _ in rows]
    refuse_rows(shown, lines, [not file for file in files], "no file")
    refuse_rows(shown, lines, [not label for label in labels], "an empty label")
    labels, gaps, notes, warnings = read_labels(labels)
    gaps = set(gaps)
    missing = [place in gaps for place in range(len(rows))]
    refuse_rows(shown, lines, missing, "a missing label among numbers", labels)
    files = find_files(shown, root, files, lines)
    refuse_repeated(shown, lines, files, labels)
    splits = ["all"] * len(rows)
    if split_column is not None:
        splits = [split_of(row[split_column]) for _, row in rows]
        refuse_rows(
            shown, lines, [not s for s in splits], "no train, validation or test"
        )
    names = _class_names(shown, labels, splits, any_classes)
    known = {name: number for number, name in enumerate(names)}
    new = [label not in known for label in labels]
    refuse_rows(shown, lines, new, "a class that the training part lacks", labels)
    numbers = np.asarray([known[label] for label in labels], np.int64)
    found = {}
    for split in ("all", *SPLIT_FOLDERS):
        places = [place for place, name in enumerate(splits) if name == split]
        if places:
            found[split] = np.asarray(files, object)[places], numbers[places]
    notes = tuple(f"{shown}: {note}" for note in notes)
    warnings = tuple(f"{shown}: {warning}" for warning in warnings)
    return Folder(root, names, found, notes, warnings)


def read_column(path: str, name: str, columns: dict | None = None):
    """A further column of a list: the value of each file, or `None` without the column.

    Args:
        path, columns: As for `scan_list`.
        name: The name of the column.

    Raises:
        ValueError: naming the lines in which it is empty.
    """
    rows, header = read_table(path)
    if canonical(name) not in header:
        return None
    values = [row[canonical(name)] for _, row in rows]
    empty = [not value for value in values]
    refuse_rows(display(path), [line for line, _ in rows], empty, f"an empty {name}")
    given = canonical((columns or {}).get("file", ""))
    usual = (given,) if given else FILE_COLUMNS
    file = next(n for n in header if n in usual or (not given and n.lower() in usual))
    root = os.path.dirname(os.path.abspath(path))
    files = [canonical(relative_path(row[file], root)) for _, row in rows]
    return dict(zip(files, values))


def find_files(shown, root, files, lines):
    """The files as they are spelled on the disk; raises for those that are not there.

    A list and a disk may write the same name in two Unicode forms.
    """
    found, missing, folders = [], [], {}
    with sign_of_life(f"looking for the files of {shown}") as tell:
        for count, file in enumerate(files, 1):
            if not os.path.lexists(os.path.join(root, file)):
                file = _spelled(root, file, folders) or file
                missing.append(not os.path.lexists(os.path.join(root, file)))
            else:
                missing.append(False)
            found.append(file)
            if count % 1000 == 0:
                tell(count, len(files))
    refuse_rows(shown, lines, missing, "a file that is not there", files)
    return found


def _spelled(root, file, folders):
    """The path that differs from `file` in its Unicode form only, or None."""
    path = ""
    for name in file.split("/"):
        if path not in folders:
            try:
                names = os.listdir(os.path.join(root, path) if path else root)
            except OSError:
                names = []
            folders[path] = {canonical(n): n for n in names} | {n: n for n in names}
        if name not in ("", ".."):
            name = folders[path].get(name) or folders[path].get(canonical(name))
        if name is None:
            return None
        path = f"{path}/{name}" if path or not name else name
    return path


def read_table(path, of_labels=()):
    """Reads a `.csv`, `.tsv` or `.parquet` file with a header.

    Args:
        path: Its path.
        of_labels: Names of columns, in small letters, that may hold lists.

    Returns:
        ([(line number, row as a dictionary of strings), ...], header).

    Raises:
        ValueError: if it cannot be read.
    """
    if path.lower().endswith(".parquet"):
        return _read_parquet(path, of_labels)
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            delimiter = max(",;\t", key=file.readline().count)
            file.seek(0)
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            header = [canonical(name.strip()) for name in next(reader, [])]
            rows = [
                (reader.line_num, _row(path, reader, header, cells))
                for cells in reader
                if any(cell.strip() for cell in cells)
            ]
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{display(path)} can't be read: {error}") from None
    return rows, header


def _row(path, reader, header, cells):
    if len(cells) != len(header):
        raise ValueError(
            f"{display(path)}, line {reader.line_num}: {len(cells)} columns under a "
            f"header of {len(header)}. Put values that hold the separator in quotes."
        )
    return {name: cell.strip() for name, cell in zip(header, cells)}


def _read_parquet(path, of_labels):
    need("A list in Parquet, unlike one in CSV,", "parquet", "pyarrow")
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"{display(path)} can't be read: {error}") from None
    # Columns of images or boxes are not looked at; lists of labels are.
    texts = {}
    for name, column in zip(map(canonical, table.column_names), table.columns):
        if {name, name.lower()} & set(of_labels) or not pyarrow.types.is_nested(
            column.type
        ):
            texts[name] = [_text(value) for value in column.to_pylist()]
    rows = [
        (number + 1, {name: texts[name][number] for name in texts})
        for number in range(table.num_rows)
    ]
    return rows, list(texts)


def _text(value):
    if isinstance(value, list | dict):
        return str(value)
    if value is None or value != value:  # pandas writes NaN where a cell is empty
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # and whole numbers as floats, then
    return str(value).strip()


def _columns(path, header, given):
    """The names of the columns of files, labels and splits (None without)."""
    usual = {"file": FILE_COLUMNS, "label": LABEL_COLUMNS, "split": SPLIT_COLUMNS}
    repeated = sorted({name for name in header if header.count(name) > 1})
    if unknown := set(given) - set(usual):
        raise ValueError(
            "`columns` names the columns 'file', 'label' and 'split'. "
            f"Received: {', '.join(sorted(unknown))}"
        )
    if repeated:
        raise ValueError(f"{display(path)} has two columns {', '.join(repeated)}.")
    found = []
    for role, names in usual.items():
        matches = [name for name in header if name.lower() in names]
        if role in given:
            matches = [name for name in header if name == given[role]]
        if not matches and role == "split" and role not in given:
            found.append(None)
            continue
        if len(matches) != 1:
            raise ValueError(
                f"{display(path)} must have one column of the {role}s, named "
                f"{' or '.join([given[role]] if role in given else names)}. "
                f"Its columns: {', '.join(header) or 'none'}. Name the right one with "
                f"columns={{'{role}': ...}}."
            )
        found += matches
    return found


def relative_path(file, root):
    """The path from the list's folder, with forward slashes; "" stays."""
    if not file:
        return ""
    file = os.path.expanduser(file)
    if os.path.isabs(file):
        file = os.path.relpath(file, root)
    return os.path.normpath(file).replace(os.sep, "/")


def split_of(text):
    """The split that a word means, or None."""
    names = {name: split for split, names in SPLIT_FOLDERS.items() for name in names}
    return names.get(text.lower())


def _class_names(shown, labels, splits, any_classes):
    used = (
        set(labels)
        if "all" in splits or any_classes
        else {label for label, split in zip(labels, splits) if split == "train"}
    )
    if not used:
        raise ValueError(
            f"{shown} has a split column, and no row of the split 'train'."
        )
    if len(used) < 2 and not any_classes:
        raise ValueError(
            f"{shown} has only one class, {next(iter(used))!r}: there is nothing to "
            "tell apart."
        )
    numbers = all(label.lstrip("-").isdecimal() for label in used)
    return sorted(used, key=(lambda label: (int(label), label)) if numbers else str)


def refuse_rows(shown, lines, bad, what, values=None):
    """Raises if any row is bad, with the lines of the first ones."""
    places = [place for place, wrong in enumerate(bad) if wrong]
    if not places:
        return
    named = [
        f"line {lines[place]}" + (f" ({display(values[place])})" if values else "")
        for place in places[:MANY_LINES]
    ]
    more = f" and {len(places) - MANY_LINES} more" if len(places) > MANY_LINES else ""
    raise ValueError(f"{shown} has {what} in {', '.join(named)}{more}.")


def refuse_repeated(shown, lines, files, labels):
    """Raises if a file is listed twice."""
    first = {}
    for place, (line, file) in enumerate(zip(lines, files)):
        if file in first:
            before = first[file]
            two = dict.fromkeys([labels[before], labels[place]])
            also, more = "", ", and one label"
            if len(two) > 1:
                also = f", with the labels {' and '.join(map(str, two))}"
                more = (
                    ": write several labels into its one row, and give "
                    "task='multilabel' (--task multilabel)"
                )
            raise ValueError(
                f"{shown} lists {display(file)} twice, in lines {lines[before]} and "
                f"{line}{also}. An image can have one row only{more}."
            )
        first[file] = place
