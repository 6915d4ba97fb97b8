"""The command `keras-vit data`."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import tyro

from keras_vit.commands.judging.evaluate import check_writable
from keras_vit.common.progress import progress_bar
from keras_vit.terminal import show


@dataclasses.dataclass
class Data:
    """Describe a data set: size, classes, licence, and how to get it.

    Of a folder or list of files with classes, up to 10,000 images of each part are
    looked at, for duplicates, broken and odd ones. Nothing is downloaded. Without a
    name, lists the data sets of the papers' benchmarks.
    """

    # TFDS name, VTAB task (vtab/dtd), folder, list of files (.csv, .tsv, .parquet) or
    # prepared directory.
    name: Annotated[
        tyro.conf.Positional[str | None], tyro.conf.arg(metavar="[NAME]")
    ] = None
    # Where TFDS keeps its data sets; TFDS's default if not given.
    data_dir: str | None = None
    # What it is for; by default what a folder is annotated for. The masks or boxes of a
    # folder are read, and wrong ones are named; of multilabel, how many labels images
    # have.
    task: (
        Literal["classification", "multilabel", "segmentation", "detection"] | None
    ) = None
    # Write a page with thumbnails of each class, and of what is odd, to this HTML file.
    report: Path | None = None
    # Output format.
    format: Literal["text", "json"] = "text"

    def __call__(self):
        from keras_vit.data import describe, list_datasets

        if self.name is None:
            known = list_datasets()
            show("\n".join(known) if self.format == "text" else known, self.format)
            return 0
        if self.report is not None:
            check_writable(self.report)
        found = describe(self.name, self.data_dir, task=self.task)
        if self.report is not None and not _is_here(found):
            raise ValueError(
                "--report is for a folder or list of images with one class each. "
                f"Received: {self.name}, {found.kind}"
            )
        show(found, self.format)
        if _is_here(found) and (self.format == "text" or self.report is not None):
            self._look()
        return 0

    def _look(self):
        """Looks at the images, as training does first, and tells what is odd."""
        from keras_vit.advising.data_page import (
            counts_of,
            next_command,
            remarks,
            write_data_page,
        )
        from keras_vit.data import load_splits
        from keras_vit.data.check.data_check import check_data
        from keras_vit.training.run.first_look import LIMIT

        parts = dict(zip(("train", "test"), load_splits(self.name, self.data_dir)))
        with progress_bar("looking at the images") as bar:
            check = check_data(*parts.values(), limit=LIMIT, progress=bar)
        is_text = self.format == "text"
        if is_text:
            print("\n".join(counts_of(check)))
            for remark in remarks(check):
                print(f"- {remark}")
        if self.report is not None:
            if check.broken:
                parts = {name: part.without_corrupt() for name, part in parts.items()}
            write_data_page(parts, check, self.report, self.name)
        if is_text and self.report is not None:
            print(f"report: {self.report}")
        if is_text:
            print(f"next: {next_command(self.name, check)}")


def _is_here(found):
    """Whether it is a folder or list of images with one class each."""
    return found.kind in ("folder", "list of files")
