"""`evaluate_segmentation`: scores of masks over a set, with intervals and examples."""

import dataclasses
import functools
import itertools
import math
import types

import numpy as np

from keras_vit.common.checks import check_positive, is_integer
from keras_vit.common.class_colours import is_background
from keras_vit.common.tables import Told, aligned
from keras_vit.common.wording import display, percent
from keras_vit.data.pipeline.images import load_pixels
from keras_vit.evaluation.classes import match_classes
from keras_vit.evaluation.masks import (
    IGNORED,
    MaskConfusion,
    MaskScores,
    by_group,
    hausdorff_distance,
    mask_scores,
    mean_of_known,
    percentiles,
)
from keras_vit.inference.loaded import known_class_names, load_model
from keras_vit.inference.segmenting import OVERLAP, PixelClassifier

# Sets of images drawn for the intervals, and how many of them are made at a time.
RESAMPLES, _AT_A_TIME = 2000, 100
# Pixels of the longer side of an example.
EXAMPLE_SIZE = 320
BY_CLASS = ("iou", "dice", "accuracy")
MEANS = ("mean_iou", "mean_dice", "mean_accuracy", "pixel_accuracy")
MEANS += ("frequency_weighted_iou",)


@dataclasses.dataclass(frozen=True)
class SegmentedExample:
    """One image with its truth and its prediction, made smaller if it is large."""

    # Place among the images, from 0, and the name that the data give it.
    index: int
    name: str
    # Mean Dice of the classes that occur in it, in truth or prediction, in [0, 1].
    dice: float
    # uint8 (h, w, 1 or 3), and classes, uint8 (h, w); 255 in `truth` is not counted.
    image: np.ndarray = dataclasses.field(repr=False)
    truth: np.ndarray = dataclasses.field(repr=False)
    predicted: np.ndarray = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, repr=False)
