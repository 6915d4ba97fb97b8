"""`keras-vit data`."""

import dataclasses
import json
from typing import Annotated, Literal

import tyro


@dataclasses.dataclass
class Data:
    """Say what a data set is: size, classes, licence, and how to get it.

    Nothing is downloaded. Without a name: the sets of the papers' benchmarks.
    """

    # TFDS name, VTAB task (vtab/dtd), folder, list of files (.csv, .tsv, .parquet) or
    # prepared directory.
    name: Annotated[
        tyro.conf.Positional[str | None], tyro.conf.arg(metavar="[NAME]")
    ] = None
    # Where TFDS keeps its data sets; its own default where not given.
    data_dir: str | None = None
    # How it is printed.
    format: Literal["text", "json"] = "text"

    def __call__(self):
        from keras_vit.data import describe, list_datasets

        if self.name is None:
            known = list_datasets()
            print(json.dumps(known) if self.format == "json" else "\n".join(known))
            return 0
        description = describe(self.name, self.data_dir)
        if self.format == "json":
            print(json.dumps(description.to_json(), indent=2))
        else:
            print(description)
        return 0
