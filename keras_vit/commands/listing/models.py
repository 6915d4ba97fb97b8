"""The command `keras-vit models`."""

import dataclasses
from typing import Annotated, Literal

import tyro

from keras_vit.terminal import show, show_csv


@dataclasses.dataclass
class Models:
    """List the published models with size, cost and image size.

    With a name: that model's parameters and operations by part, and its memory by batch
    size. With --weights: the published weight files, with their image size, classes,
    accuracy and licence.
    """

    # One model, such as ViT_B16 or vit_base_patch16_224; all if not given.
    name: Annotated[
        tyro.conf.Positional[str | None], tyro.conf.arg(metavar="[NAME]")
    ] = None
    # List the published weight files instead.
    weights: tyro.conf.FlagCreatePairsOff[bool] = False
    # With --weights: only files whose head has this many classes. With a name: classes
    # of the head; if not given, those of its published weights, 1000 for most.
    num_classes: int | None = None
    # With a name: height and width of the images in pixels.
    image_size: Annotated[
        tuple[int, int] | int | None, tyro.conf.arg(metavar="PIXELS [WIDTH]")
    ] = None
    # With a name: batch sizes to report.
    batch_sizes: tuple[int, ...] = (1, 32, 256)
    # With a name: measure images per second on this machine.
    measure: tyro.conf.FlagCreatePairsOff[bool] = False
    # Output format.
    format: Literal["text", "json", "csv"] = "text"

    def __call__(self):
        from keras_vit import checkpoints, models

        if self.name is not None and not self.weights:
            return self._facts(self.name)
        name = None if self.name is None else models.canonical_name(self.name)
        if self.weights:
            table = checkpoints.list_weights(name, num_classes=self.num_classes)
        else:
            table = models.list_models()
        show(table, self.format)
        return 0

    def _facts(self, name):
        from keras_vit.costs.summary import summary

        facts = summary(
            name,
            self.batch_sizes,
            num_classes=self.num_classes,
            image_size=self.image_size,
            measure=self.measure,
        )
        if self.format == "csv":
            flops = facts.flops or {}
            parts = dict.fromkeys((*facts.parameters, *flops))
            rows = [(p, facts.parameters.get(p, 0), flops.get(p, 0)) for p in parts]
            show_csv(("part", "parameters", "flops"), rows)
        else:
            show(facts, self.format)
        return 0
