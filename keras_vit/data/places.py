"""Opens a data set by name: finds its location, split and files."""

import dataclasses
import logging
import os
import pathlib
import re

import numpy as np

from keras_vit.common.regular import check_regular
from keras_vit.common.wording import display, hint
from keras_vit.data import subsets
from keras_vit.data.readers import folders
from keras_vit.data.readers.lists import scan_list
from keras_vit.data.readers.looking import Look, look
from keras_vit.data.readers.record_labels import label_sets_rule, reading_of
from keras_vit.data.sets.catalog import EMBEDDED
from keras_vit.data.sets.downloads import prepare, quiet
from keras_vit.data.sets.prepared import VERSION, find_builder, prepared_directory
from keras_vit.data.sets.vtab import VTAB, VTAB_PREFIX, VTAB_SPLITS, VtabTask

LOGGER = logging.getLogger(__name__)

LIST_SUFFIXES = (".csv", ".tsv", ".parquet")


@dataclasses.dataclass(frozen=True)
class Place:
    """What the name of a data set refers to. Made by `open_place`.

    What is found there, the files of a folder or list, their sizes and channels, or the
    TFDS builder, is kept. So functions that are given the same place look only once.

    Attributes:
        kind: "folder", "list", "prepared" (a TFDS directory), "vtab" or "tfds" (a TFDS
            name or an embedded set).
        path: `pathlib.Path`, or the name.
        split: The split that the name ends with, or None.
        parts: The parts of it, a tuple of `Subset`.
        any_classes: Whether a folder or list may have one class only, and parts that
            differ in their classes; training wants more, evaluation does not.
    """

    kind: str
    path: pathlib.Path | str
    split: str | None = None
    parts: tuple[subsets.Subset, ...] = ()
    any_classes: bool = False
    _found: dict = dataclasses.field(default_factory=dict, compare=False, repr=False)

    def __str__(self):
        return display(self.path)

    @property
    def full_name(self) -> str:
        """A name that means the same from every working folder."""
        path = self.path
        if isinstance(path, pathlib.Path):
            path = os.path.abspath(path)
        part = (self.split or "") + "".join(map(str, self.parts))
        return f"{path}:{part.lstrip(',')}" if part else path

    @property
    def has_files(self) -> bool:
        """Whether it is a folder or a list of image files."""
        return self.kind in ("folder", "list")

    @property
    def vtab_task(self) -> VtabTask | None:
        """The row of a VTAB task; None for other places."""
        return VTAB[self.path[len(VTAB_PREFIX) :]] if self.kind == "vtab" else None

    def with_split(self, split: str | None) -> "Place":
        """The same place with another split, such as `"train[:80%],per_class=10"`."""
        base, parts = subsets.parse(split)
        return dataclasses.replace(self, split=base, parts=parts)

    def scan(self, columns=None, labelled: bool = True) -> folders.Folder:
        """The files of a folder or a list; see `keras_vit.data.load`."""
        if columns is not None and self.kind == "folder":
            raise ValueError(
                f"`columns` is for lists of files. Received: {self}, columns={columns}"
            )
        path, few = str(self.path), self.any_classes
        if self.kind == "list":
            key = ("list", repr(columns), few)
            return self.once(key, scan_list, path, columns, few)
        if not labelled:
            return self.once("unlabelled", folders.scan_unlabelled, path)
        return self.once(("folder", few), folders.scan, path, few)

    def look(self, columns=None, labelled: bool = True) -> Look:
        """What the headers of all images of a folder or a list say."""
        folder = self.scan(columns, labelled)
        files, labels = (np.concatenate(c) for c in zip(*folder.splits.values()))
        key = ("look", repr(columns), labelled)
        return self.once(key, look, folder.root, files, labels, str(self))

    def tell(self, columns=None, labelled: bool = True):
        """Logs, the first time, what a user should know of a folder or a list."""
        self.once(("told", repr(columns), labelled), self._tell, columns, labelled)

    def _tell(self, columns, labelled):
        folder = self.scan(columns, labelled)
        for note in (*folder.notes, *self.look(columns, labelled).notes(str(self))):
            LOGGER.info("%s", note)
        for warning in folder.warnings:
            LOGGER.warning("%s", warning)

    def builder(self, data_dir=None, several: bool = False):
        """The TFDS builder; its data are prepared, downloaded first where needed.

        Args:
            data_dir: As for `keras_vit.data.load`.
            several: Whether an image has several labels.

        Raises:
            ValueError: if there is no such set, or it has no labels, which is found out
                before a download.
            ConnectionError: if it must be downloaded and no host can be reached.
        """
        key = ("builder", None if data_dir is None else str(data_dir))
        return self.once(key, self._prepared, data_dir, several)

    def _prepared(self, data_dir, several):
        name = self.vtab_task.dataset if self.vtab_task else self.path
        builder, there = find_builder(name, data_dir)
        if not there:
            if several:
                label_sets_rule(builder.info, str(self))
            elif self.vtab_task is None:
                reading_of(builder.info, str(self))
            with quiet():
                prepare(builder, name)
        return builder

    def splits(self, data_dir=None, columns=None, labelled=True) -> dict[str, int]:
        """All splits and their numbers of examples; see `keras_vit.data.splits`."""
        if self.has_files:
            found = self.scan(columns, labelled).splits
            return {split: len(files) for split, (files, _) in found.items()}
        if task := self.vtab_task:
            return {**VTAB_SPLITS, "test": task.num_test}
        found = self.builder(data_dir).info.splits
        return {key: split.num_examples for key, split in found.items()}

    def once(self, key, find, *arguments):
        """What `find(*arguments)` returns, which is called for the first `key` only."""
        if key not in self._found:
            self._found[key] = find(*arguments)
        return self._found[key]