class SegmentationEvaluation(Told):
    """What `evaluate_segmentation` found. `print` shows it as a table.

    Scores of the set are those of one confusion matrix, not means over images. A class
    that occurs neither in truth nor in a prediction has none (NaN), and counts in no
    mean.
    """

    # Data set and split.
    data: str
    # Names of the model's classes.
    class_names: list
    num_images: int
    # Pixels: int64 (K, K), row the true class, column the predicted one.
    confusion: np.ndarray = dataclasses.field(repr=False)
    # Pixels of each image and class, int64 (N, 3, K): found, in the truth, predicted.
    tallies: np.ndarray = dataclasses.field(repr=False)
    # Pixels that were not counted: the share of 255 in the truth.
    ignored: float
    # The images with the highest and the lowest Dice, the extreme ones first.
    best: list = dataclasses.field(repr=False)
    worst: list = dataclasses.field(repr=False)
    # 95 % Hausdorff distance, float64 (N, K): NaN where a class is in neither truth nor
    # prediction of an image, infinity where it is in one; `None` if none was asked for.
    distances: np.ndarray | None = dataclasses.field(default=None, repr=False)
    # The unit of `distances`: of neighbouring pixels, (rows, columns).
    spacing: tuple | None = None
    # Of the random numbers of the intervals.
    seed: int = 0
    # The group of each image, strings `(N,)`, if the images are grouped.
    groups: np.ndarray | None = dataclasses.field(default=None, repr=False)

    @functools.cached_property
    def scores(self) -> MaskScores:
        """IoU, Dice and accuracy by class, and their means."""
        found, support, said = self.tallies.sum(axis=0)
        return mask_scores(found, support, said)

    @functools.cached_property
    def foreground(self) -> dict:
        """`foreground_iou` and `foreground_dice`: the means without the background.

        Empty where the first class is not called so (background, other, ...).
        """
        return _foreground(self.scores, self.class_names)

    @functools.cached_property
    def image_dice(self) -> np.ndarray:
        """Mean Dice of each image over the classes that occur in it, `(N,)`."""
        return mask_scores(*np.moveaxis(self.tallies, 1, 0)).mean_dice

    @functools.cached_property
    def intervals(self) -> dict:
        """95 % intervals by bootstrap over images: percentiles of 2,000 resamples.

        Arrays `(2,)` of the means, `(K, 2)` of `iou`, `dice` and `accuracy`; NaN where
        there is no score, and all NaN of a single image. They take images as drawn
        independently, which slices of one volume are not, or groups (`group_by`).
        """
        units = by_group(self.tallies, self.groups)
        return _intervals(units, self.class_names, self.seed)

    @functools.cached_property
    def classes(self) -> list:
        """A dictionary for each class: its scores with intervals, and its support."""
        rows = []
        for place, name in enumerate(self.class_names):
            row = {"class": name, "support": int(self.scores.support[place])}
            row["images"] = int((self.tallies[:, 1, place] > 0).sum())
            for score in BY_CLASS:
                row[score] = _known(getattr(self.scores, score)[place])
                row[f"{score}_interval"] = _known(self.intervals[score][place])
            if self.distances is not None:
                own = self.distances[:, place]
                finite = own[np.isfinite(own)]
                row["hd95"] = float(finite.mean()) if finite.size else None
                row["hd95_images"] = finite.size
                row["hd95_one_sided"] = int(np.isinf(own).sum())
            rows.append(row)
        return rows

    def to_json(self):
        """The numbers as a dictionary that JSON can hold; `None` where there is none.

        `hd95` is the mean over the images with the class in both masks
        (`hd95_images`); those with it in one only are counted by `hd95_one_sided`.
        """
        values = {name: getattr(self.scores, name) for name in MEANS}
        means = {}
        for name, value in {**values, **self.foreground}.items():
            means[name] = _known(value)
            means[f"{name}_interval"] = _known(self.intervals[name])
        return {
            "task": "segmentation",
            "data": self.data,
            "num_images": self.num_images,
            "ignored": self.ignored,
            **means,
            **({} if self.spacing is None else {"spacing": list(self.spacing)}),
            "classes": self.classes,
            "confusion": self.confusion.tolist(),
            "best": [{"image": e.name, "dice": e.dice} for e in self.best],
            "worst": [{"image": e.name, "dice": e.dice} for e in self.worst],
        }

    def __str__(self):
        header = ["class", "images", "pixels", "IoU", "Dice", "accuracy"]
        rows = [
            [
                row["class"],
                f"{row['images']:,}",
                f"{row['support']:,}",
                *(percent(row[score], 1) for score in BY_CLASS),
            ]
            for row in self.classes
        ]
        means = [self.scores.mean_iou, self.scores.mean_dice, self.scores.mean_accuracy]
        pixels = f"{int(self.scores.support.sum()):,}"
        mean = ["mean", f"{self.num_images:,}", pixels]
        rows.append([*mean, *(percent(_known(value), 1) for value in means)])
        if self.foreground:
            shown = [percent(_known(value), 1) for value in self.foreground.values()]
            rows.append([f"mean without {self.class_names[0]}", "", "", *shown, ""])
        accuracy = percent(_known(self.scores.pixel_accuracy), 1)
        return f"{aligned([header, *rows], 1)}\npixel accuracy {accuracy}"


