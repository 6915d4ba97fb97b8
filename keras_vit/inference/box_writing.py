"""Writes boxes that were found: as COCO json and as YOLO txt."""

import pathlib

import numpy as np

from keras_vit.boxes import box_areas, convert_boxes
from keras_vit.common.files import replacing, write_json
from keras_vit.common.wording import display
from keras_vit.inference.writing import readable, seen_from


def write_coco_boxes(path, found):
    """Writes boxes as one json of COCO, with their scores.

    The ids of images, categories and boxes count from 1; paths of images are written
    as seen from the json. The ids are not those of another json, so that pycocotools
    cannot score these boxes against it. For that, give them to
    `keras_vit.evaluation.evaluate_detection`, which matches classes by their names.

    Args:
        path: Path of the file, `.json`.
        found: Iterable of `Detections`, such as `keras_vit.detect` returns; those with
            an error are left out.

    Raises:
        ValueError: if there is no image, or the classes differ.

    Example:

    >>> keras_vit.write_coco_boxes("boxes.json", keras_vit.detect(model, "photos/"))
    """
    path, images, annotations, names = pathlib.Path(path), [], [], []
    for each in readable(found):
        names = each.class_names
        height, width = each.image.shape[:2]
        number = len(images) + 1
        image = {"id": number, "file_name": seen_from(path, each.file)}
        images.append({**image, "height": height, "width": width})
        boxes = convert_boxes(each.boxes, "corners", "coco").round(2)
        areas = box_areas(each.boxes).round(2)
        columns = (each.classes, boxes, areas, each.scores)
        for name, box, area, score in zip(*(np.asarray(c).tolist() for c in columns)):
            own = {"id": len(annotations) + 1, "image_id": number}
            own |= {"category_id": name + 1, "bbox": box, "area": area}
            annotations.append({**own, "iscrowd": 0, "score": score})
    categories = [{"id": i, "name": name} for i, name in enumerate(names, 1)]
    parts = {"images": images, "annotations": annotations, "categories": categories}
    write_json(path, parts, indent=None)


def write_yolo_boxes(folder, found):
    """Writes boxes as a folder of YOLO: `labels/<image>.txt`, and `classes.txt`.

    A line is the class's number, the box's centre x and y, its width and height as
    shares of the image. An image without boxes has an empty file. Of images of equal
    names the second has `-2` behind it, and so on. Scores have no place in this format:
    leave out uncertain boxes by `score` of `keras_vit.detect`.

    Args:
        folder: Path of the folder to write: a new one, or an empty one.
        found: Iterable of `Detections`, such as `keras_vit.detect` returns; those with
            an error are left out.

    Raises:
        ValueError: if there is something in the folder, there is no image, or the
            classes differ.

    Example:

    >>> keras_vit.write_yolo_boxes("boxes", keras_vit.detect(model, "photos/"))
    """
    for _ in as_yolo_boxes(folder, found):
        pass


def as_yolo_boxes(folder, found, names_of=None):
    """Yields what it is given, and writes it as `write_yolo_boxes` does.

    Args:
        folder, found: As there.
        names_of: Dictionary of the stem of the txt of each file. By default it is that
            of the image, with a number where it is taken.
    """
    folder = pathlib.Path(folder)
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise ValueError(
            "Boxes are written into a new or an empty folder. Received: "
            f"{display(folder)}, which holds something already"
        )
    written, names = set(), []
    with replacing(folder) as temporary:
        (temporary / "labels").mkdir(parents=True)
        for each in readable(found):
            names = each.class_names
            stem = names_of[each.file] if names_of else _new_stem(each.file, written)
            boxes = convert_boxes(each.boxes, "corners", "yolo", each.image.shape[:2])
            lines = (
                f"{number} " + " ".join(f"{value:.6f}" for value in box) + "\n"
                for number, box in zip(each.classes.tolist(), boxes.tolist())
            )
            path = temporary / "labels" / f"{stem}.txt"
            path.write_text("".join(lines), encoding="utf-8")
            yield each
        text = "".join(f"{name}\n" for name in names)
        (temporary / "classes.txt").write_text(text, encoding="utf-8")


def _new_stem(file, taken):
    """The stem of a file, with a number if that is taken; it is added to the taken."""
    stem = name = pathlib.PurePath(file).stem
    number = 2
    while name.lower() in taken:
        name, number = f"{stem}-{number}", number + 1
    taken.add(name.lower())
    return name
