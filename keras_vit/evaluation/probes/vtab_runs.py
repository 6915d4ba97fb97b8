"""VTAB-1k: 19 tasks of 1,000 training images each, and their mean accuracy."""

import dataclasses
import difflib
import logging
import statistics

import numpy as np

from keras_vit.evaluation.probes.features import feature_model, run
from keras_vit.evaluation.probes.penalty import GRID, best
from keras_vit.evaluation.probes.ridge import Ridge
from keras_vit.evaluation.probes.vtab_tasks import GROUPS, VTAB_TASKS
from keras_vit.inference.loaded import load_model, preprocessing_of

logger = logging.getLogger(__name__)

NOTE = (
    "This runner has been tested with mock images only: no number of it has been "
    "compared with a published one. It fits a linear classifier to frozen features; "
    "published VTAB scores are of fine-tuned models."
)


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
        order = [*(g for g in GROUPS if g in members), *(members.keys() - GROUPS)]
        return {group: statistics.fmean(members[group]) for group in order}

    @property
    def mean(self) -> float:
        """The mean accuracy over all tasks: the score, where all 19 are here."""
        return statistics.fmean(self.scores.values())

    def __str__(self):
        rows = [*self.scores.items(), *self.group_means.items(), ("all", self.mean)]
        width = max(len(name) for name, _ in rows)
        lines = [f"{name:{width}}  {100 * score:6.2f} %" for name, score in rows]
        lines.insert(len(self.scores), "-" * (width + 10))
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
    tasks = _tasks(tasks)
    model = load_model(model)
    extractor, steps = feature_model(model, layer), preprocessing_of(model)
    scores, chosen = {}, {}
    for name, task in tasks.items():
        sources = _sources(name, task, data_dir)
        train, val, test = (
            run(extractor, source, steps, batch_size, progress) for source in sources
        )
        num_classes = sources[0].num_classes
        ridge = Ridge(train.values, train.labels, num_classes)
        tried = {l2: _accuracy(ridge.probe(l2), val) for l2 in grid}
        chosen[name] = best(tried)
        whole = Ridge(
            np.concatenate([train.values, val.values]),
            np.concatenate([train.labels, val.labels]),
            num_classes,
        )
        scores[name] = _accuracy(whole.probe(chosen[name]), test)
        logger.info("%s: %.2f %%", name, 100 * scores[name])
    return VtabResult(scores, chosen, {name: t.group for name, t in tasks.items()})


def _accuracy(probe, features):
    return float((probe.predict(features.values) == features.labels).mean())


def _tasks(tasks):
    if isinstance(tasks, dict):
        found = tasks
    else:
        names = VTAB_TASKS if tasks is None else list(tasks)
        for name in names:
            if name not in VTAB_TASKS:
                close = difflib.get_close_matches(str(name), VTAB_TASKS, 1)
                hint = f" Did you mean {close[0]!r}?" if close else ""
                raise ValueError(
                    f"VTAB has the tasks {', '.join(VTAB_TASKS)}. "
                    f"Received: {name!r}.{hint}"
                )
        found = {name: VTAB_TASKS[name] for name in names}
    if not found:
        raise ValueError("There must be a task at least. Received: none")
    return found


def _sources(name, task, data_dir):
    """The three parts of a task, which must have the same classes."""
    import keras_vit.data

    parts = [
        part
        if isinstance(part, keras_vit.data.Source)
        else keras_vit.data.load(part, data_dir)
        for part in (task.train, task.val, task.test)
    ]
    if any(part.class_names != parts[0].class_names for part in parts):
        raise ValueError(
            f"The parts of {name} must have the same classes. "
            f"Received: {[part.num_classes for part in parts]} classes"
        )
    return parts
