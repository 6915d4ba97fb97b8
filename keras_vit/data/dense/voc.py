"""Pascal VOC's xml: the boxes of one image in one file, counted from 1."""

import os
import xml.etree.ElementTree as ElementTree

from keras_vit.common.regular import read_regular
from keras_vit.common.wording import canonical, display
from keras_vit.data.dense.class_lists import class_names_in
from keras_vit.data.dense.found import (
    Found,
    files_in,
    first_of,
    folders_in,
    image_beside,
    left_aside,
    relative,
    some,
)
from keras_vit.data.dense.shapes import Shape, ShapeReader, Shapes

MOST = 2**22  # bytes of a file
ANNOTATIONS = ("annotations", "xmls", "xml", "labels")
IMAGES = ("jpegimages", "images", "image", "imgs", "img")
SETS = {"train": ("train",), "validation": ("val", "valid"), "test": ("test",)}


def scan_voc(root: str) -> Found | None:
    """The images and boxes of xml files, or `None` if a folder has none.

    Read are `root/Annotations/*.xml` (or xml files in the root) with the images of the
    same names in `JPEGImages`, `images` or beside them; and which image belongs to
    which split from `ImageSets/Main/<split>.txt`, if they are there. The classes are
    those of classes.txt, or all names, sorted.

    Raises:
        ValueError: naming files that are broken, lack their image, or have another
            class than classes.txt.
    """
    if not os.path.isdir(root):
        return None
    folder = first_of(folders_in(root), ANNOTATIONS)
    folder = os.path.join(root, folder) if folder else root
    files = files_in(folder, ".xml")
    if not files:
        return None
    read = {
        os.path.splitext(name)[0]: _read(os.path.join(folder, name)) for name in files
    }
    found = {name for _, objects in read.values() for name, *_ in objects}
    names = class_names_in(root) or sorted(found)
    unknown = sorted(found - set(names))
    if unknown:
        raise ValueError(
            f"{display(root)}: the xml files have classes that classes.txt lacks: "
            f"{some(unknown, 'class', 'classes')}. Add them, or remove classes.txt."
        )
    if not names:
        raise ValueError(f"{display(folder)}: no xml file names an object.")
    images = _images(root, folder, read)
    shapes = {
        stem: Shapes(
            display(os.path.join(folder, f"{stem}.xml")),
            tuple(
                Shape(names.index(name), box, crowd=difficult, name=f"object {number}")
                for number, (name, box, difficult) in enumerate(objects, 1)
            ),
            size,
        )
        for stem, (size, objects) in read.items()
    }
    everything = {"all": sorted(images)}
    found, splits = (
        {
            split: {images[stem]: shapes[stem] for stem in stems}
            for split, stems in parts.items()
        }
        for parts in (everything, _splits(root, images) or everything)
    )
    notes = left_aside(root, found)
    return Found(root, "VOC xml", list(names), splits, ShapeReader("voc"), notes)


def _read(path):
    """(size or None, [(class, box, difficult), ...]) of a file."""
    data = read_regular(path, MOST)
    # Nothing that a document type or an entity could do is wanted of annotations.
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data or b"\0" in data:
        raise ValueError(
            f"{display(path)} defines a document type or entities, or is not in UTF-8: "
            "it is not read. Write plain xml."
        )
    try:
        tree = ElementTree.fromstring(data)
        size = tree.find("size")
        size = size is not None and tuple(_whole(size, k) for k in ("height", "width"))
        objects = [_object(entry) for entry in tree.findall("object")]
    except (ElementTree.ParseError, ValueError, OverflowError, RecursionError) as error:
        raise ValueError(f"{display(path)}: {error}.") from None
    return size if size and all(size) else None, objects


def _object(entry):
    name = canonical((entry.findtext("name") or "").strip())
    box = entry.find("bndbox")
    if not name or box is None:
        raise ValueError("an object has no name or no bndbox")
    values = []
    for key in ("xmin", "ymin", "xmax", "ymax"):
        text = box.findtext(key)
        try:
            values.append(float(text))
        except (TypeError, ValueError):
            raise ValueError(
                f"a bndbox has {key} {text!r}, which is no number"
            ) from None
    return name, tuple(values), (entry.findtext("difficult") or "").strip() == "1"


def _whole(entry, key):
    return int(float(entry.findtext(key) or 0))


def _images(root, folder, read):
    """The path of the image of each file, relative to the root."""
    folders = [root, os.path.dirname(os.path.abspath(root))]
    folders = [
        os.path.join(base, first_of(folders_in(base), IMAGES) or "images")
        for base in folders
    ]
    found = {stem: image_beside([*folders, folder, root], stem) for stem in read}
    absent = [stem for stem, path in found.items() if path is None]
    if absent:
        raise ValueError(
            f"{display(folder)}: {some(absent, 'xml file', 'xml files')} without an "
            "image of the same name in JPEGImages or images. Add the images, or remove "
            "the files."
        )
    return {stem: relative(path, root) for stem, path in found.items()}


def _splits(root, known):
    """The names of each split from ImageSets/Main; none without."""
    return image_sets(os.path.join(root, "ImageSets", "Main"), known)


def image_sets(folder, known) -> dict[str, list[str]]:
    """The names in train.txt, val.txt and test.txt of a folder, of those known.

    Raises:
        ValueError: naming a file with names of images that are not there.
    """
    splits = {}
    for split, names in SETS.items():
        for name in names:
            path = os.path.join(folder, f"{name}.txt")
            if os.path.isfile(path):
                lines = read_regular(path, MOST).decode("utf-8-sig", "replace")
                stems = [line.split()[0] for line in lines.splitlines() if line.split()]
                absent = [stem for stem in stems if stem not in known]
                if absent:
                    raise ValueError(
                        f"{display(path)} names {some(absent, 'image', 'images')} "
                        "without an annotation. Remove the names, or add the files."
                    )
                if stems:
                    splits[split] = sorted(set(stems))
    return splits if "train" in splits else {}
