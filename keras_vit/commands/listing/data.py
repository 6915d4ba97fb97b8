"""The command `keras-vit data`."""

import dataclasses
from typing import Annotated, Literal

import tyro

from keras_vit.terminal import show


@dataclasses.dataclass
class Data:
    """Describe a data set: size, classes, licence, and how to get it.

    Nothing is downloaded. Without a name, lists the data sets of the papers'
    benchmarks.
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
    # Output format.
    format: Literal["text", "json"] = "text"

    def __call__(self):
        from keras_vit.data import describe, list_datasets

        if self.name is None:
            known = list_datasets()
            show("\n".join(known) if self.format == "text" else known, self.format)
        else:
            found = describe(self.name, self.data_dir, task=self.task)
            show(found, self.format)
        return 0
