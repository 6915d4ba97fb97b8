"""Finds data sets with masks or boxes, and makes sources of them."""

import dataclasses
import logging

import numpy as np

from keras_vit.common.wording import display
from keras_vit.data.dense.class_lists import BACKGROUND
from keras_vit.data.dense.coco import scan_coco
from keras_vit.data.dense.counting import Contents, box_contents, mask_contents
from keras_vit.data.dense.folders import IMAGES, MASKS, scan_masks
from keras_vit.data.dense.found import Found
from keras_vit.data.dense.labelme import scan_labelme
from keras_vit.data.dense.records import find_records, record_splits
from keras_vit.data.dense.shapes import IGNORED
from keras_vit.data.dense.sources import BoxSource, MaskSource
from keras_vit.data.dense.stores import store_of
from keras_vit.data.dense.voc import scan_voc
from keras_vit.data.dense.yolo import scan_yolo

LOGGER = logging.getLogger(__name__)

# By task: who looks, in this order; what counts, and what is made of it.
TASKS = {
    "segmentation": (
        (scan_masks, scan_coco, scan_yolo, scan_labelme),
        mask_contents,
        MaskSource,
    ),
    "detection": (
        (scan_coco, scan_voc, scan_yolo, scan_labelme),
        box_contents,
        BoxSource,
    ),
}
READ = {
    "segmentation": "images/ and masks/ with equal names (in train/ and test/ or not), "
    "polygons of COCO json, YOLO txt or LabelMe json",
    "detection": "COCO json, VOC xml, YOLO txt (data.yaml, or images/ and labels/ with "
    "classes.txt) or LabelMe json",
}
RECORDS = ("tfds", "prepared")  # kinds of places that TFDS reads


def found_in(place, task: str, data_dir=None) -> Found:
    """The images and annotations at a place; looked for once.

    Args:
        place: A `keras_vit.data.places.Place`.
        task: One of `TASKS`.
        data_dir: Where TFDS keeps prepared data.

    Raises:
        ValueError: if nothing is there that can be read, saying what can.
    """
    if place.kind in RECORDS:
        key = (task, "found", place.split)
        return place.once(key, find_records, place, task, data_dir)
    found = place.once((task, "found"), _find, place, task)
    if found is None:
        raise ValueError(
            f"{place} holds no images that are annotated for {task}. Read are "
            f"{READ[task]}."
        )
    return found


def is_annotated(place, task: str) -> bool:
    """Whether there are images with annotations for a task at a place."""
    if place.kind != "folder":
        return False
    return place.once((task, "found"), _find, place, task) is not None


def task_of(place) -> str | None:
    """The task that a folder is annotated for: masks before boxes; `None` if for none.

    Polygons, which could be either, count as boxes here.
    """
    if place.kind != "folder":
        return None
    if _scanned(place, scan_masks) is not None:
        return "segmentation"
    return "detection" if is_annotated(place, "detection") else None


def refuse_classes(place, class_names=None):
    """Raises if a folder is annotated and its folders are no classes.

    Args:
        place: A `Place`.
        class_names: The names of its folders, if they could be classes.
    """
    if class_names is not None and not are_no_classes(class_names):
        return
    if task := task_of(place):
        raise ValueError(
            f"{place} holds {found_in(place, task).form}, not one folder for each "
            f"class. Give task={task!r} (--task {task})."
        )


def are_no_classes(class_names):
    """Whether the folders of a place are those of images and masks."""
    return {name.lower() for name in class_names} <= {*IMAGES, *MASKS}


def _find(place, task):
    if place.kind != "folder":
        return None
    for scan in TASKS[task][0]:
        found = _scanned(place, scan)
        if found is not None:
            break
    else:
        return None
    if task == "segmentation" and scan is not scan_masks:
        found = _with_background(found)
    return found


def _scanned(place, scan):
    """What one of the readers finds at a folder; each looks once, for all tasks."""
    return place.once(scan, scan, str(place.path))


def _with_background(found):
    """The same objects, for masks: the background is the class before the others.

    Objects of a class that is itself called so become background.
    """
    names, numbers = [], {IGNORED: IGNORED, -1: -1}
    for number, name in enumerate(found.class_names):
        numbers[number] = -1 if name.lower() in BACKGROUND else len(names)
        names += [] if name.lower() in BACKGROUND else [name]
    if not names:
        raise ValueError(
            f"{display(found.root)}: there is no class but the background, so nothing "
            "can be learnt."
        )
    splits = {
        split: {file: shapes.with_labels(numbers) for file, shapes in part.items()}
        for split, part in found.splits.items()
    }
    return dataclasses.replace(
        found, class_names=[BACKGROUND[0], *names], splits=splits
    )


def contents_of(place, task: str, skip: bool = False, data_dir=None) -> Contents:
    """What the annotations hold, of TFDS those of one split; counted once."""
    count, found = TASKS[task][1], found_in(place, task, data_dir)
    key = (task, "contents", skip, place.split if place.kind in RECORDS else None)
    return place.once(key, count, found, display(place), skip)


def splits_of(place, task: str, data_dir=None) -> dict[str, int]:
    """The splits of an annotated set, and their numbers of images."""
    if place.kind in RECORDS:
        return record_splits(place, task, data_dir)
    found = found_in(place, task)
    return {split: len(part) for split, part in found.splits.items()}


def load(place, task: str, part, *, skip: bool = False, data_dir=None):
    """A source of images with masks or boxes.

    Args:
        place: A `Place`.
        task: One of `TASKS`.
        part: Function from the splits, `{split: (files, labels)}`, to (name, files,
            labels) of the part that is wanted. TFDS cuts its own.
        skip: Whether what cannot be used is left out.
        data_dir: Where TFDS keeps prepared data.
    """
    found = found_in(place, task, data_dir)
    contents = contents_of(place, task, skip, data_dir)
    place.once((task, "told", *found.splits), _tell, contents)
    splits = {
        split: (np.asarray(list(known), object), np.zeros(len(known), np.int64))
        for split, known in found.splits.items()
    }
    if place.kind in RECORDS:
        ((split, (files, _)),) = splits.items()
    else:
        split, files, _ = part(splits)
    broken = dict(contents.look.broken)
    left = [file for file in files if file not in broken]
    skipped = [(display(file), broken[file]) for file in files if file in broken]
    if skipped:
        LOGGER.warning(
            "%d of %d images are left out: %s",
            len(skipped),
            len(files),
            "; ".join(reason for _, reason in skipped[:10]),
        )
    if not left:
        raise ValueError(f"{place}: no image of the split {split!r} can be used.")
    source, names = TASKS[task][2], contents.class_names
    channels = contents.look.num_channels
    store = store_of(found, left, contents)
    return source(store, display(place), split, names, channels, skipped)


def _tell(contents):
    for note in contents.notes:
        LOGGER.info("%s", note)
