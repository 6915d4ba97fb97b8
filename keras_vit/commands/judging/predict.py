"""The command `keras-vit predict`."""

import contextlib
import dataclasses
import json
import sys
import textwrap
from pathlib import Path
from typing import Annotated, Literal

import tyro

from keras_vit.commands.judging.box_files import BoxFiles
from keras_vit.commands.judging.mask_files import MaskFiles
from keras_vit.commands.machines.devices import on_devices
from keras_vit.common.progress import progress_bar
from keras_vit.common.wording import display, percent
from keras_vit.terminal import complain, show_csv


@dataclasses.dataclass
class Predict:
    """Predict the classes of image files, or of their pixels, or the boxes of objects.

    A model that gives a class to every pixel prints the share of each class in the
    pixels, and writes masks with --out, --overlay and --coco. One that finds objects
    prints and writes their boxes. A file that cannot be
    read is named on stderr; the others are still predicted, and the exit status is 1.
    Each row is written as soon as it is known: Ctrl-C keeps what was predicted, also as
    valid JSON.
    """

    # Run folder, .keras file, or a file or folder of weights that says what it is.
    model: tyro.conf.Positional[Path]
    # Image files, or folders, which are searched at every depth.
    files: Annotated[
        tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="FILE [FILE ...]")
    ]
    # Number of classes to print for each image.
    top: int = 5
    # Of pixels: a folder for the masks, PNGs whose values are the classes. Of boxes: a
    # new folder for YOLO's txt files.
    out: Path | None = None
    # Of pixels and boxes: a folder for pictures of them over their images.
    overlay: Path | None = None
    # Of pixels and boxes: a COCO json of all, of masks as run lengths of each class.
    # Its ids are its own; evaluate --data scores a model against another json.
    coco: Path | None = None
    # Of pixels: read images in windows of this size that overlap, instead of resized.
    window: int | tuple[int, int] | None = None
    # Of boxes: the lowest score of one. By default 0.3.
    score: float | None = None
    # Output format.
    format: Literal["text", "json", "csv"] = "text"
    # Number of images in memory at a time; by default 32, of pixels and boxes 8.
    batch_size: int | None = None
    # Where to compute: auto, cpu, gpu or tpu, with an optional number of devices, as in
    # gpu:2.
    devices: str = "auto"

    def __post_init__(self):
        if not self.files:
            raise ValueError("predict needs at least one image file or folder.")

    def __call__(self):
        from keras_vit.inference.detecting import gives_boxes
        from keras_vit.inference.loaded import gives_pixels, load_model

        with on_devices(self.devices) as devices, self._progress() as tell:
            model = load_model(self.model)
            kind = "classes"
            if gives_boxes(model):
                kind = "boxes"
            elif gives_pixels(model):
                kind = "pixels"
            self._check(kind)
            self.batch_size = self.batch_size or (32 if kind == "classes" else 8)
            find, writers, writer = KINDS[kind]
            files = None
            if writer is not None and any((self.out, self.overlay, self.coco)):
                files = self._files(writer, devices.is_chief)
            found, write = find(self, model), writers[self.format]()
            self._failed = False
            with contextlib.closing(found), write as rows:
                shown = self._shown(found, rows, tell, devices.is_chief)
                if files is not None:
                    files.write(shown)
                for _ in shown:
                    pass
        return 1 if self._failed and devices.is_chief else 0

    def _files(self, writer, is_chief):
        """Who writes the files of the images, which are found before any is written."""
        from keras_vit.inference.predicting import find_images

        self.files = tuple(file for file, _ in find_images(self.files))
        if not is_chief:
            return None
        places = self.out, self.overlay, self.coco
        return writer(self.files, *places, kept=[self.model])

    def _shown(self, found, rows, tell, is_chief):
        """Yields what was found, after it was printed."""
        for count, prediction in enumerate(found, 1):
            self._failed |= prediction.error is not None
            if is_chief:
                rows(prediction)
                if prediction.error is not None:
                    complain(prediction.error)
                if tell is not None and count % self.batch_size == 0:
                    tell(count)
            yield prediction

    def _check(self, kind):
        """Raises for an option of another kind of model."""
        for name, kinds in OPTIONS.items():
            if getattr(self, name) is not None and kind not in kinds:
                raise ValueError(
                    f"--{name} is for models of {' and '.join(kinds)}. Received: "
                    f"{self.model}, which gives {GIVEN[kind]}."
                )

    def _classes(self, model):
        from keras_vit.inference.predicting import predictions

        options = {"batch_size": self.batch_size, "name": self.model}
        return predictions(model, self.files, self.top, **options)

    def _masks(self, model):
        from keras_vit.inference.segmenting import segmentations

        options = {"window": self.window, "batch_size": self.batch_size}
        return segmentations(model, self.files, **options)

    def _boxes(self, model):
        from keras_vit.inference.detecting import detections

        score = {} if self.score is None else {"score": self.score}
        options = {"batch_size": self.batch_size, **score}
        return detections(model, self.files, **options)

    def _progress(self):
        """A sign of life where the rows go into a file."""
        return progress_bar("predicting", False if sys.stdout.isatty() else None)


