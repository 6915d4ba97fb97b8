"""`evaluate_labels`: scores of several labels an image over a set, with examples."""

import dataclasses
import functools

import keras
import numpy as np

from keras_vit.common.checks import check_positive
from keras_vit.evaluation.classes import match_classes
from keras_vit.evaluation.forward import forward, steps_of
from keras_vit.evaluation.multilabel.scores import (
    answers,
    average_precision,
    f1_scores,
    roc_auc,
)
from keras_vit.evaluation.scored import find_scored
from keras_vit.inference.loaded import (
    class_probabilities,
    gives_labels,
    known_class_names,
    load_model,
    output_kind,
    pixels_of,
    range_of_steps,
    source_name,
    thresholds_of,
)

RESAMPLES = 1000
SEED = 0
# Weights of resamples that are held at once, some 100 MB with what is made of them.
_AT_ONCE = 2 * 10**6


@dataclasses.dataclass(frozen=True)
class LabelMistake:
    """One wrong answer: a label that was found and is not there, or the other way."""

    # Place among the examples, from 0, and the file where the data is a folder.
    index: int
    file: str | None
    # The class by number, its probability, and whether the image has it.
    label: int
    probability: float
    has: bool
    # Pixels as the model saw them: uint8 (H, W, C).
    image: np.ndarray = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class LabelEvaluation:
    """What `evaluate_labels` found. Of classes that the data lack nothing is asked."""

    # Data set and split, and which part of the data that is, in words.
    data: str
    # The classes that were asked, in the model's order.
    class_names: list
    # From which probability on an image has each label: `(K,)`.
    thresholds: np.ndarray = dataclasses.field(repr=False)
    # 0 and 1, and probabilities: `(N, K)`.
    labels: np.ndarray = dataclasses.field(repr=False)
    probabilities: np.ndarray = dataclasses.field(repr=False)
    # The labels falsely found with the highest probabilities, and those missed with the
    # lowest, the worst first.
    false: list = dataclasses.field(repr=False)
    missed: list = dataclasses.field(repr=False)
    part: str | None = None
    # Classes of the model that the data do not have.
    left_out: tuple = ()
    # The group of each image, strings `(N,)`, where they came in groups (`group_by`).
    groups: np.ndarray | None = dataclasses.field(default=None, repr=False)

    @property
    def num_groups(self) -> int:
        """How many groups the images come in; 0 where they are not grouped."""
        return 0 if self.groups is None else len(set(self.groups))

    @property
    def num_examples(self) -> int:
        """Images evaluated."""
        return len(self.labels)

    @functools.cached_property
    def answers(self) -> tuple:
        """What was rightly found, falsely found and missed: boolean `(N, K)` each."""
        return answers(self.labels, self.probabilities, self.thresholds)

    @functools.cached_property
    def classes(self) -> list:
        """A dictionary for each class, with `None` where a number has no meaning.

        `class`, `support` (images with the label), `ap` (average precision), `auc`
        (area under the ROC curve), `threshold`, and at it `precision`, `recall`, `f1`.
        """
        right, false, missed = (x.sum(axis=0).tolist() for x in self.answers)
        rows = []
        for k, name in enumerate(self.class_names):
            labels, scores = self.labels[:, k], self.probabilities[:, k]
            said, there = right[k] + false[k], right[k] + missed[k]
            rows.append(
                {
                    "class": name,
                    "support": there,
                    "ap": average_precision(labels, scores),
                    "auc": roc_auc(labels, scores),
                    "threshold": float(self.thresholds[k]),
                    "precision": right[k] / said if said else None,
                    "recall": right[k] / there if there else None,
                    "f1": 2 * right[k] / (said + there) if said + there else None,
                }
            )
        return rows

    @functools.cached_property
    def scores(self) -> dict:
        """The numbers of the whole set.

        `mean_ap`: mean of the average precision over classes with a positive;
        `micro_f1`, `macro_f1`: F1 at the thresholds, of all answers together and the
        mean over classes; `hamming_loss`: share of wrong answers; `exact_match`: share
        of images with all answers right.
        """
        _, false, missed = self.answers
        micro, macro = f1_scores(*(x.sum(axis=0) for x in self.answers))
        known = [row["ap"] for row in self.classes if row["ap"] is not None]
        wrong = false | missed
        return {
            "mean_ap": float(np.mean(known)) if known else None,
            "micro_f1": float(micro),
            "macro_f1": float(macro),
            "hamming_loss": float(wrong.mean()),
            "exact_match": float((~wrong.any(axis=1)).mean()),
        }

    @functools.cached_property
    def intervals(self) -> dict:
        """95 % intervals of `scores`, `(low, high)`, by bootstrap over images.

        Where images come in two groups or more, whole groups are drawn: those of one
        patient are alike, and an interval over single images would be too narrow.

        Percentiles of 1,000 resamples; a class without a positive in a resample is left
        out of its mean average precision.
        """
        number, member = self.num_examples, np.arange(self.num_examples)
        if self.num_groups > 1:
            names, member = np.unique(self.groups.astype(str), return_inverse=True)
            number = len(names)
        random = np.random.default_rng(SEED)
        found = {name: [] for name in self.scores}
        step = max(1, _AT_ONCE // self.num_examples)
        for begin in range(0, RESAMPLES, step):
            draws = min(step, RESAMPLES - begin)
            share = np.full(number, 1 / number)
            weights = random.multinomial(number, share, draws).astype("float32")
            self._resample(weights[:, member], found)
        values = {name: np.concatenate(parts) for name, parts in found.items()}
        return {
            name: tuple(np.nanpercentile(v, (2.5, 97.5)).tolist())
            for name, v in values.items()
            if not np.isnan(v).all()
        }

    def _resample(self, weights, found):
        """Adds the scores of some resamples; `weights` are (draws, N)."""
        _, false, missed = self.answers
        wrong = false | missed
        counts = [weights @ x.astype("float32") for x in self.answers]
        micro, macro = f1_scores(*counts)
        number = weights.sum(axis=1)
        each = [
            average_precision(self.labels[:, k], self.probabilities[:, k], weights)
            for k in range(self.labels.shape[1])
            if self.labels[:, k].any()
        ]
        if each:
            known = ~np.isnan(each)
            means = np.where(known, each, 0).sum(axis=0) / known.sum(axis=0)
            found["mean_ap"].append(means)
        else:
            found["mean_ap"].append(np.full(len(weights), np.nan))
        found["micro_f1"].append(micro)
        found["macro_f1"].append(macro)
        found["hamming_loss"].append(weights @ wrong.mean(axis=1) / number)
        found["exact_match"].append(weights @ ~wrong.any(axis=1) / number)

    def confused(self, count=10) -> list:
        """The labels that are most often found in the place of others.

        Returns:
            List of `(found, missed, images)`, names and a count: images on which the
            first label was falsely found and the second one missed, most first.
        """
        _, false, missed = (x.astype("float32") for x in self.answers)
        together = (false.T @ missed).astype(int)
        places = np.argsort(-together, axis=None, kind="stable")[:count]
        pairs = zip(*np.unravel_index(places, together.shape))
        names = self.class_names
        return [
            (names[a], names[b], int(together[a, b]))
            for a, b in pairs
            if together[a, b]
        ]

    def to_json(self):
        """The numbers as a dictionary that JSON can hold."""
        intervals = {f"{n}_interval": list(v) for n, v in self.intervals.items()}
        return {
            "task": "multilabel",
            "data": self.data,
            **({"part": self.part} if self.part else {}),
            "num_examples": self.num_examples,
            **({"groups": self.num_groups} if self.num_groups else {}),
            **self.scores,
            **intervals,
            "classes": self.classes,
            "left_out": list(self.left_out),
            "confused": [list(row) for row in self.confused()],
        }


def evaluate_labels(
    model_or_path,
    data=None,
    *,
    data_dir=None,
    corrupt=None,
    columns=None,
    preprocessing=None,
    thresholds=None,
    batch_size=64,
    mistakes=24,
    progress=None,
    place=None,
    run=None,
):
    """Scores of a model that gives an image several labels.

    Args:
        model_or_path, data_dir, corrupt, preprocessing, batch_size, progress, place,
            run: As for `keras_vit.evaluation.evaluate`.
        data: Name, list or folder, as for `keras_vit.data.load` with
            `task="multilabel"`, or a source. Defaults to what the run of the model set
            apart for its test.
        columns: The columns of a list, as for `keras_vit.data.load`.
        thresholds: A number in (0, 1), or one for each class of the model; by default
            those that its training chose, or a half.
        mistakes: Integer, how many wrong answers of each kind to keep with their
            pixels. Defaults to 24.

    Returns:
        A `LabelEvaluation`.

    Raises:
        ValueError: as `evaluate`, or if the model is of one label an image.

    Example:

    >>> result = keras_vit.evaluation.evaluate_labels("runs/scenes-small-1")
    >>> result.scores["mean_ap"], result.intervals["mean_ap"]
    """
    check_positive(batch_size=batch_size)
    model = load_model(model_or_path)
    if not gives_labels(model):
        raise ValueError(
            "`evaluate_labels` is for models that were trained with task='multilabel'. "
            f"Received: {source_name(run or model_or_path)}. "
            "keras_vit.evaluation.evaluate scores the others."
        )
    run = run if isinstance(model_or_path, keras.Model) else model_or_path
    options = {"corrupt": corrupt, "columns": columns, "place": place, "run": run}
    source, part = find_scored(model, data, data_dir, task="multilabel", **options)
    if source.task != "multilabel":
        raise ValueError(
            "The data must have several labels an image: load them with "
            f"task='multilabel'. Received: {source!r}"
        )
    names, num_classes = known_class_names(model), model.output_shape[-1]
    class_of = match_classes(names, num_classes, source)
    names = names or source.class_names
    cuts = thresholds_of(model) if thresholds is None else np.asarray(thresholds, float)
    cuts = np.broadcast_to(cuts, num_classes)
    if not ((cuts > 0) & (cuts < 1)).all():
        raise ValueError(f"`thresholds` must lie in (0, 1). Received: {thresholds}")
    asked = np.flatnonzero(class_of >= 0)
    order = asked[np.argsort(class_of[asked])]  # columns of the data
    places = class_of[order]  # and those of the model
    steps, kind = steps_of(model, preprocessing), output_kind(model)
    kept, worst, done = [], _Worst(mistakes, cuts[places]), 0
    name = source_name(run or model_or_path)
    batches = forward(model, source, steps, batch_size, progress, name)
    for images, labels, outputs in batches:
        labels = labels[:, order].astype("uint8")
        found = class_probabilities(outputs, kind)[:, places]
        kept.append((labels, found))
        worst.add(done, images, labels, found)
        done += len(labels)
    labels, found = (np.concatenate(column) for column in zip(*kept))
    examples = worst.examples(source.files, range_of_steps(steps))
    return LabelEvaluation(
        data=f"{source.name}:{source.split}",
        class_names=[names[place] for place in places],
        thresholds=cuts[places],
        labels=labels,
        probabilities=found,
        false=examples[0],
        missed=examples[1],
        part=part,
        groups=source.groups,
        left_out=tuple(n for k, n in enumerate(names) if k not in places),
    )


class _Worst:
    """The most confident wrong answers so far: falsely found ones, and missed ones."""

    def __init__(self, count, thresholds):
        self.count, self.thresholds = count, thresholds
        self.kept = ([], [])  # (badness, index, class, probability, image)

    def add(self, first, images, labels, found):
        _, false, missed = answers(labels, found, self.thresholds)
        for kept, wrong, badness in zip(self.kept, (false, missed), (found, 1 - found)):
            rows, columns = np.nonzero(wrong)
            values = badness[rows, columns]
            for place in np.argsort(-values, kind="stable")[: self.count]:
                row, column = int(rows[place]), int(columns[place])
                probability = float(found[row, column])
                entry = (first + row, column, probability, images[row])
                kept.append((float(values[place]), *entry))
            kept.sort(key=lambda entry: (-entry[0], *entry[1:3]))
            del kept[self.count :]

    def examples(self, files, value_range):
        return [
            [
                LabelMistake(
                    index,
                    files[index] if files else None,
                    column,
                    probability,
                    has,
                    pixels_of(image, value_range),
                )
                for _, index, column, probability, image in kept
            ]
            for kept, has in zip(self.kept, (False, True))
        ]
