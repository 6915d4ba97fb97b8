"""The command `keras-vit predict`."""

import contextlib
import dataclasses
import sys
from itertools import chain
from pathlib import Path
from typing import Annotated, Literal

import tyro

from keras_vit.commands.judging.box_files import BoxFiles
from keras_vit.commands.judging.mask_files import MaskFiles
from keras_vit.commands.judging.prediction_files import (
    PredictionFile,
    is_file_of_predictions,
)
from keras_vit.commands.judging.rows import WRITERS, print_csv, print_row
from keras_vit.commands.machines.devices import on_devices
from keras_vit.common.progress import progress_bar
from keras_vit.terminal import complain


@dataclasses.dataclass
class Predict:
    """Predict classes or labels of image files, of their pixels, or boxes of objects.

    A model that gives a class to every pixel prints the share of each class in the
    pixels, and writes masks with --out, --overlay and --coco. One that finds objects
    prints and writes their boxes. A file that cannot be
    read is named on stderr; the others are still predicted, and the exit status is 1.
    Each row is printed as soon as it is known: Ctrl-C keeps what was predicted, also as
    valid JSON. The one file of --out is written whole, at the end.
    """

    # Run folder, .keras file, a file or folder of weights that says what it is, or
    # published weights by name, such as ViT_B16/imagenet.
    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    # Image files; folders, which are searched at every depth; .zip and .tar archives;
    # lists (.txt with a file on each line, .csv with a column file); and - for a list
    # on standard input.
    files: Annotated[
        tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="FILE [FILE ...]")
    ]
    # Number of classes to print for each image; by default 5, of several labels all
    # that are above their thresholds.
    top: int | None = None
    # One file for all images: .csv, .json, or .html for a page of small pictures. Or,
    # of pixels: a folder for the masks, PNGs whose values are the classes; of boxes: a
    # new folder for YOLO's txt files.
    out: Path | None = None
    # Of pixels and boxes: a folder for pictures of them over their images.
    overlay: Path | None = None
    # Of pixels and boxes: a COCO json of all, of masks as run lengths of each class.
    # Its ids are its own; with --like they are those of another json.
    coco: Path | None = None
    # Of boxes: the COCO json with the truth. --coco then writes results with its ids,
    # which pycocotools scores against it.
    like: Path | None = None
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
        self._pictures = False
        if not self.files:
            raise ValueError("predict needs at least one image file or folder.")
        if self.like is not None and self.coco is None:
            raise ValueError(
                "--like says which ids --coco writes. Received: --like without --coco."
            )

    def __call__(self):
        self.files = tuple(file for each in self.files for file in _from_input(each))
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
            find, writer = KINDS[kind]
            files = table = None
            if is_file_of_predictions(self.out):
                table = PredictionFile(self.out, kind, self.model, self.files)
                self.out, self._pictures = None, table.is_page
            if writer is not None and any((self.out, self.overlay, self.coco)):
                files = self._files(writer, devices.is_chief)
            put = print_csv if self.format == "csv" else print_row
            found, write = find(self, model), WRITERS[kind][self.format](put)
            self._failed = False
            with contextlib.closing(found), write as rows:
                shown = self._shown(found, rows, tell, devices.is_chief)
                if table is not None and devices.is_chief:
                    shown = table.through(shown)
                if files is not None:
                    files.write(shown)
                for _ in shown:
                    pass
        return 1 if self._failed and devices.is_chief else 0

    def _files(self, writer, is_chief):
        """Who writes the files of the images, which are found before any is written."""
        from keras_vit.inference.archives import is_archive
        from keras_vit.inference.inputs import image_names

        names = {file: image_names([file]) for file in self.files}
        self.files = tuple(
            name
            for file in self.files
            for name in ([file] if is_archive(file) else names[file])
        )
        if not is_chief:
            return None
        places = self.out, self.overlay, self.coco
        more = {} if self.like is None else {"like": self.like}
        files = list(chain(*names.values()))
        return writer(files, *places, kept=[Path(self.model)], **more)

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
            if name == "out" and is_file_of_predictions(self.out):
                continue
            if name == "out" and self.out is not None and kind not in kinds:
                raise ValueError(
                    "--out of a model of classes is a .csv, .json or .html file. "
                    f"Received: {self.out}"
                )
            if getattr(self, name) is not None and kind not in kinds:
                raise ValueError(
                    f"--{name} is for models of {' and '.join(kinds)}. Received: "
                    f"{self.model}, which gives {GIVEN[kind]}."
                )

    def _classes(self, model):
        from keras_vit.inference.predicting import predictions

        options = {"batch_size": self.batch_size, "name": self.model}
        options["thumbnails"] = self._pictures
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


def _from_input(file):
    """The file itself; for `-` those that standard input names, a line or 0 after each.

    Raises:
        ValueError: if it names none.
    """
    if file != "-":
        return [file]
    from keras_vit.inference.inputs import lines_of

    files = lines_of(sys.stdin.buffer.read())
    if not files:
        raise ValueError("Standard input named no images, one on each line.")
    return files


# What models give: who finds it, and writes its files.
KINDS = {
    "classes": (Predict._classes, None),
    "pixels": (Predict._masks, MaskFiles),
    "boxes": (Predict._boxes, BoxFiles),
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
    "like": ("boxes",),
    "window": ("pixels",),
    "score": ("boxes",),
}