def _print(text):
    # At once: what was predicted is there whatever comes next.
    print(text, end="", flush=True)


@contextlib.contextmanager
def _as_text():
    def write(prediction):
        lines = [display(prediction.file)] if prediction.classes else []
        for name, probability in prediction.classes:
            lines.append(f"  {percent(probability, 1):>7}  {display(name)}")
        _print("".join(f"{line}\n" for line in lines))

    yield write


@contextlib.contextmanager
def _as_csv():
    header = ("file", "rank", "class", "probability")

    def write(prediction):
        nonlocal header
        rows = [
            (prediction.file, rank, name, probability)
            for rank, (name, probability) in enumerate(prediction.classes, 1)
        ]
        if header is not None:
            rows, header = [header, *rows], None
        if rows:
            show_csv(rows[0], rows[1:])

    yield write
    if header is not None:
        show_csv(header, ())


@contextlib.contextmanager
def _as_json():
    """An array that is whole also if it ends early."""
    before = "["

    def write(prediction):
        nonlocal before
        item = textwrap.indent(json.dumps(prediction.to_json(), indent=2), "  ")
        _print(f"{before}\n{item}")
        before = ","

    try:
        yield write
    finally:
        if before == ",":
            _print("\n]\n")


WRITERS = {"text": _as_text, "json": _as_json, "csv": _as_csv}


@contextlib.contextmanager
def _shares_as_text():
    def write(found):
        lines = [] if found.error else [display(found.file)]
        for name, share in _shares(found):
            lines.append(f"  {percent(share, 1):>7}  {display(name)}")
        _print("".join(f"{line}\n" for line in lines))

    yield write


@contextlib.contextmanager
def _shares_as_csv():
    show_csv(("file", "class", "share"), ())

    def write(found):
        for row in _shares(found):
            show_csv((found.file, *row), ())

    yield write


def _shares(found):
    """(class, share of the pixels) of the classes that an image has, largest first."""
    if found.error is not None:
        return []
    pairs = zip(found.class_names, found.shares.tolist())
    return sorted(((n, share) for n, share in pairs if share), key=lambda x: -x[1])


PIXEL_WRITERS = {"text": _shares_as_text, "json": _as_json, "csv": _shares_as_csv}


@contextlib.contextmanager
def _boxes_as_text():
    def write(found):
        lines = [] if found.error else [display(found.file)]
        for name, score, box in _objects(found):
            places = " ".join(f"{value:.0f}" for value in box)
            lines.append(f"  {percent(score, 1):>7}  {display(name)}  {places}")
        _print("".join(f"{line}\n" for line in lines))

    yield write


@contextlib.contextmanager
def _boxes_as_csv():
    show_csv(("file", "class", "score", "left", "top", "right", "bottom"), ())

    def write(found):
        for name, score, box in _objects(found):
            show_csv((found.file, name, score, *box), ())

    yield write


def _objects(found):
    """(class, score, box) of the objects of an image, the highest score first."""
    if found.error is not None:
        return []
    objects = found.to_json()["objects"]
    return [(each["class"], each["score"], each["box"]) for each in objects]


BOX_WRITERS = {"text": _boxes_as_text, "json": _as_json, "csv": _boxes_as_csv}

# What models give: who finds it, prints it, and writes its files.
KINDS = {
    "classes": (Predict._classes, WRITERS, None),
    "pixels": (Predict._masks, PIXEL_WRITERS, MaskFiles),
    "boxes": (Predict._boxes, BOX_WRITERS, BoxFiles),
}
GIVEN = {
    "classes": "a class to the whole image",
    "pixels": "a class to every pixel",
    "boxes": "boxes of objects",
}
# Options that only some of them read.
OPTIONS = {
    "out": ("pixels", "boxes"),
    "overlay": ("pixels", "boxes"),
    "coco": ("pixels", "boxes"),
    "window": ("pixels",),
    "score": ("boxes",),
}
