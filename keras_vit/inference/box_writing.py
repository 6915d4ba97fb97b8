"""Writes boxes that were found: as COCO json and as YOLO txt."""

import logging
import pathlib

import numpy as np

from keras_vit.boxes import box_areas, convert_boxes
from keras_vit.common.files import replacing, write_json
from keras_vit.common.wording import canonical, display
from keras_vit.data.dense.coco import coco_ids
from keras_vit.inference.writing import readable, seen_from

logger = logging.getLogger(__name__)


def write_coco_boxes(path, found, *, like=None):
    """Writes boxes as one json of COCO, with their scores.

    The ids of images, categories and boxes count from 1; paths of images are written
    as seen from the json. With `like` the file is a list of results with the ids of
    another json, the form that `COCO.loadRes` of pycocotools reads to score boxes
    against that json.

    Args:
        path: Path of the file, `.json`.
        found: Iterable of `Detections`, such as `keras_vit.detect` returns; those with
            an error are left out.
        like: Path of the json of COCO with the truth. Images are known by the ends of
            their paths, classes by their names. Boxes of classes that it does not have
            are left out, and a warning counts them: they would count nowhere.

    Raises:
        ValueError: if there is no image, or the classes differ; or if `like` lists not
            one of the classes, or not each of the images once.

    Example:

    >>> found = keras_vit.detect(model, "trees/images", score=0.01)
    >>> keras_vit.write_coco_boxes("boxes.json", found, like="trees/test.json")
    """
    if like is not None:
        return write_json(path, _results(found, like), indent=None)
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


def _results(found, like):
    """The boxes as COCO's results, with the ids of a json."""
    images, classes = coco_ids(like)
    by_end = {_parts(name): key for name, key in images.items()}
    results, seen, left_out = [], {}, 0
    for each in readable(found):
        image = _image_id(each.file, by_end, like)
        if seen.setdefault(image, each.file) != each.file:
            raise ValueError(
                f"{display(seen[image])} and {display(each.file)} are one image of "
                f"{display(like)}. Give the images of that json alone."
            )
        ids = [classes.get(canonical(name)) for name in each.class_names]
        if not any(key is not None for key in ids):
            raise ValueError(
                f"{display(like)} has no class of the model. It has: "
                f"{', '.join(list(classes)[:20])}. The model has: "
                f"{', '.join(each.class_names[:20])}"
            )
        boxes = convert_boxes(each.boxes, "corners", "coco").round(2)
        columns = (each.classes, boxes, each.scores)
        for name, box, score in zip(*(np.asarray(c).tolist() for c in columns)):
            if ids[name] is None:
                left_out += 1
                continue
            own = {"image_id": image, "category_id": ids[name]}
            results.append({**own, "bbox": box, "score": score})
    if left_out:
        logger.warning(
            "%d boxes are of classes that %s does not have, and are left out.",
            *(left_out, display(like)),
        )
    return results


def _image_id(file, by_end, like):
    """The id of the image whose path is the end of a file's path; the longest one."""
    parts = _parts(file)
    for start in range(len(parts)):
        if parts[start:] in by_end:
            return by_end[parts[start:]]
    raise ValueError(
        f"{display(like)} lists no image {display(file)}. Give the images that it "
        "lists, or the json of these images."
    )


def _parts(path):
    return tuple(part for part in pathlib.PurePath(path).parts if part not in "..")


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
