"""`evaluate_detection`: COCO's scores over a set, with intervals and examples."""

import dataclasses
import functools

import numpy as np

from keras_vit.common.checks import is_integer
from keras_vit.common.tables import Told, aligned
from keras_vit.common.wording import display, percent
from keras_vit.evaluation.coco import CocoScores, CocoTally
from keras_vit.evaluation.found_boxes import with_boxes

# Sets of images drawn for the intervals.
RESAMPLES = 500
# Pixels of the longer side of an example.
EXAMPLE_SIZE = 480


@dataclasses.dataclass(frozen=True)
class DetectedExample:
    """One image with its mistakes at the evaluation's score, made smaller if large."""

    # Place among the images, from 0, and the name that the data give it.
    index: int
    name: str
    # uint8 (h, w, 1 or 3).
    image: np.ndarray = dataclasses.field(repr=False)
    # Boxes (N, 4), (left, top, right, bottom) in pixels of `image`; and classes (N,).
    # Objects: whether each is a crowd, and whether it was missed.
    objects: np.ndarray = dataclasses.field(repr=False)
    object_classes: np.ndarray = dataclasses.field(repr=False)
    crowd: np.ndarray = dataclasses.field(repr=False)
    missed: np.ndarray = dataclasses.field(repr=False)
    # Detections: their scores, and whether each is false.
    boxes: np.ndarray = dataclasses.field(repr=False)
    classes: np.ndarray = dataclasses.field(repr=False)
    scores: np.ndarray = dataclasses.field(repr=False)
    false: np.ndarray = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, repr=False)
class DetectionEvaluation(Told):
    """What `evaluate_detection` found. `print` shows it as a table."""

    # Data set and split.
    data: str
    # Names of the model's classes.
    class_names: list
    num_images: int
    # COCO's twelve numbers, AP by class, and precision-recall curves.
    scores: CocoScores
    # The score from which on detections are counted in `classes` and drawn in examples:
    # that with the highest F1 at IoU 0.5. `None` without a detection that is right.
    threshold: float | None
    # Each (K,): at that score and IoU 0.5, detections that are right and that are
    # false, and objects that were missed.
    right: np.ndarray = dataclasses.field(repr=False)
    false: np.ndarray = dataclasses.field(repr=False)
    missed: np.ndarray = dataclasses.field(repr=False)
    # The images with the most mistakes, the worst first.
    examples: list = dataclasses.field(repr=False)
    tally: CocoTally = dataclasses.field(repr=False)
    # Of the random numbers of the intervals.
    seed: int = 0

    @property
    def num_objects(self):
        """The objects of all classes, crowds aside."""
        return int(self.scores.support.sum())

    @functools.cached_property
    def intervals(self) -> dict:
        """95 % intervals of `AP` and `AP50`, `(low, high)`, by bootstrap over images.

        `None` of a single image. They take images as drawn independently: parts of one
        photograph are not, and need wider ones.
        """
        found = {"AP": None, "AP50": None}
        if self.num_images < 2:
            return found
        values = self.tally.resampled(RESAMPLES, self.seed)
        for name, column in zip(found, values.T):
            known = column[~np.isnan(column)]
            if known.size:
                found[name] = tuple(np.percentile(known, (2.5, 97.5)).tolist())
        return found

    @functools.cached_property
    def precision(self):
        """The share of detections that are right at `threshold`, or `None`."""
        return _share(self.right.sum(), self.right.sum() + self.false.sum())

    @functools.cached_property
    def recall(self):
        """The share of objects that were found at `threshold`, or `None`."""
        return _share(self.right.sum(), self.right.sum() + self.missed.sum())

    @functools.cached_property
    def classes(self) -> list:
        """A dictionary for each class: its AP, its support, and its mistakes."""
        s = self.scores
        return [
            {
                "class": name,
                "support": int(s.support[place]),
                "AP": _known(s.ap[place]),
                "AP50": _known(s.ap50[place]),
                "AR_100": _known(s.recall[place]),
                "right": int(self.right[place]),
                "missed": int(self.missed[place]),
                "false": int(self.false[place]),
            }
            for place, name in enumerate(self.class_names)
        ]

    def to_json(self):
        """The numbers as JSON can hold them; `None` where there is none."""
        examples = [
            {
                "image": e.name,
                "missed": int(e.missed.sum()),
                "false": int(e.false.sum()),
            }
            for e in self.examples
        ]
        return {
            "task": "detection",
            "data": self.data,
            "num_images": self.num_images,
            "num_objects": self.num_objects,
            **{name: _known(value) for name, value in self.scores.stats.items()},
            **{f"{name}_interval": ends for name, ends in self.intervals.items()},
            "threshold": self.threshold,
            "precision": self.precision,
            "recall": self.recall,
            "classes": self.classes,
            "examples": examples,
        }

    def __str__(self):
        header = ["class", "objects", "AP", "AP50", "AR 100", "missed", "false"]
        rows = []
        for row in self.classes:
            shares = [percent(row[key], 1) for key in ("AP", "AP50", "AR_100")]
            counts = [f"{row['missed']:,}", f"{row['false']:,}"]
            rows.append([row["class"], f"{row['support']:,}", *shares, *counts])
        stats = self.scores.stats
        shares = [percent(_known(stats[key]), 1) for key in ("AP", "AP50", "AR_100")]
        sums = [f"{int(each.sum()):,}" for each in (self.missed, self.false)]
        rows.append(["mean", f"{self.num_objects:,}", *shares, *sums])
        text = aligned([header, *rows], 1)
        if self.threshold is None:
            return f"{text}\nno detection is right at IoU 0.5"
        return (
            f"{text}\nmissed and false: at IoU 0.5 and scores of at least "
            f"{self.threshold:.3g}, with precision {percent(self.precision, 1)} and "
            f"recall {percent(self.recall, 1)}"
        )


