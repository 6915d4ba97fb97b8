"""The commands of `keras-vit`: a dataclass each, whose fields are its options.

Called, a command does its work, prints the result on stdout and returns the exit
status. What computes is imported only by the command that needs it.
"""

import dataclasses
import json
from pathlib import Path
from typing import Annotated, Literal

import tyro

from keras_vit.terminal import FORMATS, as_csv, command, complain
from keras_vit.training.recipes import Recipe


@dataclasses.dataclass
class Train:
    """Train a model and write a run folder.

    Without options: a small Vision Transformer on the embedded data set
    fashion_mnist_mini, in minutes on a laptop. Ctrl-C stops and saves; the same
    command with --resume goes on, and ends as if it had not been stopped.
    """

    recipe: Annotated[Recipe, tyro.conf.arg(name="")]
    # Run folder, new or empty; runs/DATA-MODEL-NUMBER where not given.
    run: Path | None = None
    # Go on with the run in that folder, or with the last one.
    resume: tyro.conf.FlagCreatePairsOff[bool] = False
    # Minutes between saves inside a long epoch.
    save_minutes: float = 10.0

    def __call__(self):
        from keras_vit.training import train

        result = train(
            self.recipe, self.run, resume=self.resume, save_minutes=self.save_minutes
        )
        metrics = result.metrics
        print(f"test accuracy: {100 * metrics['val_accuracy']:.2f} %")
        print(f"run folder: {result.folder}")
        print(f"next: {command('evaluate', result.folder)}")
        print(f"      {command('predict', result.folder, 'IMAGE_OR_FOLDER')}")
        return 0


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


@dataclasses.dataclass
class Predict:
    """Name the classes of image files.

    A file that cannot be read is named on stderr; the others are predicted still, and
    the exit status is 1.
    """

    # Run folder, or .keras file.
    model: tyro.conf.Positional[Path]
    # Images, and folders, which are searched for images at every depth.
    files: Annotated[
        tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="FILE [FILE ...]")
    ]
    # Classes for each image.
    top: int = 5
    # How the result is printed.
    format: Literal["text", "json", "csv"] = "text"
    # Images in memory at a time.
    batch_size: int = 32

    def __post_init__(self):
        if not self.files:
            raise ValueError("predict needs at least one image file or folder.")

    def __call__(self):
        from keras_vit.prediction import predict

        predictions = predict(
            self.model, self.files, self.top, batch_size=self.batch_size
        )
        print(FORMATS[self.format](predictions), end="")
        failures = [p for p in predictions if p.error is not None]
        for prediction in failures:
            complain(prediction.error)
        return 1 if failures else 0


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


@dataclasses.dataclass
class Verify:
    """Compare this package with the original implementations, number by number.

    Small models with weights and outputs of the original code, which come with the
    package, are loaded and run. The exit status is 1 if a difference is too large.
    """

    # A model's name, to verify its family, or a .keras file or run folder; every
    # family where not given.
    model: Annotated[
        tyro.conf.Positional[str | None], tyro.conf.arg(metavar="[MODEL]")
    ] = None
    # Fetch this published file, such as ViT_B16/augreg+imagenet2012, check it, and show
    # what it sees in a photo. `keras-vit models --weights` lists the files.
    download: str | None = None

    def __call__(self):
        if self.download is not None:
            variant, _, name = self.download.rpartition("/")
            variant = self.model or variant
            if not variant:
                raise ValueError(
                    "`--download` needs a model too: ViT_B16/augreg+imagenet2012. "
                    f"Received: --download {self.download}"
                )
            from keras_vit.file_check import verify_file

            check = verify_file(name, variant)
            print(check)
            return 0 if check.certificate.passed else 1
        from keras_vit.certificate import verify
        from keras_vit.prediction import load_model

        model = self.model
        if model is not None and Path(model).exists():
            model = load_model(model)
        certificate = verify(model)
        print(certificate)
        return 0 if certificate.passed else 1
