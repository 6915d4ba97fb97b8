"""`keras-vit evaluate`."""

import dataclasses
import json
from pathlib import Path
from typing import Literal

import tyro


@dataclasses.dataclass
class Evaluate:
    """Measure loss and accuracy of a trained model."""

    # Run folder, or .keras file.
    model: tyro.conf.Positional[Path]
    # Data set or folder, as for train; the test images of the run where not given.
    data: str | None = None
    # Where TFDS keeps its data sets; its own default where not given.
    data_dir: str | None = None
    # Images at a time; does not change the result.
    batch_size: int = 64
    # How the result is printed.
    format: Literal["text", "json"] = "text"

    def __call__(self):
        from keras_vit.evaluation import evaluate

        result = evaluate(
            self.model, self.data, data_dir=self.data_dir, batch_size=self.batch_size
        )
        if self.format == "json":
            print(json.dumps(result.to_json()))
            return 0
        print(f"data: {result.data}, {result.num_examples} examples")
        print(f"loss: {result.loss:.4f}")
        print(f"accuracy: {100 * result.accuracy:.2f} %")
        return 0