def evaluate_detection(
    model_or_predictions,
    source,
    *,
    score=0.01,
    batch_size=8,
    examples=6,
    seed=0,
    progress=None,
):
    """COCO's average precision of boxes on images with boxes, at their own sizes.

    Args:
        model_or_predictions: A model or a path, as for `keras_vit.detect`. Or what
            another program found: an iterable of a dictionary for each image of
            `source`, in its order: `"boxes"` `(N, 4)` of the form `"corners"`, in
            pixels of the image, `"classes"` `(N,)`, numbers of the source's classes,
            and `"scores"` `(N,)`. Or `Detections` of `keras_vit.detect`, whose classes
            are matched by their names.
        source: A `keras_vit.data` source of boxes, or any object with `class_names` and
            `pairs()`, which yields `(image, objects, name)`: uint8 `(height, width,
            channels)`; a dictionary of `"boxes"`, `"classes"`, `"crowd"` and `"areas"`,
            as `CocoTally.update` takes; a string. It is read twice if `examples` is not
            0.
            Its classes are matched with a model's by their names.
        score: Float in [0, 1), the lowest score of a model's box. What is left out
            cannot count as found, so it should be low.
        batch_size: Integer, the images that a model computes at once.
        examples: Integer, how many of the images with the most mistakes to keep.
        seed: Integer, of the random numbers of the intervals.
        progress: `None`, or a function that is called with (images done, images in
            all or `None`).

    Returns:
        A `DetectionEvaluation`.

    Raises:
        ValueError: if there is no image, or not one prediction for each; if the model
            finds no boxes, or the data have classes that it lacks; if `Detections`
            have an error, or other classes than the first.

    Example:

    >>> source = keras_vit.data.load("./trees:test", task="detection")
    >>> result = keras_vit.evaluation.evaluate_detection("runs/mine", source)
    >>> print(result)
    >>> result.scores.stats["AP50"], result.intervals["AP50"]
    """
    if not is_integer(examples) or examples < 0:
        raise ValueError(f"`examples` must be at least 0. Received: {examples!r}")
    options = {"score": score, "batch_size": batch_size}
    names, found = with_boxes(model_or_predictions, source, **options)
    tally, images = CocoTally(len(names)), []
    total = getattr(source, "num_examples", None)
    for name, truth, said in found:
        try:
            images.append(_Image(name, truth, said, *tally.update(truth, said)))
        except ValueError as error:
            raise ValueError(f"{display(name)}: {error}") from None
        if progress is not None:
            progress(len(images), total)
    if not images:
        raise ValueError(
            f"`source` must hold at least one image. Received: {source!r}, without any"
        )
    scores = tally.scores()
    threshold = _best_threshold(images, int(scores.support.sum()))
    least = np.inf if threshold is None else threshold
    right, false, missed = (
        np.sum([image.count(kind, least, len(names)) for image in images], axis=0)
        for kind in ("right", "false", "missed")
    )
    where = getattr(source, "name", type(source).__name__)
    split = getattr(source, "split", None)
    return DetectionEvaluation(
        data=f"{where}:{split}" if split else str(where),
        class_names=names,
        num_images=len(images),
        scores=scores,
        threshold=threshold,
        right=right,
        false=false,
        missed=missed,
        examples=_examples(images, source, least, examples),
        tally=tally,
        seed=seed,
    )


