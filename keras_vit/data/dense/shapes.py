"""Objects of an image: their classes with polygons, run lengths or boxes."""

import dataclasses

import numpy as np

from keras_vit.boxes import box_areas, clip_boxes, convert_boxes
from keras_vit.data.dense import run_lengths
from keras_vit.data.dense.found import WrongSize
from keras_vit.data.dense.mask_files import IGNORED
from keras_vit.data.dense.polygons import fill

OUTSIDE = 1.0  # pixels that a box may reach outside of its image: it is cut then


@dataclasses.dataclass(frozen=True, slots=True)
class Shape:
    """One object.

    Attributes:
        label: Integer, its class from 0 on; -1 for the background, 255 for pixels that
            are not counted.
        box: Four numbers of the form of the reader, or `None`.
        polygons: Arrays `(n, 2)` of x and y, in pixels or shares, which together are
            the object; or `None`.
        runs: Or run lengths of COCO.
        crowd: Whether it is a group, or too difficult to count.
        name: What to call it in a message.
        area: Its square pixels, if the annotation says so and they are not its box's.
    """

    label: int
    box: tuple | None = None
    polygons: tuple | None = None
    runs: dict | None = None
    crowd: bool = False
    name: str = ""
    area: float | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Shapes:
    """The objects of an image.

    Attributes:
        source: The file that says so, for messages.
        shapes: Tuple of `Shape`, those behind first.
        size: (height, width) that the file says the image has, or `None`.
    """

    source: str
    shapes: tuple[Shape, ...]
    size: tuple[int, int] | None = None

    def with_labels(self, numbers: dict[int, int]) -> "Shapes":
        """The same objects with the labels that a table has for theirs."""
        if all(numbers[shape.label] == shape.label for shape in self.shapes):
            return self
        changed = (
            dataclasses.replace(shape, label=numbers[shape.label])
            for shape in self.shapes
        )
        return dataclasses.replace(self, shapes=tuple(changed))


@dataclasses.dataclass(frozen=True)
class ShapeReader:
    """Makes masks and boxes of objects.

    Args:
        form: The form of the boxes; see `keras_vit.boxes.convert_boxes`.
        shares: Whether corners of polygons are shares of the image.
    """

    form: str = "corners"
    shares: bool = False

    def with_classes(self, num_classes: int) -> "ShapeReader":
        """The same: classes are checked where the files are read."""
        return self

    def mask(self, shapes: Shapes, size) -> np.ndarray:
        """The classes of the pixels, 0 the background: `uint8` `(h, w)`.

        Where objects overlap, the last one lies on top.

        Raises:
            ValueError: if an object has a box only, or is of another size.
        """
        self._check_size(shapes, size)
        mask = np.zeros(size, np.uint8)
        for shape in shapes.shapes:
            mask[self._pixels(shapes, shape, size)] = min(shape.label + 1, IGNORED)
        return mask

    def content(self, shapes: Shapes) -> bytes:
        """What an annotation says, as bytes: other objects have others."""
        parts = []
        for shape in shapes.shapes:
            parts.append(
                repr((shape.label, shape.box, shape.runs, shape.crowd)).encode()
            )
            parts += [points.tobytes() for points in shape.polygons or ()]
        return b"\n".join(parts)

    def boxes(self, shapes: Shapes, size) -> dict[str, np.ndarray]:
        """`"boxes"` (N, 4), left, top, right, bottom in pixels; and others, each (N,).

        These are `"classes"`, `"crowd"`, and `"areas"` in square pixels: as the
        annotation says, else of the box.

        Raises:
            ValueError: if a box is empty, or outside of the image by over a pixel, or
                the size is another one.
        """
        self._check_size(shapes, size)
        counted = [s for s in shapes.shapes if 0 <= s.label < IGNORED]
        found = np.zeros((len(counted), 4))
        drawn = [place for place, shape in enumerate(counted) if shape.box is None]
        for place in drawn:
            found[place] = self._box_of_pixels(shapes, counted[place], size)
        given = [place for place, shape in enumerate(counted) if shape.box is not None]
        if given:
            boxes = np.array([counted[place].box for place in given], np.float64)
            boxes = convert_boxes(boxes, self.form, "corners", size)
            found[given] = _within(boxes, size, shapes, [counted[p] for p in given])
        areas = zip(counted, box_areas(found).tolist())
        areas = [own if shape.area is None else shape.area for shape, own in areas]
        return {
            "boxes": found,
            "areas": np.array(areas, np.float64),
            "classes": np.array([shape.label for shape in counted], np.int64),
            "crowd": np.array([shape.crowd for shape in counted], bool),
        }

    def _box_of_pixels(self, shapes, shape, size):
        box = run_lengths.box_of(self._pixels(shapes, shape, size))
        if box[2] <= box[0]:
            raise _error(shapes, shape, "has no pixel in the image")
        return box

    def _pixels(self, shapes, shape, size):
        """The pixels of an object: boolean `(h, w)`."""
        try:
            if shape.runs is not None:
                return run_lengths.decode(shape.runs, size)
            if shape.polygons:
                polygons = shape.polygons
                if self.shares:
                    # Of six digits, so that more than a hundredth is chance.
                    polygons = [np.round(p * size[::-1], 2) for p in polygons]
                return fill(polygons, size)
        except ValueError as error:
            raise _error(shapes, shape, f"cannot be drawn: {error}") from None
        raise _error(
            shapes,
            shape,
            "has no polygon and no run lengths, only a box. Boxes are for "
            "task='detection' (--task detection)",
        )

    def _check_size(self, shapes, size):
        if shapes.size is not None and tuple(shapes.size) != tuple(size):
            raise WrongSize(shapes.source, shapes.size, size)


def _within(boxes, size, shapes, objects):
    """Boxes cut at the edges of the image; raises for those that are not in it."""
    height, width = size
    # Written so that what is no number is outside, too.
    inside = (boxes[:, :2] >= -OUTSIDE).all(1)
    inside &= (boxes[:, 2] <= width + OUTSIDE) & (boxes[:, 3] <= height + OUTSIDE)
    if not inside.all():
        first = int(np.flatnonzero(~inside)[0])
        raise _error(
            shapes,
            objects[first],
            f"reaches outside of the image of {height}x{width} pixels (height x "
            f"width): left, top, right, bottom are {_numbers(boxes[first])}. Is it in "
            "another form, or of another size? If it is right, cut it at the edge",
        )
    boxes = clip_boxes(boxes, size)
    empty = ~(boxes[:, :2] < boxes[:, 2:]).all(1)
    if empty.any():
        first = int(np.flatnonzero(empty)[0])
        raise _error(
            shapes,
            objects[first],
            "is empty: left, top, right, bottom are "
            f"{_numbers(boxes[first])}. Remove it",
        )
    return boxes


def _numbers(box):
    return ", ".join(f"{value:g}" for value in box)


def _error(shapes, shape, text):
    return ValueError(f"{shapes.source}: {shape.name or 'an object'} {text}")
