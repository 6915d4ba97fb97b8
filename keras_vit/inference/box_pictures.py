"""Draws boxes over images, with a few words at each."""

import numpy as np

from keras_vit.common.class_colours import class_colours
from keras_vit.common.wording import printable

_TEXT = 11  # pixels


def draw_boxes(image, found, class_names):
    """An image with its detections: a box of the class's colour, name and score.

    Args:
        image: uint8 array `(height, width, 1 or 3)`.
        found: Dictionary of `"boxes"` `(N, 4)` of the form `"corners"`, in pixels,
            `"classes"` `(N,)` and `"scores"` `(N,)`.
        class_names: List of strings.

    Returns:
        A Pillow image of the size of `image`.

    Example:

    >>> found = keras_vit.detect(model, "street.jpg")[0]
    >>> found.picture().save("street-boxes.png")
    """
    colours = class_colours(len(class_names) + 1)[1:]  # the first is for backgrounds
    drawn = [
        (
            box,
            tuple(map(int, colours[name])),
            f"{class_names[name]} {100 * score:.0f} %",
        )
        for box, name, score in zip(*(found[k] for k in ("boxes", "classes", "scores")))
    ]
    return with_boxes(image, drawn[::-1])  # the highest score on top


def with_boxes(image, boxes):
    """A Pillow image with boxes over it.

    Args:
        image: uint8 array `(height, width, 1 or 3)`.
        boxes: List of (box, colour, text): four numbers of the form `"corners"`, what
            Pillow takes as a colour, a string that may be empty. Later ones are above.
    """
    from PIL import Image, ImageDraw, ImageFont

    image = np.asarray(image)
    if image.ndim != 3 or image.shape[2] not in (1, 3) or image.dtype != np.uint8:
        raise ValueError(
            "`image` must be uint8 of shape (height, width, 1 or 3). Received: "
            f"{image.dtype} of {image.shape}"
        )
    picture = Image.fromarray(np.repeat(image, 3, -1) if image.shape[2] == 1 else image)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(_TEXT)
    line = max(2, round(min(picture.size) / 250))
    for box, colour, _ in boxes:
        left, top, right, bottom = (float(value) for value in box)
        ends = (max(left, right - 1), max(top, bottom - 1))  # both ends are drawn
        draw.rectangle((left, top, *ends), outline=colour, width=line)
    for (left, top, *_), colour, text in boxes:
        if text:
            _write(draw, font, picture.size, (left, top), colour, printable(text))
    return picture


def _write(draw, font, size, corner, colour, text):
    """A text above the corner of a box, or inside where there is no room."""
    from PIL import ImageColor

    width, height = font.getlength(text) + 4, _TEXT + 3
    left = min(max(corner[0], 0), max(size[0] - width, 0))
    top = corner[1] - height if corner[1] >= height else max(corner[1], 0)
    draw.rectangle((left, top, left + width, top + height), colour)
    if isinstance(colour, str):
        colour = ImageColor.getrgb(colour)
    light = np.dot(colour[:3], (0.299, 0.587, 0.114)) > 140
    ink = "black" if light else "white"
    draw.text((left + 2, top + height / 2), text, ink, font, anchor="lm")
