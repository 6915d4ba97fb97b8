"""Loads data sets by name or path, and arrays."""

import dataclasses
import logging
import re

import numpy as np

from keras_vit.common.checks import check_choice
from keras_vit.data.dense import loading as dense
from keras_vit.data.drawing import Drawing, part_of
from keras_vit.data.multilabel import loading as multilabel
from keras_vit.data.multilabel.source import of_label_sets
from keras_vit.data.places import open_place
from keras_vit.data.readers.grouping import groups_of
from keras_vit.data.readers.records import RecordStore
from keras_vit.data.readers.request import in_order
from keras_vit.data.readers.stores import FileStore, PixelStore
from keras_vit.data.source import Source
from keras_vit.data.subsets import fold_of

LOGGER = logging.getLogger(__name__)

TASKS = (Source.task, multilabel.TASK, *dense.TASKS)


def load(
    name,
    data_dir=None,
    *,
    corrupt: str = "error",
    test_fraction: float = 0.2,
    split_seed: int = 0,
    columns: dict | None = None,
    labelled: bool = True,
    progress=None,
    task: str = "classification",
    group_by: str | None = None,
) -> Source:
    """Finds a data set by its name or path.

    Args:
        name: What to load:

            - `"fashion_mnist_mini"`, which ships with the package;
            - a folder, `root/<class>/*.jpg` or `root/<train, val, test>/<class>/*.jpg`;
            - a list of files, `.csv`, `.tsv` or `.parquet`, with the columns file (or
              path, image, filename), label (or class) and, if there are parts, split;
              paths are relative to the list;
            - a prepared TFDS directory (with `dataset_info.json`, or a parent of its
              versions);
            - a TFDS name, `"cifar10"`, `"name/config:1.0.0"`;
            - a task of VTAB-1k, `"vtab/dtd"`, with the splits `"train800val200"` (the
              default, also `"train1000"`), `"train800"`, `"val200"` and `"test"`.

            A split may follow after a colon, in TFDS's syntax: `"cifar10:train[:80%]"`.
            Defaults to `"train"`. Folders and lists without splits of their own have
            `"train"` and `"test"`, drawn class by class, and `"all"`. Behind the split,
            a part of it can be asked for (`Source.take_fraction`, `take_per_class`):
            `"cifar10:train,fraction=1%,seed=0"`, `"photos:train,per_class=10"`.
            Or what `open_place` makes of a name: then several calls look for the files
            of a folder once.
        data_dir: Where TFDS keeps prepared data. Defaults to the environment's
            `TFDS_DATA_DIR`, or else `~/tensorflow_datasets`.
        corrupt: `"error"`: a broken image stops whoever reads it, with its name.
            `"skip"`: all images are read once now, and the broken ones left out, so
            that the number of examples is known and the same in every epoch; they are
            logged and listed in `Source.skipped`.
        test_fraction: Share of the test images where a folder or list has to be split.
        split_seed: Integer, the seed of that.
        columns: The columns of a list that have other names, such as
            `{"file": "photo", "label": "species", "split": "fold"}`. With
            `"multilabel"`, `"label"` may be a list of columns of 0 and 1.
        labelled: Whether the folders of a folder are classes. If not, all images below
            it are taken, and labelled 0; other sources are as they are.
        progress: None, or a function (images read, images in all), for `"skip"`.
        task: `"classification"`; `"multilabel"`, for images with any number of labels:
            a list, or a folder with a list in or beside it, with a column labels whose
            cells hold several (`cat;dog`), or a column of 0 and 1 for each class, and
            TFDS sets with lists of class labels; `"segmentation"`, for images with
            masks; or `"detection"`, for images with boxes. Their annotations are read
            once, to say what they hold and to refuse what is wrong before training.
            Masks lie in `images/` and `masks/` with equal names, or these two in
            `train/` and `test/`: palette or grey images whose values are the classes,
            255 not counted, coloured ones with colours.json beside the folders, or a
            binary one for each class, `masks/<class>/`. Masks and boxes are read from
            COCO json, YOLO txt and LabelMe json, boxes from VOC xml, too; and both from
            TFDS, one split of up to 4 GiB in memory.
        group_by: What keeps images together, of folders and lists: a column of the
            list, or a regular expression on the files' paths with one group, such as
            `r"(patient\\d+)_"`. Parts that are drawn here, and those of `hold_out`,
            then never share a group.

    Returns:
        A `Source`; of several labels a `MultiLabelSource`, for segmentation a
        `MaskSource`, for detection a `BoxSource`.

    Raises:
        ValueError: if there is no such set, split, folder or label, naming it.
        ConnectionError: if the data must be downloaded and no host can be reached.

    Example:

    >>> source = keras_vit.data.load("./photos:train")
    >>> source.class_names
    ['cat', 'dog']
    """
    check_choice(corrupt, ("error", "skip"), "corrupt")
    check_choice(task, TASKS, "task")
    place = open_place(name)
    drawn = Drawing(test_fraction, split_seed, group_by, columns)
    if group_by is not None and not place.has_files:
        groups_of(place, group_by, ())  # says why not

    def part(found):
        return part_of(place, found, drawn)

    if task == multilabel.TASK:
        options = {"columns": columns, "data_dir": data_dir}
        source = multilabel.load(place, part, **options)
    elif task != Source.task:
        skip = corrupt == "skip"
        source = dense.load(place, task, part, skip=skip, data_dir=data_dir)
    elif place.has_files:
        folder = _scanned(place, columns, labelled)
        seen = place.look(columns, labelled)
        place.tell(columns, labelled)
        source = _folder_source(place, folder, seen, part)
    elif place.vtab_task:
        source = _vtab_source(place, data_dir)
    else:
        source = _record_source(place, data_dir)
    if group_by is not None:
        groups = groups_of(place, group_by, source.store.files, columns)
        source = source.with_store(dataclasses.replace(source.store, groups=groups))
    if corrupt == "skip":
        source = source.without_corrupt(progress)
    for part in place.parts:
        source = source._take(part)
    return source


