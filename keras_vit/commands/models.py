"""`keras-vit models`."""

import dataclasses
import json
from typing import Annotated, Literal

import tyro

from keras_vit.terminal import as_csv


@dataclasses.dataclass
class Models:
    """List the published models with size, cost and image size.

    With --weights: the published weight files, with their image size, classes,
    accuracy and licence.
    """

    # One model, such as ViT_B16; all where not given.
    name: Annotated[
        tyro.conf.Positional[str | None], tyro.conf.arg(metavar="[NAME]")
    ] = None
    # List the published weight files instead.
    weights: tyro.conf.FlagCreatePairsOff[bool] = False
    # With --weights: files with a head of so many classes.
    num_classes: int | None = None
    # How the table is printed.
    format: Literal["text", "json", "csv"] = "text"

    def __call__(self):
        from keras_vit import checkpoints, models

        name = None if self.name is None else models.canonical_name(self.name)
        if self.weights:
            table = checkpoints.list_weights(name, num_classes=self.num_classes)
        else:
            table = models.ModelTable(
                row for row in models.list_models() if name in (None, row.name)
            )
        if self.format == "text":
            print(table)
            return 0
        rows = [dataclasses.asdict(row) for row in table]
        if self.format == "json":
            print(json.dumps(rows, indent=2))
        elif rows:
            print(as_csv(rows[0], (row.values() for row in rows)), end="")
        return 0
