"""The command `keras-vit predict`."""

import dataclasses
import json
from pathlib import Path
from typing import Annotated, Literal

import tyro

from keras_vit.commands.machines.devices import on_devices
from keras_vit.common.tables import as_csv
from keras_vit.common.wording import percent
from keras_vit.terminal import complain


@dataclasses.dataclass
class Predict:
    """Predict the classes of image files.

    A file that cannot be read is named on stderr; the others are still predicted, and
    the exit status is 1.
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
        from keras_vit.inference.predicting import predict

        with on_devices(self.devices) as devices:
            predictions = predict(
                self.model, self.files, self.top, batch_size=self.batch_size
            )
        if not devices.is_chief:
            return 0
        failures = [p for p in predictions if p.error is not None]
        if self.format == "json":
            print(json.dumps([p.to_json() for p in predictions], indent=2))
        else:
            rows = [
                (prediction.file, rank, name, probability)
                for prediction in predictions
                for rank, (name, probability) in enumerate(prediction.classes, 1)
            ]
            if self.format == "csv":
                print(as_csv(("file", "rank", "class", "probability"), rows), end="")
            else:
                for file, rank, name, probability in rows:
                    if rank == 1:
                        print(file)
                    print(f"  {percent(probability, 1):>7}  {name}")
        for prediction in failures:
            complain(prediction.error)
        return 1 if failures else 0
