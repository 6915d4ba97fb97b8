"""`evaluate`: one pass over a data set, in which every example counts exactly once."""

import dataclasses
import functools
import math

import keras
import numpy as np

from keras_vit.common.checks import check_positive
from keras_vit.common.wording import interval, percent
from keras_vit.data import steps_to_text
from keras_vit.evaluation.classes import imagenet_names, match_classes
from keras_vit.evaluation.forward import forward, steps_of
from keras_vit.evaluation.memory import MAX_PROBABILITIES
from keras_vit.evaluation.metrics import (
    UNEQUAL,
    Calibration,
    Counts,
    calibration,
    grouped_interval,
    ranks,
    wilson_interval,
)
from keras_vit.evaluation.relabelled import real_accuracy_on
from keras_vit.evaluation.scored import find_scored
from keras_vit.evaluation.telling import as_tables, as_text
from keras_vit.inference.loaded import (
    class_probabilities,
    gives_labels,
    known_class_names,
    load_model,
    output_kind,
    pixels_of,
    range_of_steps,
    source_name,
)

# Pairs of classes that JSON lists: some 700 kB.
MAX_CELLS = 10_000
# Below it resampled groups differ too little from those that there are.
FEW_GROUPS = 10
# Below it the true class is nearly always among the first five.
TOP5_CLASSES = 6


@dataclasses.dataclass(frozen=True)
class Mistake:
    """One wrong answer."""

    # Place among the examples, from 0, and the file where the data is a folder.
    index: int
    file: str | None
    # Classes by number.
    true: int
    predicted: int
    # Probability of the predicted class, in [0, 1].
    confidence: float
    # Pixels as the model saw them: uint8 (H, W, C).
    image: np.ndarray


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found."""

    # Data set and split.
    data: str
    # Names of the model's classes; of the data's where the model does not name its own.
    class_names: list
    # Examples evaluated.
    num_examples: int
    # Mean cross-entropy of the true classes, in nats, without label smoothing.
    loss: float
    # Share of examples whose most probable class is the true one.
    accuracy: float
    # Share of examples whose true class is among the five most probable; `None` below
    # six classes, where it says nothing.
    top5_accuracy: float | None
    # True class, predicted class and its probability, for each example: `(N,)`.
    labels: np.ndarray = dataclasses.field(repr=False)
    predicted: np.ndarray = dataclasses.field(repr=False)
    confidences: np.ndarray = dataclasses.field(repr=False)
    # Probabilities of all classes, float32 `(N, K)`; `None` where they would not fit.
    probabilities: np.ndarray | None = dataclasses.field(repr=False)
    # The wrong answers with the highest probabilities, the highest first.
    mistakes: list = dataclasses.field(repr=False)
    # How images were prepared, as text; `None` where it was as the model says.
    steps: str | None = None
    # Share of the images whose predicted class is one of their ReaL labels, of those
    # that have any; `None` but for images of ImageNet's validation set.
    real_accuracy: float | None = None
    # Which part of the data was scored, in words; `None` of a source that was given.
    part: str | None = None
    # The group of each example, strings `(N,)`, if the images are grouped.
    groups: np.ndarray | None = dataclasses.field(default=None, repr=False)

    def __repr__(self):
        score = f"{percent(self.accuracy)} right{interval(self.accuracy_interval)}"
        return f"<Evaluation {self.data}, {self.num_examples:,} examples: {score}>"

    def __str__(self):
        return as_text(self)

    def _repr_html_(self):
        return as_tables(self)

    @functools.cached_property
    def accuracy_interval(self) -> tuple:
        """`(low, high)`, the 95 % interval of the accuracy; see `interval_method`."""
        right = self.labels == self.predicted
        if self.num_groups > 1:
            return grouped_interval(right, self.groups)
        return wilson_interval(int(right.sum()), self.num_examples)

    @property
    def num_groups(self) -> int:
        """How many groups the examples come in; 0 where they are not grouped."""
        return 0 if self.groups is None else len(set(self.groups))

    @property
    def interval_method(self) -> str:
        """What the interval is by: Wilson's formula, or bootstrap over groups."""
        if self.num_groups < 2:
            return "Wilson"
        few = ", too few for a close estimate" if self.num_groups < FEW_GROUPS else ""
        return f"bootstrap over {self.num_groups} groups{few}"

    @functools.cached_property
    def calibration(self) -> Calibration:
        """Probability against accuracy, in 15 bins of equal width."""
        return calibration(self.confidences, self.labels == self.predicted)

    @property
    def calibration_error(self) -> float:
        """The expected calibration error; see `keras_vit.evaluation.calibration`."""
        return self.calibration.error

    @functools.cached_property
    def counts(self) -> Counts:
        """Which classes are taken for which, without a matrix."""
        return Counts(self.labels, self.predicted, len(self.class_names))

    @property
    def confusion(self) -> np.ndarray:
        """Counts `(K, K)`: row the true class, column the predicted one.

        Made anew each time: of 10,000 classes it takes 800 MB.
        """
        return self.counts.matrix()

    @property
    def balanced_accuracy(self) -> float:
        """The mean recall of the classes that have examples."""
        return self.counts.balanced_accuracy

    @property
    def unequal(self) -> bool:
        """Whether the largest class has at least twice the smallest one's examples.

        The accuracy is then mostly that of the largest ones.
        """
        return self.counts.imbalance >= UNEQUAL

    @functools.cached_property
    def missing(self) -> list:
        """The names of the classes without an example."""
        pairs = zip(self.class_names, self.counts.support)
        return [name for name, count in pairs if not count]

    @functools.cached_property
    def classes(self) -> list:
        """Name, support, precision, recall and F1 of each class."""
        rows = self.counts.table()
        return [{"class": n, **row} for n, row in zip(self.class_names, rows)]

    def to_json(self):
        """The numbers as a dictionary that JSON can hold.

        `confusion` lists what occurred: `[true class, predicted class, examples]`. Of
        very many kinds of answers, these are the most frequent, and
        `confusion_left_out` is the number of examples in the others.
        """
        cells = self.counts.cells(MAX_CELLS)
        left_out = self.num_examples - int(cells[2].sum())
        left_out = {"confusion_left_out": left_out} if left_out else {}
        names = ("part", "steps", "real_accuracy")
        here = {name: getattr(self, name) for name in names}
        return {
            "data": self.data,
            **{name: value for name, value in here.items() if value is not None},
            "num_examples": self.num_examples,
            "loss": self.loss,
            "accuracy": self.accuracy,
            "accuracy_interval": list(self.accuracy_interval),
            **({"groups": self.num_groups} if self.num_groups else {}),
            "balanced_accuracy": self.balanced_accuracy,
            "top5_accuracy": self.top5_accuracy,
            "calibration_error": self.calibration_error,
            "classes": self.classes,
            "confusion": [
                [self.class_names[true], self.class_names[predicted], int(examples)]
                for true, predicted, examples in zip(*cells)
            ],
            **left_out,
        }


