"""`keras-vit pretrain`."""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from keras_vit.commands.machines.devices import on_devices
from keras_vit.terminal import command, percent
from keras_vit.training.recipes.recipe import Recipe

# What `pretrain` begins with.
PRETRAINING = Recipe(
    masked_target="mean_colour",
    epochs=50,
    augment="auto",
    weight_decay=0.05,
    dropout_rate=0.0,
    drop_path_rate=0.0,
)


@dataclasses.dataclass
class Pretrain:
    """Pretrain a model on images without labels, and write a run folder.

    Half of the patches of each image are hidden, and the model learns to predict their
    colours from the rest. The data may be a folder of images in any folders. Then
    `keras-vit train --weights RUN` learns the classes of few labelled images. Ctrl-C
    stops and saves; the same command with --resume goes on, and ends as if it had not
    been stopped.
    """

    recipe: Annotated[Recipe, tyro.conf.arg(name="")]
    # Begin with this recipe: a JSON file or a run folder of an earlier pretraining. The
    # options above then change it.
    start: Annotated[str | None, tyro.conf.arg(name="recipe")] = None
    # Look at the images first: broken files, duplicates.
    check: bool = True
    # Run folder, new or empty; runs/DATA-MODEL-masked-NUMBER where not given.
    run: Path | None = None
    # Go on with the run in that folder, or with the last one.
    resume: tyro.conf.FlagCreatePairsOff[bool] = False
    # Where to train: auto takes a TPU, else all GPUs, else the CPU; or cpu, gpu or tpu,
    # with a number for so many, such as gpu:2.
    devices: str = "auto"
    # Minutes between saves inside a long epoch.
    save_minutes: float = 10.0

    def __post_init__(self):
        if self.recipe.masked_target is None:
            raise ValueError(
                "`pretrain` needs a target for the hidden patches: leave out "
                "--masked-target, or name one. Received: masked_target=None"
            )

    def __call__(self):
        from keras_vit.training import train

        with on_devices(self.devices) as devices:
            result = train(
                self.recipe,
                self.run,
                devices=devices,
                resume=self.resume,
                save_minutes=self.save_minutes,
                check=self.check,
            )
        if devices.is_chief:
            self._print(result)
        return 0

    def _print(self, result):
        last = result.metrics
        print(f"colours of hidden patches: {percent(last['val_accuracy'])} right")
        print(f"  always the commonest: {percent(last['val_commonest_colour'])}")
        print(f"  mean of the neighbours: {percent(last['val_visible_neighbours'])}")
        print(f"run folder: {result.folder}")
        print(f"pictures: {result.folder.pictures}")
        train_on = command("train", "--weights", result.folder, "--data", "FOLDER")
        print(f"next: {train_on}")
