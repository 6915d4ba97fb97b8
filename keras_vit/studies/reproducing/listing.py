"""Which published values can be reproduced, and what each would cost here."""

import dataclasses
import functools
import time

import numpy as np

from keras_vit import published
from keras_vit.common.tables import Table
from keras_vit.common.wording import as_duration
from keras_vit.costs.flops import forward_flops
from keras_vit.models import ViT
from keras_vit.studies.reproducing.running import estimate_flops
from keras_vit.studies.reproducing.trials import CLASSES, all_trials

SECONDS = 0.5  # of measuring


@functools.cache
def measured_speed():
    """Operations of a forward pass that this machine does in a second: measured.

    A ViT of two layers of ViT-S/16 stands for all models.
    """
    sizes = {"num_layers": 2, "hidden_dim": 384, "mlp_dim": 1536, "num_heads": 6}
    model = ViT(10, patch_size=16, image_size=224, **sizes)
    images = np.zeros((16, 224, 224, 3), "float32")
    model.predict_on_batch(images)  # compiles
    runs, start = 0, time.perf_counter()
    while (seconds := time.perf_counter() - start) < SECONDS:
        model.predict_on_batch(images)
        runs += 1
    return runs * len(images) * forward_flops(model) / seconds


def seconds_for(flops):
    """Seconds that so many operations take here, an estimate; `None` of `None`."""
    return None if flops is None else flops / measured_speed()


@dataclasses.dataclass(frozen=True)
class Choice:
    """A published value that can be reproduced, and its price: an estimate."""

    kind: str
    id: str
    model: str
    task: str
    value: str
    # Seconds on this machine; `None` where the operations are not known.
    seconds: float | None
    # Hours that the source names for its own machine, for one run.
    published_hours: str


class Choices(Table):
    """A list of `Choice` that prints as a table."""

    header = ("", "id", "model", "task", "published", "here", "theirs")
    left = 5

    def cells(self, choice):
        """The texts of one row."""
        here = "not known" if choice.seconds is None else as_duration(choice.seconds)
        return (
            *(choice.kind, choice.id, choice.model, choice.task, choice.value),
            *(here, choice.published_hours),
        )

    def __str__(self):
        kinds = [f"{kind}  {what}" for kind, what in CLASSES.items()]
        rows = published.find(metric="top1", kind="printed")
        private = sum("jft" in row.pretrain for row in rows)
        return "\n".join(
            (
                super().__str__(),
                *kinds,
                f"Class D has {private} more accuracies, from JFT-300M; the command "
                "names the nearest public value of each.",
                "Times are estimates, from counted operations and a forward pass that "
                "was measured here; of trainings, for all runs.",
            )
        )


def list_choices(seeds=3):
    """Every published value that can be reproduced, cheapest first in each class.

    Args:
        seeds: Integer, how many runs of a training.

    Returns:
        A list of `Choice`, which prints as a table.
    """
    choices = [_choice(trial, seeds) for trial in all_trials() if trial.can_run]
    far = float("inf")
    return Choices(sorted(choices, key=lambda c: (c.kind, c.seconds or far)))


def _choice(trial, seeds):
    row = trial.row
    return Choice(
        trial.kind,
        row.id,
        row.model,
        row.task,
        row.text,
        seconds_for(estimate_flops(trial, trial.recipe, seeds)),
        hours_of(row),
    )


def hours_of(row):
    """What the source says of a run's time: `"2.2 h, A100"`, or ""."""
    beside = f"{row.id}/hours"
    for other in published.sisters(dataclasses.replace(row, metric="hours")):
        if other.id == beside:
            machine = other.setting.rpartition(";")[2]
            return f"{other.printed} h, 8 {machine}"
    return row.note if " h on " in row.note or "minutes" in row.note else ""
