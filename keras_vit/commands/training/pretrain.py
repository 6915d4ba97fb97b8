"""The command `keras-vit pretrain`."""

import dataclasses
from typing import ClassVar

from keras_vit.commands.machines.devices import on_devices
from keras_vit.commands.training.options import RunOptions, recipe_options
from keras_vit.common.wording import percent
from keras_vit.terminal import command
from keras_vit.training.recipes.starts import PRETRAINING


@dataclasses.dataclass
class Pretrain(RunOptions):
    """Pretrain a model on images without labels, and write a run folder.

    Half of the patches of each image are hidden, and the model learns to predict their
    colours from the rest. The data may be a folder with images in any subfolders. To
    learn classes from a few labelled images afterwards, use `keras-vit train --weights
    RUN`. Ctrl-C stops and saves; the same command with --resume continues, with the
    result of an uninterrupted run.
    """

    given: recipe_options(PRETRAINING)

    kind: ClassVar[str] = "pretrain"
    defaults: ClassVar[dict] = {"masked_target": PRETRAINING.masked_target}

    def __call__(self):
        self.begin()
        with on_devices(self.devices) as devices:
            recipe, _, place = self.resolved()
            result = self.train(recipe, devices, place)
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