def evaluate(
    model_or_path,
    data=None,
    *,
    data_dir=None,
    corrupt=None,
    columns=None,
    preprocessing=None,
    batch_size=64,
    mistakes=24,
    progress=None,
    place=None,
    run=None,
):
    """Loss, accuracy and all that follows from them, of a model on a data set.

    One pass; the memory it takes grows with the number of examples, not with their
    size. For images of ImageNet's validation set, which are recognised by their file
    names and classes by their synsets, the ReaL accuracy is computed, too.

    Args:
        model_or_path: A Keras model, the path of a `.keras` file, a run folder, or a
            checkpoint, as for `keras_vit.from_checkpoint`.
        data: Name or folder, as for `keras_vit.data.load`, or a
            `keras_vit.data.Source`. Of a name with a split, such as
            `"photos:train[80%:]"`, that part is scored; without one, the test part, or
            all where there is none. Of the data of the run that trained the model, it
            is what the training set apart for its test, which is also the default. The
            classes are matched by name: the data may lack some of the model's, and have
            them in another order.
        data_dir: Where TFDS keeps its data sets.
        corrupt: `"error"` or `"skip"`, what to do with a broken image. Defaults to
            what the run did; to `"error"` where the model says nothing.
        columns: The columns of a list of files, as for `keras_vit.data.load`.
        preprocessing: How images become the model's input, where it is not as the model
            says: a string of steps as for `keras_vit.data.steps_from_text`, a list of
            steps, or a `keras_vit.data.Preprocessing`. Published numbers are of
            `"resize_small(256)|central_crop(224)"` for plain ViT-S/16 (224 pixels), of
            `"resize_small(448)|central_crop(384)"` for big_vision's transfers (384
            pixels), and of `"resize(256)|central_crop(224)"` for its few-shot probe;
            the models' own steps, which stretch images to their size, are those of the
            official fine-tuning. A value range that is not named is the model's.
        batch_size: Integer; the result does not depend on it.
        mistakes: Integer, how many of the most confident mistakes to keep, with
            their pixels. Defaults to 24.
        progress: `None`, or a function that is called with (images done, images in
            all).
        place: What `keras_vit.data.open_place` made of the name of the run's data, for
            a run that is evaluated on its own test set right after its training.
        run: Path of the run folder or file that a given model was loaded from.

    Returns:
        An `Evaluation`.

    Raises:
        ValueError: if the model gives no class scores, the data have classes that it
            lacks or are no longer where the run found them, an image cannot be read, or
            an output is not finite.

    Example:

    >>> result = evaluate("runs/fashion_mnist_mini-small-1")
    >>> result.accuracy, result.accuracy_interval, result.calibration_error
    """
    check_positive(batch_size=batch_size)
    if mistakes < 0:
        raise ValueError(f"`mistakes` must be at least 0. Received: {mistakes}")
    model = load_model(model_or_path)
    kind = output_kind(model)
    if gives_labels(model):
        raise ValueError(
            "The model gives an image several labels, so that there is no one class to "
            "be right: keras_vit.evaluation.evaluate_labels and `keras-vit evaluate` "
            f"score it. Received: {source_name(run or model_or_path)}"
        )
    steps = steps_of(model, preprocessing)
    run = run if isinstance(model_or_path, keras.Model) else model_or_path
    source, part = find_scored(
        model,
        data,
        data_dir,
        corrupt=corrupt,
        columns=columns,
        place=place,
        run=run,
    )
    names, num_classes = known_class_names(model), model.output_shape[-1]
    names = imagenet_names(names, num_classes, source) or names
    class_of = match_classes(names, num_classes, source)
    names = names or source.class_names
    shape = source.num_examples, num_classes
    fits = math.prod(shape) <= MAX_PROBABILITIES
    kept = np.empty(shape, "float32") if fits else None
    # Softmax in float64 goes this far; probabilities come out of a model in float32.
    smallest = np.finfo("float64" if kind == "logits" else "float32").tiny
    value_range, files = range_of_steps(steps), source.files
    columns, worst, done = [], [], 0
    name = source_name(run or model_or_path)
    batches = forward(model, source, steps, batch_size, progress, name)
    for images, labels, outputs in batches:
        labels = class_of[labels]
        probabilities = class_probabilities(outputs, kind)
        rows = np.arange(len(labels))
        predicted = probabilities.argmax(axis=-1)
        confidences = probabilities[rows, predicted]
        losses = -np.log(np.maximum(probabilities[rows, labels], smallest))
        place = ranks(probabilities, labels)
        if kept is not None:
            kept[done : done + len(labels)] = probabilities
        columns.append((labels, predicted, confidences, losses, place))
        batch = (images, labels, predicted, confidences)
        worst = _with_mistakes(worst, mistakes, done, batch, files, value_range)
        done += len(labels)
    labels, predicted, confidences, losses, place = (
        np.concatenate(column) for column in zip(*columns)
    )
    top5 = float((place < 5).mean()) if num_classes >= TOP5_CLASSES else None
    return Evaluation(
        data=f"{source.name}:{source.split}",
        class_names=names,
        num_examples=len(labels),
        loss=float(losses.mean()),
        accuracy=float((place == 0).mean()),
        top5_accuracy=top5,
        labels=labels,
        predicted=predicted,
        confidences=confidences,
        probabilities=kept,
        mistakes=worst,
        steps=None if preprocessing is None else steps_to_text(steps.steps),
        real_accuracy=real_accuracy_on(source, predicted, names),
        part=part,
        groups=source.groups,
    )


def _with_mistakes(worst, count, first, batch, files, value_range):
    """The most confident wrong answers so far, the most confident first.

    Args:
        worst: List of `Mistake`, those of the batches before.
        count: Integer, how many to keep.
        first: Integer, the place of the batch's first example among all.
        batch: Images, labels, predicted classes and their probabilities.
        files: Names of the files of all examples, or `None`.
        value_range: Black and white of the images.
    """
    for place, (image, true, wrong, confidence) in enumerate(zip(*batch), first):
        is_beaten = len(worst) >= count > 0 and confidence < worst[-1].confidence
        if true == wrong or not count or is_beaten:
            continue
        file = files[place] if files else None
        answer = (int(true), int(wrong), float(confidence))
        pixels = pixels_of(image, value_range)
        worst = [*worst, Mistake(place, file, *answer, pixels)]
        worst = sorted(worst, key=lambda m: (-m.confidence, m.index))[:count]
    return worst
