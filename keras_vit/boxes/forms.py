"""The forms in which projects write boxes, and converting one into another."""

import keras
import numpy as np

from keras_vit.common.checks import check_choice

# Each row: a box of this form as (left, top, right, bottom), and such a box in this
# form. All are pixels, right and bottom exclusive; `height, width` are the image's.
FORMS = {
    # (left, top, right, bottom): this package's own, and torchvision's.
    "corners": (
        lambda x0, y0, x1, y1, height, width: (x0, y0, x1, y1),
        lambda x0, y0, x1, y1, height, width: (x0, y0, x1, y1),
    ),
    # (left, top, width, height) of COCO's json.
    "coco": (
        lambda x, y, w, h, height, width: (x, y, x + w, y + h),
        lambda x0, y0, x1, y1, height, width: (x0, y0, x1 - x0, y1 - y0),
    ),
    # (xmin, ymin, xmax, ymax) of Pascal VOC's xml: pixels counted from 1, both ends
    # inside.
    "voc": (
        lambda x0, y0, x1, y1, height, width: (x0 - 1, y0 - 1, x1, y1),
        lambda x0, y0, x1, y1, height, width: (x0 + 1, y0 + 1, x1, y1),
    ),
    # (centre x, centre y, width, height) of YOLO's txt, DETR and YOLOS: shares of the
    # image.
    "yolo": (
        lambda x, y, w, h, height, width: (
            (x - w / 2) * width,
            (y - h / 2) * height,
            (x + w / 2) * width,
            (y + h / 2) * height,
        ),
        lambda x0, y0, x1, y1, height, width: (
            (x0 + x1) / 2 / width,
            (y0 + y1) / 2 / height,
            (x1 - x0) / width,
            (y1 - y0) / height,
        ),
    ),
    # (ymin, xmin, ymax, xmax) of TensorFlow Datasets: shares of the image.
    "tfds": (
        lambda y0, x0, y1, x1, height, width: (
            x0 * width,
            y0 * height,
            x1 * width,
            y1 * height,
        ),
        lambda x0, y0, x1, y1, height, width: (
            y0 / height,
            x0 / width,
            y1 / height,
            x1 / width,
        ),
    ),
}
_SHARES = ("yolo", "tfds")


def convert_boxes(boxes, source, target, image_size=None):
    """Boxes of one form in another.

    The forms, each four numbers: `"corners"`, this package's own (left, top, right,
    bottom in pixels, right and bottom exclusive); `"coco"` (left, top, width, height in
    pixels); `"voc"` (xmin, ymin, xmax, ymax, counted from 1, both ends inside);
    `"yolo"` (centre x, centre y, width, height as shares of the image), which is DETR's
    and YOLOS's too; `"tfds"` (ymin, xmin, ymax, xmax as shares).

    Args:
        boxes: `(..., 4)`, an array or a tensor of Keras.
        source: String, the form of `boxes`.
        target: String, the wanted form.
        image_size: Pair `(height, width)`, pixels. Needed where a form has shares.
            Arrays that broadcast against `boxes[..., 0]` give each image its size.

    Returns:
        What was given: an array, of float64 unless `boxes` is float32; or a tensor.

    Raises:
        ValueError: if a form is unknown, shares have no `image_size`, or boxes are not
            of four numbers.

    Example:

    >>> keras_vit.boxes.convert_boxes([[10, 20, 30, 40]], "coco", "corners")
    array([[10., 20., 40., 60.]])
    """
    check_choice(source, FORMS, "source")
    check_choice(target, FORMS, "target")
    if image_size is None and {source, target} & {*_SHARES}:
        raise ValueError(
            f"Boxes of the forms {' and '.join(_SHARES)} are shares of the image: "
            "`image_size` must be given, (height, width). Received: image_size=None, "
            f"source={source!r}, target={target!r}"
        )
    boxes, xp = floats(boxes)
    height, width = (1.0, 1.0) if image_size is None else image_size
    corners = FORMS[source][0](*parts(boxes), height, width)
    return xp.stack(FORMS[target][1](*corners, height, width), axis=-1)


def clip_boxes(boxes, image_size):
    """Boxes cut to their image; one that lies outside keeps no area.

    Args:
        boxes: `(..., 4)` of the form `"corners"`, an array or a tensor.
        image_size: Pair `(height, width)`, pixels.
    """
    boxes, xp = floats(boxes)
    height, width = image_size
    ends = (width, height, width, height)
    return xp.stack([xp.clip(v, 0, end) for v, end in zip(parts(boxes), ends)], axis=-1)


def floats(boxes):
    """Boxes as floats, and the module that computes with them: NumPy or `keras.ops`."""
    if keras.ops.is_tensor(boxes) or isinstance(boxes, keras.KerasTensor):
        found, xp = boxes, keras.ops
    else:
        found, xp = np.asarray(boxes), np
        if found.dtype not in ("float32", "float64"):
            found = found.astype("float64")
        if found.shape == (0,):  # of an empty list
            found = found.reshape(0, 4)
    if not found.shape or found.shape[-1] != 4:
        raise ValueError(
            "Boxes must be four numbers each, an array (..., 4). Received: one of "
            f"shape {tuple(found.shape)}"
        )
    return found, xp


def parts(boxes):
    """The four numbers of boxes, each `(...)`."""
    return [boxes[..., place] for place in range(4)]
