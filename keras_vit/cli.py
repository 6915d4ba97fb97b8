"""The command `keras-vit`: reads the arguments, makes one call, prints the result.

Results go to stdout, everything else to stderr. The exit status is 0 for success, 1
for a failure, 2 for wrong usage, 130 after Ctrl-C.
"""

import dataclasses
import json
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Literal, Union

import tyro

from keras_vit._version import __version__
from keras_vit.terminal import (
    DEBUG,
    FORMATS,
    PROGRAM,
    as_csv,
    command,
    complain,
    error_message,
    log_to_stderr,
)
from keras_vit.training.recipes import Recipe

DESCRIPTION = f"""Vision Transformers for Keras: train, evaluate and use them.

The exit status is 0 for success, 1 for a failure, 2 for wrong usage. With the
environment variable {DEBUG}=1, errors come with a traceback. --version prints the
version."""


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
    """List the published models with size, cost and image size."""

    # How the table is printed.
    format: Literal["text", "json", "csv"] = "text"

    def __call__(self):
        from keras_vit.models import list_models

        table = list_models()
        rows = [dataclasses.asdict(row) for row in table]
        if self.format == "text":
            print(table)
        elif self.format == "json":
            print(json.dumps(rows, indent=2))
        else:
            print(as_csv(rows[0], (row.values() for row in rows)), end="")
        return 0


def main(args=None):
    """Runs one command.

    Args:
        args: List of strings; the process's own arguments by default.

    Returns:
        The exit status.
    """
    args = list(sys.argv[1:] if args is None else args)
    # Names of files need not be text: they come out as they came in.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="surrogateescape")
    log_to_stderr()
    try:
        status = _run(args)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of our output has gone. What is left must not fail at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141  # as a shell reports the end by SIGPIPE
    except KeyboardInterrupt as interrupt:
        return _interrupted(args, interrupt)
    except (ValueError, OSError, ImportError, MemoryError) as error:
        if os.environ.get(DEBUG):
            raise
        complain(error_message(error))
        return 1
    return status


def _run(args):
    if args in (["--version"], ["-V"]):
        print(f"{PROGRAM} {__version__}")
        return 0
    try:
        call = _parse(args or ["--help"])
    except SystemExit as stop:  # of the parser, which has printed why
        return stop.code or 0
    return call()


def _parse(args):
    """The command with its arguments."""
    call = _parse_with(args, Recipe())
    if not (isinstance(call, Train) and call.resume):
        return call
    # A run goes on with its own recipe. What is also given must then agree with it, and
    # what is not given need not be given again.
    from keras_vit.training.run_choice import find_run_to_resume

    folder, recipe = find_run_to_resume(call.recipe, call.run)
    call = _parse_with(args, recipe)
    call.run = folder.path
    return call


def _parse_with(args, recipe):
    commands = [
        Annotated[Train, tyro.conf.subcommand("train", default=Train(recipe))],
        Annotated[Evaluate, tyro.conf.subcommand("evaluate")],
        Annotated[Predict, tyro.conf.subcommand("predict")],
        Annotated[Models, tyro.conf.subcommand("models")],
    ]
    try:
        return tyro.cli(
            Union[tuple(commands)],  # noqa: UP007  made of a list
            prog=PROGRAM,
            description=DESCRIPTION,
            args=args,
            config=(tyro.conf.OmitArgPrefixes,),
        )
    except ValueError as error:  # of a recipe
        complain(error)
        raise SystemExit(2) from None


def _interrupted(args, interrupt):
    number = getattr(interrupt, "signal_number", signal.SIGINT)
    folder = getattr(interrupt, "folder", None)
    complain(str(interrupt) or "Stopped.")
    if folder is not None:
        rest = [word for word in args[1:] if word != "--resume"]
        if not any(word.partition("=")[0] == "--run" for word in rest):
            rest += ["--run", str(folder)]
        complain(f"Go on with: {command('train', *rest, '--resume')}")
    return 128 + number


if __name__ == "__main__":
    sys.exit(main())
