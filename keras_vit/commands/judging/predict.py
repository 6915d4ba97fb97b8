"""The command `keras-vit predict`."""

import contextlib
import dataclasses
import json
import sys
import textwrap
from pathlib import Path
from typing import Annotated, Literal

import tyro

from keras_vit.commands.machines.devices import on_devices
from keras_vit.common.progress import progress_bar
from keras_vit.common.wording import display, percent
from keras_vit.terminal import complain, show_csv


@dataclasses.dataclass
class Predict:
    """Predict the classes of image files.

    A file that cannot be read is named on stderr; the others are still predicted, and
    the exit status is 1. Each row is written as soon as it is known: Ctrl-C keeps what
    was predicted, also as valid JSON.
    """

    # Run folder, .keras file, or a file or folder of weights that says what it is.
    model: tyro.conf.Positional[Path]
    # Image files, or folders, which are searched at every depth.
    files: Annotated[
        tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="FILE [FILE ...]")
    ]
    # Number of classes to print for each image.
    top: int = 5
    # Output format.
    format: Literal["text", "json", "csv"] = "text"
    # Number of images in memory at a time.
    batch_size: int = 32
    # Where to compute: auto, cpu, gpu or tpu, with an optional number of devices, as in
    # gpu:2.
    devices: str = "auto"

    def __post_init__(self):
        if not self.files:
            raise ValueError("predict needs at least one image file or folder.")

    def __call__(self):
        from keras_vit.inference.predicting import predictions

        failed, write = False, WRITERS[self.format]()
        with on_devices(self.devices) as devices, self._progress() as tell:
            found = predictions(
                self.model, self.files, self.top, batch_size=self.batch_size
            )
            with contextlib.closing(found), write as rows:
                for count, prediction in enumerate(found, 1):
                    failed |= prediction.error is not None
                    if not devices.is_chief:
                        continue
                    rows(prediction)
                    if prediction.error is not None:
                        complain(prediction.error)
                    if tell is not None and count % self.batch_size == 0:
                        tell(count)
        return 1 if failed and devices.is_chief else 0

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
