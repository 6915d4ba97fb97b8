"""The command `keras-vit predict`."""

import contextlib
import dataclasses
import json
import sys
import textwrap
from pathlib import Path
from typing import Annotated, Literal

import tyro

from keras_vit.commands.judging.mask_files import MaskFiles
from keras_vit.commands.machines.devices import on_devices
from keras_vit.common.progress import progress_bar
from keras_vit.common.wording import display, percent
from keras_vit.terminal import complain, show_csv


@dataclasses.dataclass
class Predict:
    """Predict the classes of image files, or of their pixels.

    A model that gives a class to every pixel prints the share of each class in the
    pixels, and writes masks with --out, --overlay and --coco. A file that cannot be
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
    # Of pixels: a folder for the masks, PNGs whose values are the classes.
    out: Path | None = None
    # Of pixels: a folder for pictures of the masks over their images, with a legend.
    overlay: Path | None = None
    # Of pixels: a COCO json for all masks, as run lengths of each class.
    coco: Path | None = None
    # Of pixels: read images in windows of this size that overlap, instead of resized.
    window: int | tuple[int, int] | None = None
    # Output format.
    format: Literal["text", "json", "csv"] = "text"
    # Number of images in memory at a time; by default 32, of pixels 8.
    batch_size: int | None = None
    # Where to compute: auto, cpu, gpu or tpu, with an optional number of devices, as in
    # gpu:2.
    devices: str = "auto"

    def __post_init__(self):
        if not self.files:
            raise ValueError("predict needs at least one image file or folder.")

    def __call__(self):
        from keras_vit.inference.loaded import gives_pixels, load_model

        with on_devices(self.devices) as devices, self._progress() as tell:
            model = load_model(self.model)
            masks = gives_pixels(model)
            self.batch_size = self.batch_size or (8 if masks else 32)
            found = self._masks(model) if masks else self._classes(model)
            write = (PIXEL_WRITERS if masks else WRITERS)[self.format]()
            self._failed = False
            with contextlib.closing(found), write as rows:
                shown = self._shown(found, rows, tell, devices.is_chief)
                if masks and devices.is_chief:
                    MaskFiles(self.out, self.overlay, self.coco).write(shown)
                for _ in shown:
                    pass
        return 1 if self._failed and devices.is_chief else 0

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

    def _classes(self, model):
        from keras_vit.inference.predicting import predictions

        for name in ("out", "overlay", "coco", "window"):
            if getattr(self, name) is not None:
                raise ValueError(
                    f"--{name} is for models of pixels. Received: {self.model}, which "
                    "gives a class to the whole image."
                )
        options = {"batch_size": self.batch_size, "name": self.model}
        return predictions(model, self.files, self.top, **options)

    def _masks(self, model):
        from keras_vit.inference.segmenting import segmentations

        options = {"window": self.window, "batch_size": self.batch_size}
        return segmentations(model, self.files, **options)

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
