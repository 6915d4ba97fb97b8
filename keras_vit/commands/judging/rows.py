"""Rows of what `predict` finds in each image, as text, CSV or JSON."""

import contextlib
import json
import textwrap

from keras_vit.common.streams import for_programs
from keras_vit.common.tables import as_csv
from keras_vit.common.wording import display, percent


def print_row(text):
    """Prints text at once: what was predicted is there whatever comes next."""
    print(text, end="", flush=True)


def print_csv(text):
    """The same for other programs."""
    print(text, end="", file=for_programs(), flush=True)


@contextlib.contextmanager
def _as_text(put):
    def write(prediction):
        lines = [] if prediction.error else [display(prediction.file)]
        if lines and not prediction.classes:
            lines.append("  no label above its threshold")
        for name, probability in prediction.classes:
            lines.append(f"  {percent(probability, 1):>7}  {display(name)}")
        put("".join(f"{line}\n" for line in lines))

    yield write


@contextlib.contextmanager
def _as_csv(put):
    header = ("file", "rank", "class", "probability")

    def write(prediction):
        nonlocal header
        rows = [
            (prediction.file, rank, name, probability)
            for rank, (name, probability) in enumerate(prediction.classes, 1)
        ]
        if not rows and prediction.error is None:  # of several labels an image
            rows = [(prediction.file, 0, "", "")]
        if header is not None:
            rows, header = [header, *rows], None
        if rows:
            put(as_csv(rows[0], rows[1:]))

    yield write
    if header is not None:
        put(as_csv(header, ()))


@contextlib.contextmanager
def _as_json(put):
    """An array that is whole also if it ends early."""
    before = "["

    def write(prediction):
        nonlocal before
        item = textwrap.indent(json.dumps(prediction.to_json(), indent=2), "  ")
        put(f"{before}\n{item}")
        before = ","

    try:
        yield write
    finally:
        if before == ",":
            put("\n]\n")


_OF_CLASSES = {"text": _as_text, "json": _as_json, "csv": _as_csv}


@contextlib.contextmanager
def _shares_as_text(put):
    def write(found):
        lines = [] if found.error else [display(found.file)]
        for name, share in _shares(found):
            lines.append(f"  {percent(share, 1):>7}  {display(name)}")
        put("".join(f"{line}\n" for line in lines))

    yield write


@contextlib.contextmanager
def _shares_as_csv(put):
    put(as_csv(("file", "class", "share"), ()))

    def write(found):
        for row in _shares(found):
            put(as_csv((found.file, *row), ()))

    yield write


def _shares(found):
    """(class, share of the pixels) of the classes that an image has, largest first."""
    if found.error is not None:
        return []
    pairs = zip(found.class_names, found.shares.tolist())
    return sorted(((n, share) for n, share in pairs if share), key=lambda x: -x[1])


_OF_PIXELS = {"text": _shares_as_text, "json": _as_json, "csv": _shares_as_csv}


@contextlib.contextmanager
def _boxes_as_text(put):
    def write(found):
        lines = [] if found.error else [display(found.file)]
        for name, score, box in _objects(found):
            places = " ".join(f"{value:.0f}" for value in box)
            lines.append(f"  {percent(score, 1):>7}  {display(name)}  {places}")
        put("".join(f"{line}\n" for line in lines))

    yield write


@contextlib.contextmanager
def _boxes_as_csv(put):
    put(as_csv(("file", "class", "score", "left", "top", "right", "bottom"), ()))

    def write(found):
        for name, score, box in _objects(found):
            put(as_csv((found.file, name, score, *box), ()))

    yield write


def _objects(found):
    """(class, score, box) of the objects of an image, the highest score first."""
    if found.error is not None:
        return []
    objects = found.to_json()["objects"]
    return [(each["class"], each["score"], each["box"]) for each in objects]


_OF_BOXES = {"text": _boxes_as_text, "json": _as_json, "csv": _boxes_as_csv}

# By what a model gives, and by format: context managers that take a function for text
# and give one for predictions.
WRITERS = {"classes": _OF_CLASSES, "pixels": _OF_PIXELS, "boxes": _OF_BOXES}


def answers(found, kind):
    """(class, probability, share or score) of what was found, the highest first."""
    if kind == "classes":
        return found.classes
    if kind == "pixels":
        return _shares(found)
    return [(name, score) for name, score, _ in _objects(found)]
