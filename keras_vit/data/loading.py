"""From a name or a path to sources."""

import logging
import os
import pathlib
import re

import numpy as np

from keras_vit.data import folders
from keras_vit.data.catalog import EMBEDDED
from keras_vit.data.prepared import VERSION, builder_of, prepared_directory
from keras_vit.data.records import RecordStore
from keras_vit.data.source import Source
from keras_vit.data.stores import FileStore, display

LOGGER = logging.getLogger(__name__)


def load(
    name,
    data_dir=None,
    *,
    corrupt: str = "error",
    test_fraction: float = 0.2,
    split_seed: int = 0,
    progress=None,
) -> Source:
    """Finds a data set by its name or path.

    Args:
        name: `"fashion_mnist_mini"`, which ships with the package; the path of a
            folder, `root/<class>/*.jpg` or `root/<train, val, test>/<class>/*.jpg`;
            the path of a prepared TFDS directory (with `dataset_info.json`, or a parent
            of its versions); or any TFDS name (`"cifar10"`, `"name/config:1.0.0"`).
            A split may follow after a colon, in TFDS's syntax: `"cifar10:train[:80%]"`.
            Defaults to the split `"train"`. Folders without split folders have the
            splits `"train"` and `"test"`, drawn class by class, and `"all"`.
        data_dir: Where TFDS keeps prepared data. Defaults to the environment's
            `TFDS_DATA_DIR`, or else `~/tensorflow_datasets`.
        corrupt: `"error"`: a broken image stops whoever reads it, with its name.
            `"skip"`: all images are read once now, and the broken ones left out, so
            that the number of examples is known and the same in every epoch; they are
            logged and listed in `Source.skipped`.
        test_fraction: Share of the test images where a folder has to be split.
        split_seed: Integer, the seed of that.
        progress: None, or a function (images read, images in all), for `"skip"`.

    Returns:
        A `Source`.

    Raises:
        ValueError: if there is no such set, split, folder or label, naming it.
        ConnectionError: if the data must be downloaded and no host can be reached.

    Example:

    >>> source = keras_vit.data.load("./photos:train")
    >>> source.class_names
    ['cat', 'dog']
    """
    if corrupt not in ("error", "skip"):
        raise ValueError(
            f"`corrupt` must be 'error' or 'skip'. Received: corrupt={corrupt!r}"
        )
    place, split = _parse(name)
    if _is_folder(place):
        source = _folder_source(place, split, test_fraction, split_seed)
    else:
        source = _record_source(builder_of(place, data_dir), display(place), split)
    return source.without_corrupt(progress) if corrupt == "skip" else source


def splits(name, data_dir=None) -> dict[str, int]:
    """The splits that a data set has, and their numbers of examples.

    Args:
        name: As for `load`. A folder without split folders has `"all"`.
        data_dir: As for `load`.
    """
    place, _ = _parse(name)
    if _is_folder(place):
        found = folders.scan(str(place)).splits
        return {split: len(files) for split, (files, _) in found.items()}
    info = builder_of(place, data_dir).info
    return {key: split.num_examples for key, split in info.splits.items()}


def load_splits(
    name, data_dir=None, *, train: str | None = None, test: str | None = None, **options
) -> tuple[Source, Source]:
    """A data set's training and test part.

    Args:
        name: As for `load`; a split in it is the training part.
        data_dir: As for `load`.
        train: Split. Defaults to `"train"`.
        test: Split. Defaults to `"test"` or, where there is none, `"validation"`. A
            folder that has neither is split class by class (`test_fraction`,
            `split_seed`); a TFDS set, which is stored in a random order, is cut.
        **options: As for `load`.

    Returns:
        (train, test), both `Source`.
    """
    place, split = _parse(name)
    known = splits(place, data_dir)
    train = train or split
    if test is None:
        made = "test" if _is_folder(place) or not known else None
        test = next((s for s in ("test", "validation") if s in known), made)
    if test is None:
        whole = train or next(iter(known))
        if "[" in whole or "+" in whole:
            raise ValueError(
                f"{display(place)} has no test split: name the part for the test too. "
                f"Received: train={whole!r}, splits: {', '.join(known)}"
            )
        cut = 100 - round(100 * options.get("test_fraction", 0.2))
        train, test = f"{whole}[:{cut}%]", f"{whole}[{cut}%:]"
        LOGGER.info("%s has no test split: using %s and %s", place, train, test)
    first = load((place, train or "train"), data_dir, **options)
    return first, load((place, test), data_dir, **options)


def _parse(name):
    """(`pathlib.Path` or TFDS name, split or None); also a pair of both."""
    if isinstance(name, tuple):
        return _parse(name[0])[0], name[1]
    text = os.path.expanduser(os.fspath(name))
    plain = isinstance(name, str) and text.partition(":")[0] in EMBEDDED
    if not plain:
        for cut in [len(text), *(match.start() for match in re.finditer(":", text))]:
            if os.path.exists(text[:cut]):
                return pathlib.Path(text[:cut]), text[cut + 1 :] or None
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


def _is_folder(place) -> bool:
    """Whether a place is a folder of images, not a prepared TFDS directory."""
    return isinstance(place, pathlib.Path) and prepared_directory(place) is None


def _record_source(builder, name, split):
    known = list(builder.info.splits)
    split = split or ("train" if "train" in known or not known else known[0])
    store = RecordStore(builder, split, name)
    names, channels = store.class_names, store.num_channels
    if not known:  # TFDS's mock doesn't count
        store = store.read()
    return Source(store, name, split, names, channels)


def _folder_source(path, split, test_fraction, split_seed):
    folder = folders.scan(str(path))
    match = re.fullmatch(r"(\w+)\s*(\[.*\])?", split or "train")
    base, brackets = match.groups() if match else (split, None)
    found = folder.splits
    made = not {"test", "validation"} & set(found)  # the test part, by ourselves
    if base in ("train", "test") and made:
        files, labels = found.get("train", found.get("all"))
        parts = folders.stratified(files, labels, test_fraction, split_seed)
        keep = parts[base == "test"]
        files, labels = files[keep], labels[keep]
    elif base in found:
        files, labels = found[base]
    elif base == "all":
        files, labels = (np.concatenate(part) for part in zip(*found.values()))
    else:
        known = [*found, *(("train", "test") if made else ()), "all"]
        raise ValueError(
            f"{display(path)} has the splits {', '.join(dict.fromkeys(known))}. "
            f"Received: split={split!r}"
        )
    if brackets:
        # In the order of a hash, or a part would hold the first classes only.
        order = folders.hash_order(files, split_seed, np.arange(len(files)))
        keep = np.sort(order[folders.slice_of(len(files), brackets)])
        files, labels = files[keep], labels[keep]
    if not len(files):
        raise ValueError(f"{display(path)}: the split {split!r} holds no images.")
    shape, channels = folders.peek(str(path), files)
    store = FileStore(str(path), files, labels, shape)
    return Source(store, str(path), split or base, folder.class_names, channels)