def evaluate_segmentation(
    model_or_path,
    source,
    *,
    window=None,
    overlap=OVERLAP,
    batch_size=8,
    spacing=None,
    examples=6,
    seed=0,
    progress=None,
):
    """IoU, Dice and accuracies of a model on images with masks, at their own sizes.

    One pass, in which every counted pixel counts once: predictions are resized to the
    size of each mask, not masks to that of the network. The memory it takes grows by
    three numbers for each class and image.

    Args:
        model_or_path, window, overlap, batch_size: As for `keras_vit.segment`.
        source: A `keras_vit.data` source of masks, or any object with `class_names`
            and `pairs()`: an iterator of `(image, mask, name)`, uint8
            `(height, width, channels)` and `(height, width)`, a string. Its classes
            are matched with the model's by their names. 255 is not counted.
        spacing: Float or pair `(rows, columns)`, the distance of neighbouring pixels,
            such as millimetres; asks for the 95 % Hausdorff distance of each class but
            the background. Defaults to `None`: none is computed.
        examples: Integer, how many of the best and of the worst images to keep.
        seed: Integer, of the random numbers of the intervals.
        progress: `None`, or a function that is called with (images done, images in
            all or `None`).

    Returns:
        A `SegmentationEvaluation`.

    Raises:
        ValueError: if the model does not give scores of pixels, the data have classes
            that it lacks, no image, or a mask that does not fit its image.

    Example:

    >>> result = keras_vit.evaluation.evaluate_segmentation("runs/mine", source)
    >>> print(result)
    >>> result.scores.mean_iou, result.intervals["mean_iou"]
    """
    if not is_integer(examples) or examples < 0:
        raise ValueError(f"`examples` must be at least 0. Received: {examples!r}")
    check_positive(batch_size=batch_size)
    spacing = None if spacing is None else _pair_of(spacing)
    model = load_model(model_or_path)
    options = {"window": window, "overlap": overlap, "batch_size": batch_size}
    classify = PixelClassifier(model, **options)
    names = known_class_names(model) or list(source.class_names)
    class_of = _class_of(model, source)
    pairs = iter(source.pairs())
    total = getattr(source, "num_examples", None)
    confusion, tallies, distances = 0, [], []
    best, worst, not_counted, pixels = [], [], 0, 0
    first = 1 if is_background(names) else 0
    while some := list(itertools.islice(pairs, batch_size)):
        images = [load_pixels(i, classify.num_channels).numpy() for i, _, _ in some]
        for (image, truth, name), (said, _) in zip(some, classify(images)):
            truth = _checked(truth, said, name, class_of, source.class_names)
            own = MaskConfusion(len(names))
            own.update(truth, said)
            matrix = own.matrix
            confusion += matrix
            tallies.append([np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)])
            not_counted += int((truth == IGNORED).sum())
            pixels += truth.size
            if spacing is not None:
                distances.append(_distances(truth, said, len(names), first, spacing))
            index, scores = len(tallies) - 1, own.scores()
            example = (index, str(name), scores.mean_dice, image, truth, said)
            if not math.isnan(scores.mean_dice):
                seen = int((scores.support > 0).sum())
                _keep(best, (-scores.mean_dice, -seen, index), example, examples)
                _keep(worst, (scores.mean_dice, -seen, index), example, examples)
        if progress is not None:
            progress(len(tallies), total)
    if not tallies:
        raise ValueError(
            f"`source` must hold at least one image. Received: {source!r}, without any"
        )
    where = getattr(source, "name", type(source).__name__)
    split = getattr(source, "split", None)
    return SegmentationEvaluation(
        data=f"{where}:{split}" if split else str(where),
        class_names=names,
        num_images=len(tallies),
        confusion=confusion,
        tallies=np.asarray(tallies),
        ignored=not_counted / pixels,
        best=[example for _, example in best],
        worst=[example for _, example in worst],
        distances=np.asarray(distances) if spacing is not None else None,
        spacing=spacing,
        seed=seed,
        groups=getattr(source, "groups", None),
    )


def _known(value):
    """A number, or a list of numbers, as JSON; `None` where they are not known."""
    value = np.asarray(value, "float64")
    return None if np.isnan(value).any() else value.tolist()


def _pair_of(spacing):
    try:
        pair = np.broadcast_to(np.asarray(spacing, "float64"), (2,)).tolist()
    except (TypeError, ValueError):
        pair = [0, 0]
    if not all(math.isfinite(step) and step > 0 for step in pair):
        raise ValueError(
            "`spacing` must be a positive number, or one each for rows and columns. "
            f"Received: spacing={spacing!r}"
        )
    return tuple(pair)


