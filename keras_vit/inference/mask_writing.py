"""Writes masks: as PNG with a palette, as COCO json, and over their images."""

import pathlib

import numpy as np

from keras_vit.common.checks import is_number
from keras_vit.common.class_colours import class_colours, is_background, voc_palette
from keras_vit.common.files import replacing, write_json
from keras_vit.common.wording import printable
from keras_vit.data.dense.run_lengths import encode
from keras_vit.inference.writing import readable, seen_from

IGNORED = 255
# Sides of a colour's square in a legend and the space around, pixels.
_SQUARE, _SPACE = 12, 6


def write_mask(path, mask):
    """Writes a mask as a PNG with a palette, as Pascal VOC has it.

    The value of a pixel is its class; the colours are VOC's, and for the eye only.

    Args:
        path: Path of the file, `.png`.
        mask: Integer array `(height, width)`, values in [0, 255].

    Raises:
        ValueError: if the mask is no such array.

    Example:

    >>> keras_vit.write_mask("cat.png", keras_vit.segment(model, "cat.jpg")[0].mask)
    """
    from PIL import Image

    picture = Image.fromarray(_checked(mask))
    picture.putpalette(voc_palette().ravel().tolist())
    with replacing(path) as temporary:
        picture.save(temporary, "PNG", optimize=True)


def write_coco_masks(path, found):
    """Writes masks as one json of COCO, with compressed run lengths.

    Each class of each image is one annotation. The ids of categories count from 1; a
    first class that is called background (other, void, ...) has none, and is what no
    annotation covers. Paths of images are written as seen from the json. The ids are
    not those of another json; `keras_vit.evaluation.evaluate_segmentation` scores a
    model against a set, and matches classes by their names.

    Args:
        path: Path of the file, `.json`.
        found: Iterable of `Segmentation`, such as `keras_vit.segment` returns; those
            with an error are left out.

    Raises:
        ValueError: if there is no mask, or the classes differ.

    Example:

    >>> keras_vit.write_coco_masks("masks.json", keras_vit.segment(model, "photos/"))
    """
    path, images, annotations, names = pathlib.Path(path), [], [], []
    for each in readable(found):
        names = each.class_names
        height, width = each.mask.shape
        image = {"id": len(images) + 1, "file_name": seen_from(path, each.file)}
        images.append({**image, "height": height, "width": width})
        first = int(is_background(names))
        for value in np.unique(each.mask).tolist():
            if first <= value < len(names):
                own = {"id": len(annotations) + 1, "image_id": image["id"]}
                own["category_id"] = value + 1 - first
                annotations.append({**own, **_region(each.mask == value)})
    named = enumerate(names[int(is_background(names)) :], 1)
    categories = [{"id": number, "name": name} for number, name in named]
    parts = {"images": images, "annotations": annotations, "categories": categories}
    write_json(path, parts, indent=None)


def _region(where):
    """An annotation's region: run lengths, area and box of the pixels of a class."""
    rows, columns = (np.flatnonzero(where.any(axis=axis)) for axis in (1, 0))
    left, top = int(columns[0]), int(rows[0])
    box = [left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top]
    region = {"segmentation": encode(where), "area": int(where.sum()), "bbox": box}
    return {**region, "iscrowd": 0}


def overlay(image, mask, class_names, alpha=0.5):
    """An image with the colours of its classes over it, and a legend below.

    The colours can be told apart by colour-blind readers. A first class that is called
    background (other, void, ...) and pixels of 255 get none.

    Args:
        image: uint8 array `(height, width, 1 or 3)`.
        mask: Integer array `(height, width)`.
        class_names: List of strings, the names of the values of the mask.
        alpha: Float in [0, 1], how much of a colour covers the image. Defaults to 0.5.

    Returns:
        A Pillow image, as wide as `image` or as its legend needs.

    Raises:
        ValueError: if sizes or values do not fit.

    Example:

    >>> found = keras_vit.segment(model, "street.jpg")[0]
    >>> picture = keras_vit.overlay(found.image, found.mask, found.class_names)
    >>> picture.save("street-classes.png")
    """
    from PIL import Image

    mask, image = _checked(mask), np.asarray(image)
    if not is_number(alpha) or not 0 <= alpha <= 1:
        raise ValueError(f"`alpha` must lie in [0, 1]. Received: alpha={alpha!r}")
    if (
        image.shape not in ((*mask.shape, 1), (*mask.shape, 3))
        or image.dtype != "uint8"
    ):
        raise ValueError(
            f"`image` must be uint8 of shape {(*mask.shape, 3)} or "
            f"{(*mask.shape, 1)}, as its mask. Received: {image.dtype} of {image.shape}"
        )
    present = [int(value) for value in np.unique(mask) if value != IGNORED]
    if present and present[-1] >= len(class_names):
        raise ValueError(
            "`class_names` must name every value of the mask. Received: "
            f"{len(class_names)} names and the value {present[-1]}"
        )
    if is_background(class_names):
        present = [value for value in present if value]
    colours = class_colours(max(len(class_names), 1))
    pixels = np.broadcast_to(image, (*mask.shape, 3)).astype("float32")
    for value in present:
        where = mask == value
        pixels[where] += alpha * (colours[value] - pixels[where])
    picture = Image.fromarray(np.rint(pixels).astype("uint8"))
    entries = [
        (printable(class_names[k]), tuple(map(int, colours[k]))) for k in present
    ]
    return _with_legend(picture, entries)


def _checked(mask):
    mask = np.asarray(mask)
    is_mask = mask.ndim == 2 and mask.size and mask.dtype.kind in "iub"
    if not is_mask or mask.min() < 0 or mask.max() > 255:
        values = f", {mask.min()} to {mask.max()}" if mask.size else ""
        raise ValueError(
            "`mask` must be an integer array (height, width) with values from 0 to "
            f"255. Received: {mask.dtype} of {mask.shape}{values}"
        )
    return mask.astype("uint8")


def _with_legend(picture, entries):
    """A picture on a white sheet, with names and colours below in lines."""
    from PIL import Image, ImageDraw, ImageFont

    if not entries:
        return picture
    font = ImageFont.load_default(_SQUARE)
    widths = [_SQUARE + 3 * _SPACE + round(font.getlength(name)) for name, _ in entries]
    width = max(picture.width, *widths)
    places, x, y = [], _SPACE, picture.height + _SPACE
    for own in widths:
        if x > _SPACE and x + own > width:
            x, y = _SPACE, y + _SQUARE + _SPACE
        places.append((x, y))
        x += own
    sheet = Image.new("RGB", (width, y + _SQUARE + _SPACE), "white")
    sheet.paste(picture)
    draw = ImageDraw.Draw(sheet)
    for (name, colour), (x, y) in zip(entries, places):
        draw.rectangle((x, y, x + _SQUARE, y + _SQUARE), colour, "black")
        middle = (x + _SQUARE + _SPACE, y + _SQUARE // 2)
        draw.text(middle, name, "black", font, anchor="lm")
    return sheet
