"""`keras-vit train`."""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from keras_vit.terminal import command
from keras_vit.training.recipes import Recipe


@dataclasses.dataclass
class Train:
    """Train a model and write a run folder.

    Without options: a small Vision Transformer on the embedded data set
    fashion_mnist_mini, in minutes on a laptop. Ctrl-C stops and saves; the same
    command with --resume goes on, and ends as if it had not been stopped.
    """

    recipe: Annotated[Recipe, tyro.conf.arg(name="")]
    # Begin with this recipe: a published one (`keras-vit recipes` lists them), a JSON
    # file, or a run folder. The options above then change it.
    start: Annotated[str | None, tyro.conf.arg(name="recipe")] = None
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