def splits(
    name, data_dir=None, *, columns=None, labelled=True, task: str = "classification"
) -> dict[str, int]:
    """The splits that a data set has, and their numbers of examples.

    Args:
        name: As for `load`. A folder without split folders has `"all"`.
        data_dir: As for `load`.
        columns: As for `load`.
        labelled: As for `load`.
        task: As for `load`.
    """
    check_choice(task, TASKS, "task")
    if task == multilabel.TASK:
        return multilabel.splits_of(open_place(name), columns, data_dir)
    if task != Source.task:
        return dense.splits_of(open_place(name), task, data_dir)
    return open_place(name).splits(data_dir, columns, labelled)


def load_splits(
    name,
    data_dir=None,
    *,
    train: str | None = None,
    test: str | None = None,
    fold: str | None = None,
    **options,
) -> tuple[Source, Source]:
    """A data set's training and test part.

    Args:
        name: As for `load`; a split in it is the training part.
        data_dir: As for `load`.
        train: Split. Defaults to `"train"`.
        test: Split. Defaults to `"test"` or, where there is none or its labels are
            secret (`imagenet2012`), `"validation"`. A folder that has neither is split
            class by class (`test_fraction`, `split_seed`); a TFDS set, which is stored
            in a random order, is cut.
        fold: Or, of cross-validation, which part is the test: `"2/5"` is the second of
            five equal ones. Of a folder or list without a test part they are of all
            images, of other data of the training part.
        **options: As for `load`.

    Returns:
        (train, test), both `Source`.
    """
    place = open_place(name)
    reading = ("columns", "labelled", "task")
    reading = {key: options[key] for key in reading if key in options}
    known = splits(place, data_dir, **reading)
    if fold is not None:
        made = place.has_files and not {"test", "validation"} & known.keys()
        whole = train or place.split or ("all" if made else None)
        whole = load(dataclasses.replace(place, split=whole), data_dir, **options)
        return fold_of(whole, fold, seed=options.get("split_seed", 0))
    if test is None:
        made = "test" if place.has_files or not known else None
        test = next((s for s in ("test", "validation") if s in known), made)
        secret = "validation" in known and not place.has_files
        classes = options.get("task", Source.task) == Source.task
        if test == "test" and secret and classes:
            test = _labelled_test(place, data_dir)
    part = place.with_split(train) if train else place
    if test is None:
        whole = part.split or next(iter(known))
        if "[" in whole or "+" in whole or whole == "all":
            raise ValueError(
                f"{place} has no test split: name the part for the test too, "
                "with test= (of a recipe test_split, --test-split). "
                f"Received: train={whole!r}, splits: {', '.join(known)}"
            )
        if whole not in known:
            load(place.with_split(whole), data_dir, **options)  # says what there is
        cut = 100 - round(100 * options.get("test_fraction", 0.2))
        train, test = f"{whole}[:{cut}%]", f"{whole}[{cut}%:]"
        LOGGER.info("%s has no test split: using %s and %s", place, train, test)
        part = dataclasses.replace(part, split=train)
    return load(part, data_dir, **options), load(
        place.with_split(test), data_dir, **options
    )