class _Image:
    """What was found in one image."""

    def __init__(self, name, truth, said, right, finder):
        self.name, self.right, self.finder = name, right, finder
        self.boxes = np.asarray(said["boxes"], "float64").reshape(-1, 4)
        self.classes = np.asarray(said["classes"]).astype(int)
        self.scores = np.asarray(said["scores"], "float64")
        self.objects = np.asarray(truth["boxes"], "float64").reshape(-1, 4)
        self.object_classes = np.asarray(truth["classes"]).astype(int)
        crowd = truth.get("crowd")
        none = np.zeros(len(self.objects), bool)
        self.crowd = none if crowd is None else np.asarray(crowd, bool)

    def marks(self, kind, least):
        """Which detections are right or false, or objects missed, from a score."""
        if kind != "missed":
            return (self.right == (kind == "right")) & (self.scores >= least)
        found = self.finder >= 0
        found[found] = self.scores[self.finder[found]] >= least
        return ~found & ~self.crowd

    def count(self, kind, least, num_classes):
        classes = self.object_classes if kind == "missed" else self.classes
        return np.bincount(classes[self.marks(kind, least)], minlength=num_classes)


def _best_threshold(images, objects):
    """The score with the highest F1 at IoU 0.5; `None` if nothing is right."""
    scores = np.concatenate([image.scores for image in images])
    right = np.concatenate([image.right for image in images])
    scores, right = scores[right >= 0], right[right >= 0]
    if not right.any():
        return None
    order = np.argsort(-scores, kind="stable")
    scores, right = scores[order], right[order]
    f1 = 2 * right.cumsum() / (np.arange(1, len(right) + 1) + objects)
    last = np.append(scores[1:] < scores[:-1], True)  # of equal scores, all or none
    return float(scores[np.where(last, f1, 0).argmax()])


def _examples(images, source, least, most):
    """The images with the most mistakes."""
    mistakes = [
        int(image.marks("missed", least).sum() + image.marks("false", least).sum())
        for image in images
    ]
    order = np.argsort(-np.array(mistakes), kind="stable")[:most]
    wanted = {int(place) for place in order if mistakes[place]}
    found = {}
    if wanted:
        for place, (pixels, _, _) in enumerate(source.pairs()):
            if place in wanted:
                found[place] = _example(place, images[place], pixels, least)
                if len(found) == len(wanted):
                    break
    return [found[place] for place in order if place in found]


def _example(place, image, pixels, least):
    from PIL import Image

    pixels = np.asarray(pixels)
    scale = min(1, EXAMPLE_SIZE / max(pixels.shape[:2]))
    if scale < 1:
        size = [max(1, round(side * scale)) for side in pixels.shape[1::-1]]
        flat = pixels[..., 0] if pixels.shape[2] == 1 else pixels
        pixels = np.asarray(Image.fromarray(flat).resize(size, Image.BOX))
        pixels = pixels.reshape(*size[::-1], -1)
    shown = image.scores >= least
    return DetectedExample(
        place,
        image.name,
        pixels,
        image.objects * scale,
        image.object_classes,
        image.crowd,
        image.marks("missed", least),
        image.boxes[shown] * scale,
        image.classes[shown],
        image.scores[shown],
        image.marks("false", least)[shown],
    )


def _known(value):
    return None if np.isnan(value) else float(value)


def _share(part, whole):
    return float(part / whole) if whole else None