def _class_of(model, source):
    """The class of the model for each value of a mask; -1 where there is none."""
    given = list(source.class_names)
    named = getattr(source, "name", type(source).__name__)
    # Which classes have pixels is not known yet: `_checked` refuses those.
    facts = types.SimpleNamespace(class_names=given, name=named, labels=[])
    found = match_classes(known_class_names(model), model.output_shape[-1], facts)
    table = np.full(256, -1)
    table[: len(given)] = found
    table[IGNORED] = IGNORED
    return table


def _checked(truth, said, name, class_of, given):
    """A mask in the model's classes."""
    truth = np.asarray(truth)
    if truth.shape != said.shape or truth.dtype != np.uint8:
        raise ValueError(
            "A mask must be a uint8 array of the size of its image, "
            f"{said.shape}. Received: {truth.dtype} of {truth.shape} for "
            f"{display(name)}"
        )
    wrong = [int(value) for value in np.unique(truth) if class_of[value] < 0]
    if wrong:
        raise ValueError(
            "Masks must hold numbers of the model's classes, or 255 for what is not "
            f"counted. Received: {wrong[0]} in the mask of {display(name)}, which "
            f"is {dict(enumerate(given)).get(wrong[0], 'no class of the data')}"
        )
    return class_of[truth]


def _distances(truth, said, count, first, spacing):
    """The 95 % Hausdorff distance of each class of an image, from class `first` on."""
    found, counted = np.full(count, np.nan), truth != IGNORED
    for place in range(first, count):
        pair = (truth == place, (said == place) & counted)
        found[place] = hausdorff_distance(*pair, spacing=spacing)
    return found


def _keep(kept, key, example, most):
    """Keeps the `most` examples with the least keys, in their order."""
    if len(kept) < most or (most and key < kept[-1][0]):
        kept.append((key, _small(*example)))
        kept.sort(key=lambda entry: entry[0])
        del kept[most:]


def _small(index, name, dice, image, truth, said):
    """An example of at most `EXAMPLE_SIZE` pixels on a side."""
    from PIL import Image

    scale = min(1, EXAMPLE_SIZE / max(truth.shape))
    size = [max(1, round(side * scale)) for side in truth.shape]
    rows, columns = (
        ((np.arange(to) + 0.5) * side / to).astype(int)
        for to, side in zip(size, truth.shape)
    )
    masks = [mask[np.ix_(rows, columns)].astype("uint8") for mask in (truth, said)]
    if scale < 1:
        flat = image[..., 0] if image.shape[-1] == 1 else image
        flat = np.asarray(Image.fromarray(flat).resize(size[::-1], Image.BOX))
        image = flat.reshape(*size, -1)
    return SegmentedExample(index, name, dice, image, *masks)


def _foreground(scores, class_names):
    """The means over all classes but the background, if there is one."""
    if not is_background(class_names):
        return {}
    found = {"iou": scores.iou[..., 1:], "dice": scores.dice[..., 1:]}
    return {f"foreground_{name}": mean_of_known(v) for name, v in found.items()}


def _intervals(tallies, class_names, seed):
    """95 % intervals of all scores; see `SegmentationEvaluation.intervals`."""
    count, _, classes = tallies.shape
    random, flat = np.random.default_rng(seed), tallies.reshape(count, -1)
    found = {}
    for _ in range(RESAMPLES // _AT_A_TIME):
        # How often each image is drawn; sums below 2^53 are exact.
        drawn = random.multinomial(count, np.full(count, 1 / count), _AT_A_TIME)
        sums = drawn.astype("float64") @ flat
        sums = sums.reshape(_AT_A_TIME, 3, classes)
        scores = mask_scores(*np.moveaxis(sums, 1, 0))
        values = {name: getattr(scores, name) for name in (*BY_CLASS, *MEANS)}
        for name, value in {**values, **_foreground(scores, class_names)}.items():
            found.setdefault(name, []).append(value)
    return {name: percentiles(np.concatenate(v), count) for name, v in found.items()}
