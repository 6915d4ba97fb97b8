"""What masks and boxes hold: classes and their shares, counts and sizes."""

import dataclasses

import numpy as np

from keras_vit.data.dense.found import Found
from keras_vit.data.dense.looking import Look, look
from keras_vit.data.dense.mask_files import IGNORED

MOST_MASKS = 10_000  # that are decoded before training
SHOWN = 20  # classes in a note


@dataclasses.dataclass(frozen=True)
class Contents:
    """What a set holds, as `load` and `describe` say it.

    Attributes:
        look: The `Look` at the images.
        class_names: List of strings.
        images: Dictionary of class names to how many images show the class.
        most: Most objects of one image; 0 for masks.
        notes: Sentences.
    """

    look: Look
    class_names: list[str]
    images: dict[str, int]
    most: int
    notes: tuple[str, ...]


def mask_contents(found: Found, name: str, skip: bool = False) -> Contents:
    """What the masks of a set hold.

    Raises:
        ValueError: naming masks that cannot be used, or if they hold no classes by the
            look of them.
    """

    def count(annotation, size):
        mask = found.reader.mask(annotation, size)
        return np.bincount(mask.reshape(-1), minlength=IGNORED + 1)

    seen = look(found, name, count, most=MOST_MASKS, skip=skip)
    pixels, images = np.zeros((2, IGNORED + 1), np.int64)
    for counts in seen.measured:
        pixels += counts
        images += counts > 0
    names = _mask_classes(found, pixels, name)
    total = pixels.sum()
    shares = [
        f"{each} {100 * pixels[number] / total:.3g} % (in {images[number]:,} images)"
        for number, each in enumerate(names[:SHOWN])
    ]
    notes = [
        f"{name}: {found.form}, {seen.num_images:,} images, {_counted(names)}. "
        f"Shares of the pixels: {_listed(shares, names)}; 255, not counted: "
        f"{100 * pixels[IGNORED] / total:.3g} %."
    ]
    absent = [each for number, each in enumerate(names) if not pixels[number]]
    if absent:
        notes.append(f"{name}: no pixel is of {_listed(absent[:SHOWN], absent)}.")
    notes += [*seen.notes(name), *found.notes]
    by_name = dict(zip(names, images.tolist()))
    return Contents(seen, names, by_name, 0, tuple(notes))


def _counted(names):
    return "1 class" if len(names) == 1 else f"{len(names):,} classes"


def _listed(shown, all_of_them):
    return ", ".join(shown) + (", ..." if len(all_of_them) > SHOWN else "")


def _mask_classes(found, pixels, name):
    """The names of the classes: those given, or the numbers in the masks."""
    values = np.flatnonzero(pixels[:IGNORED])
    plain = getattr(found.reader, "colours", False) is None
    if plain and pixels[IGNORED] and values.tolist() in ([0], []):
        raise ValueError(
            f"{name}: the masks hold only "
            f"{' and '.join(map(str, [*values, IGNORED]))}, and 255 means 'not "
            "counted', so there is one class. If white is the "
            'second class, put colours.json beside the folders: {"background": '
            '[0, 0, 0], "object": [255, 255, 255]}; or write 1 for it.'
        )
    if found.class_names is not None:
        if len(found.class_names) > IGNORED:
            raise ValueError(
                f"{name}: masks can have {IGNORED} classes, the background included. "
                f"Received: {len(found.class_names)}"
            )
        return list(found.class_names)
    count = int(values[-1]) + 1 if len(values) else 0
    if count < 2:
        raise ValueError(
            f"{name}: all pixels of the masks are of one value, so there is nothing to "
            "tell apart. If the masks are right, name the classes in classes.txt."
        )
    if 2 * len(values) < count:
        raise ValueError(
            f"{name}: the values of the masks are "
            f"{_listed(list(map(str, values[:SHOWN])), values)}: not the numbers of "
            "classes from 0 on. If they are, name all classes in classes.txt beside "
            "the folders, one a line. If they are grey levels, say what they mean in "
            'colours.json: {"background": [0, 0, 0], "cell": [128, 128, 128]}.'
        )
    return [str(number) for number in range(count)]


def box_contents(found: Found, name: str, skip: bool = False) -> Contents:
    """What the boxes of a set hold.

    Raises:
        ValueError: naming images whose boxes cannot be used, or if there are no boxes.
    """
    seen = look(found, name, found.reader.boxes, skip=skip)
    names = list(found.class_names)
    boxes = np.concatenate([each["boxes"] for each in seen.measured])
    classes = np.concatenate([each["classes"] for each in seen.measured])
    crowd = int(sum(each["crowd"].sum() for each in seen.measured))
    most = max(len(each["classes"]) for each in seen.measured)
    if not most:
        raise ValueError(f"{name}: no image has an object, so nothing can be learnt.")
    counts = np.bincount(classes, minlength=len(names))
    images = np.zeros(len(names), np.int64)
    for each in seen.measured:
        images[np.unique(each["classes"])] += 1
    shares = [
        f"{each} {counts[number]:,} (in {images[number]:,} images)"
        for number, each in enumerate(names[:SHOWN])
    ]
    empty = sum(not len(each["classes"]) for each in seen.measured)
    sides = boxes[:, 2:] - boxes[:, :2]
    notes = [
        f"{name}: {found.form}, {seen.num_images:,} images, {_counted(names)}. "
        f"Objects: {_listed(shares, names)}; {crowd:,} are crowds or difficult; "
        f"{empty:,} images have none, and one has {most:,}. Boxes are "
        f"{sides.min():.3g} to {sides.max():.3g} pixels wide or high.",
        *seen.notes(name),
        *found.notes,
    ]
    absent = [each for number, each in enumerate(names) if not counts[number]]
    if absent:
        notes.append(f"{name}: no object is of {_listed(absent[:SHOWN], absent)}.")
    by_name = dict(zip(names, images.tolist()))
    return Contents(seen, names, by_name, most, tuple(notes))
