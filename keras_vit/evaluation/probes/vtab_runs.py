"""VTAB-1k: 19 tasks of 1,000 training images each, and their mean accuracy."""

import dataclasses
import logging
import statistics

import numpy as np

import keras_vit.data
from keras_vit.common.tables import aligned
from keras_vit.common.wording import hint, percent
from keras_vit.data.sets.vtab import VTAB_GROUPS, VTAB_PREFIX
from keras_vit.evaluation.probes.features import Extractor, check_same_classes
from keras_vit.evaluation.probes.ridge import GRID, Ridge, best
from keras_vit.inference.loaded import load_model

logger = logging.getLogger(__name__)

NOTE = (
    "This runner has been tested with mock images only: none of its numbers has been "
    "compared with a published one. It fits a linear classifier to frozen features; "
    "published VTAB scores are of fine-tuned models."
)


@dataclasses.dataclass(frozen=True)
class VtabTask:
    """One task; data sets as `keras_vit.data.load` names them, or sources."""

    # "natural", "specialized" or "structured".
    group: str
    # 800 training images, 200 to choose settings by, and the test images.
    train: object
    val: object
    test: object


# Zhai et al. (2019), https://arxiv.org/abs/1910.04867, table 2 and section 3.
VTAB_TASKS = {
    name: VtabTask(
        group,
        *(f"{VTAB_PREFIX}{name}:{part}" for part in ("train800", "val200", "test")),
    )
    for group, names in VTAB_GROUPS.items()
    for name in names
}


@dataclasses.dataclass(frozen=True)
class VtabResult:
    """What `vtab` found; prints as a table."""

    # Task to test accuracy, in the order of the tasks.
    scores: dict
    # Task to the penalty that was chosen.
    l2: dict
    # Task to group.
    groups: dict

    @property
    def group_means(self) -> dict:
        """The mean accuracy of each group that has a task here."""
        members = {}
        for task, group in self.groups.items():
            members.setdefault(group, []).append(self.scores[task])
        order = sorted(members, key=[*VTAB_GROUPS, *members].index)
        return {group: statistics.fmean(members[group]) for group in order}

    @property
    def mean(self) -> float:
        """The mean accuracy over all tasks: the score, where all 19 are here."""
        return statistics.fmean(self.scores.values())

    def __str__(self):
        rows = [*self.scores.items(), *self.group_means.items(), ("all", self.mean)]
        table = aligned([(name, f"{percent(score):>8}") for name, score in rows], 1)
        lines = table.split("\n")
        lines.insert(len(self.scores), "-" * len(lines[0]))
        if len(self.scores) < len(VTAB_TASKS):
            lines.append(f"{len(self.scores)} of {len(VTAB_TASKS)} tasks.")
        return "\n".join([*lines, NOTE])

    def to_json(self):
        """The numbers as a dictionary that JSON can hold."""
        return {
            "scores": self.scores,
            "l2": self.l2,
            "group_means": self.group_means,
            "mean": self.mean,
            "note": NOTE,
        }


def vtab(
    model,
    tasks=None,
    *,
    grid=GRID,
    layer=None,
    data_dir=None,
    batch_size=64,
    progress=None,
):
    """The VTAB-1k score of a model's frozen features.

    For each task a linear classifier (see `keras_vit.evaluation.Ridge`) is fitted to
    800 images with every penalty of `grid`; the one that is best on 200 others is
    fitted again to all 1,000, and classifies the test images. The score is the mean
    accuracy.

    **It has been run on mock images only.** Nothing but the arithmetic is known to be
    right; and a linear classifier scores below the fine-tuned models of the papers.

    Args:
        model: A Keras model, the path of a `.keras` file, or a run folder.
        tasks: List of names from `VTAB_TASKS`, or a dictionary of name to `VtabTask`.
            Defaults to all 19. Some need data that has to be fetched by hand; see
            `keras_vit.data.load`.
        grid: Positive numbers, the penalties to choose from.
        layer: As for `keras_vit.evaluation.extract_features`.
        data_dir: Where TFDS keeps its data sets.
        batch_size: Integer; the result does not depend on it.
        progress: `None`, or a function (images done, images in all), called for each
            part of each task.

    Returns:
        A `VtabResult`, which prints as a table.

    Raises:
        ValueError: if there is no such task, or the parts of one have different
            classes.

    Example:

    >>> model = keras_vit.ViT_B16(weights="augreg")
    >>> print(vtab(model, ["dtd", "eurosat"]))

    Reference: [Zhai et al., 2019](https://arxiv.org/abs/1910.04867).
    """
    tasks = _chosen(tasks)
    extractor = Extractor(load_model(model), layer)
    scores, chosen = {}, {}
    for name, task in tasks.items():
        sources = _sources(name, task, data_dir)
        train, val, test = (
            extractor(source, batch_size, progress) for source in sources
        )
        num_classes = sources[0].num_classes
        ridge = Ridge(train.values, train.labels, num_classes)
        chosen[name] = best({l2: _accuracy(ridge.probe(l2), val) for l2 in grid})
        both = Ridge(
            np.concatenate([train.values, val.values]),
            np.concatenate([train.labels, val.labels]),
            num_classes,
        )
        scores[name] = _accuracy(both.probe(chosen[name]), test)
        logger.info("%s: %.2f %%", name, 100 * scores[name])
    return VtabResult(scores, chosen, {name: t.group for name, t in tasks.items()})


def _accuracy(probe, features):
    return float((probe.predict(features.values) == features.labels).mean())


def _chosen(tasks):
    """The tasks that were asked for, by name."""
    if not isinstance(tasks, dict):
        names = VTAB_TASKS if tasks is None else list(tasks)
        for name in names:
            if name not in VTAB_TASKS:
                raise ValueError(
                    f"VTAB has the tasks {', '.join(VTAB_TASKS)}. "
                    f"Received: {name!r}.{hint(name, VTAB_TASKS)}"
                )
        tasks = {name: VTAB_TASKS[name] for name in names}
    if not tasks:
        raise ValueError("There must be at least one task. Received: none")
    return tasks


def _sources(name, task, data_dir):
    """The three parts of a task, which must have the same classes."""
    parts = [
        part
        if isinstance(part, keras_vit.data.Source)
        else keras_vit.data.load(part, data_dir)
        for part in (task.train, task.val, task.test)
    ]
    check_same_classes(parts, f"The parts of {name}")
    return parts