def open_place(name) -> Place:
    """Finds what the name of a data set refers to, without reading its files.

    What exists as a file or folder is that; a split may follow after a colon.

    Args:
        name: As for `keras_vit.data.load`; or a pair of a name and a split, which
            replaces the name's own; or a `Place`, which is returned as it is.

    Raises:
        ValueError: if nothing is where it points, or it is no name at all.

    Example:

    >>> photos = keras_vit.data.open_place("./photos")
    >>> train, test = keras_vit.data.load_splits(photos)  # looks for the files
    >>> everything = keras_vit.data.load(photos.with_split("all"))  # knows them
    """
    if isinstance(name, Place):
        return name
    if isinstance(name, tuple):
        return open_place(name[0]).with_split(name[1])
    path, split = _parse(name)
    return Place(_kind(path), path).with_split(split)


def _parse(name):
    """(`pathlib.Path` or name, split or None)."""
    text = os.path.expanduser(os.fspath(name))
    plain = isinstance(name, str) and text.partition(":")[0] in EMBEDDED
    if not plain:
        for cut in [len(text), *(match.start() for match in re.finditer(":", text))]:
            if os.path.exists(text[:cut]):
                return pathlib.Path(text[:cut]), text[cut + 1 :] or None
    if os.path.islink(text.partition(":")[0]):
        _check_file(text.partition(":")[0])
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


def _check_file(path):
    """Raises for a pipe, a device, or a link that leads nowhere."""
    try:
        check_regular(path)
    except ValueError as error:
        raise ValueError(f"{error} Name a folder of images, or a list file.") from None


def _kind(path):
    if isinstance(path, pathlib.Path):
        if not path.is_dir():
            _check_file(path)
        if path.suffix.lower() in LIST_SUFFIXES and path.is_file():
            return "list"
        return "folder" if prepared_directory(path) is None else "prepared"
    if not path.startswith(VTAB_PREFIX):
        return "tfds"
    task = path[len(VTAB_PREFIX) :]
    if task not in VTAB:
        names = [VTAB_PREFIX + name for name in VTAB]
        raise ValueError(
            f"VTAB has no task {task!r}.{hint(path, names, str)} "
            f"Its tasks: {', '.join(VTAB)}"
        )
    return "vtab"