def own_validation(
    name, data_dir=None, *, test: str | None = None, task: str = "classification"
) -> str | None:
    """The validation split of a data set, if it is neither trained nor tested on.

    Args:
        name: As for `load`; a split in it is the training part.
        data_dir: As for `load`.
        test: The test split, if one is named; see `load_splits`.
        task: As for `load`.

    Returns:
        `"validation"`, or `None` where there is none, or it is part of the others.
    """
    place = open_place(name)
    if place.vtab_task or not re.fullmatch(r"train(\[.*\])?", place.split or "train"):
        return None
    known = splits(place, data_dir, task=task)
    if "validation" not in known or (test or "test").startswith("validation"):
        return None
    if test is None and "test" not in known:
        return None  # it is the test
    if test is None and not place.has_files and task == Source.task:
        if _labelled_test(place, data_dir) == "validation":
            return None
    return "validation"


def _labelled_test(place, data_dir):
    """The test split or, where its labels are secret, the validation split."""
    if place.vtab_task:
        return "test"
    store = RecordStore(place.builder(data_dir), "test", str(place))
    for item in in_order(store).take(1):
        if item["label"] < 0:
            LOGGER.info("%s has no labels for its test split: using validation", place)
            return "validation"
    return "test"


def _vtab_source(place, data_dir):
    task, known = place.vtab_task, place.splits()
    split = "train800val200" if place.split in (None, "train1000") else place.split
    if split not in known:
        raise ValueError(
            f"{place} has the splits {', '.join(known)} (train1000 is the same as "
            f"train800val200). Received: split={split!r}"
        )
    parts = ("train800", "val200") if split == "train800val200" else (split,)
    inner = "+".join(getattr(task, part) for part in parts)
    builder = place.builder(data_dir)
    store = RecordStore(builder, inner, place.path, rule=task.label, scale=task.scale)
    return _source_of(store, place.path, split)


def _record_source(place, data_dir):
    builder = place.builder(data_dir)
    known = list(builder.info.splits)
    first = "train" if "train" in known or not known else known[0]
    store = RecordStore(builder, place.split or first, str(place))
    return _source_of(store, str(place), store.split)


def _source_of(store, name, split):
    names, channels = store.class_names, store.num_channels
    if not store.builder.info.splits:  # TFDS's mock doesn't count
        store = store.read()
    return Source(store, name, split, names, channels)


def _scanned(place, columns, labelled):
    """The folders of classes; raises with a hint if they are those of another task."""
    try:
        with multilabel.hinting(place, columns):
            folder = place.scan(columns, labelled)
    except ValueError:
        dense.refuse_classes(place)
        raise
    if place.kind == "list" and columns is None:
        place.once("several", _warn_of_labels, place)
    if labelled:
        dense.refuse_classes(place, folder.class_names)
    return folder


def _warn_of_labels(place):
    if hint := multilabel.hint_of(place):
        LOGGER.warning("%s", hint)


def _folder_source(place, folder, seen, part):
    split, files, labels = part(folder.splits)
    # Of all images, whatever part of them is asked for.
    store = FileStore(folder.root, files, labels, seen.shape)
    names, channels = folder.class_names, seen.num_channels
    return Source(store, str(place.path), split, names, channels)


def from_arrays(images, labels, class_names=None, name: str = "arrays") -> Source:
    """A source of images in memory.

    Args:
        images: `uint8` array `(N, H, W, C)` with C 1 or 3, or `(N, H, W)`, values in
            [0, 255].
        labels: Integer array `(N,)`, or `(N, 1)`; of several labels an image 0 and 1,
            `(N, classes)`.
        class_names: List of strings. Defaults to the numbers "0", "1" and so on.
        name: String, for messages.

    Returns:
        A `Source`, of several labels a `MultiLabelSource`.
    """
    images, labels = np.asarray(images), np.asarray(labels)
    images = images[..., None] if images.ndim == 3 else images
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise ValueError(
            "`images` must be uint8, (N, H, W, 1 or 3), values in [0, 255]. "
            f"Received: {images.dtype}, {images.shape}"
        )
    if labels.ndim == 2 and labels.shape[1] > 1:
        return of_label_sets(images, labels, class_names, name)
    labels = labels[:, 0] if labels.ndim == 2 else labels
    whole = np.issubdtype(labels.dtype, np.integer)
    if not whole or labels.shape != images.shape[:1] or not len(labels):
        raise ValueError(
            "`labels` must be integers, one per image. "
            f"Received: {labels.dtype}, {labels.shape} for {len(images)} images"
        )
    if class_names is None:
        class_names = [str(i) for i in range(int(labels.max()) + 1)]
    if labels.min() < 0 or labels.max() >= len(class_names):
        raise ValueError(
            f"`labels` must lie in [0, {len(class_names)}), one name per class. "
            f"Received: labels from {labels.min()} to {labels.max()}"
        )
    store = PixelStore(images, labels)
    return Source(store, name, "all", class_names, images.shape[-1])
