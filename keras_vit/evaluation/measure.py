"""`evaluate`: one pass over a data set, every example counted exactly once."""

import heapq
import itertools

import numpy as np

from keras_vit.evaluation.evaluation import TOP5_CLASSES, Evaluation, Mistake
from keras_vit.evaluation.forward import forward, steps_of
from keras_vit.evaluation.metrics import ranks
from keras_vit.evaluation.relabelled import real_accuracy_on
from keras_vit.evaluation.scored import find_source
from keras_vit.inference.loaded import class_probabilities, load_model, output_kind

# Probabilities of all classes are kept up to this many numbers: 256 MiB.
MAX_PROBABILITIES = 2**26


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
):
    """Loss, accuracy and all that follows from them, of a model on a data set.

    One pass; the memory it takes grows with the number of examples, not with their
    size. Of images of ImageNet's validation set, which are recognised by their file
    names and classes by their synsets, the ReaL accuracy is told, too.

    Args:
        model_or_path: A Keras model, the path of a `.keras` file, or a run folder.
        data: Name or folder, as for `keras_vit.data.load`, or a
            `keras_vit.data.Source`. Of a name with a split, such as
            `"photos:train[80%:]"`, that part is scored; without one, its test set,
            drawn as in training where the files name none. Defaults to the test set
            of the run that trained the model.
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

    Returns:
        An `Evaluation`.

    Raises:
        ValueError: if the model gives no class scores, model and data have different
            classes, an image cannot be read, or an output is not finite.

    Example:

    >>> result = evaluate("runs/fashion_mnist_mini-small-1")
    >>> result.accuracy, result.accuracy_interval, result.calibration_error
    """
    from keras_vit.data import steps_to_text

    if batch_size < 1 or mistakes < 0:
        raise ValueError(
            "`batch_size` must be at least 1 and `mistakes` at least 0. "
            f"Received: batch_size={batch_size}, mistakes={mistakes}"
        )
    model = load_model(model_or_path)
    kind = output_kind(model)
    steps = steps_of(model, preprocessing)
    source = find_source(model, data, data_dir, corrupt=corrupt, columns=columns)
    _check_classes(model, source)
    keep = source.num_examples * source.num_classes <= MAX_PROBABILITIES
    # Softmax in float64 goes this far; probabilities come out of a model in float32.
    smallest = np.finfo("float64" if kind == "logits" else "float32").tiny
    columns, worst = [], _Mistakes(mistakes, steps, source.files)
    for images, labels, outputs in forward(model, source, steps, batch_size, progress):
        probabilities = class_probabilities(outputs, kind)
        rows = np.arange(len(labels))
        predicted = probabilities.argmax(axis=-1)
        confidences = probabilities[rows, predicted]
        losses = -np.log(np.maximum(probabilities[rows, labels], smallest))
        place = ranks(probabilities, labels)
        kept = probabilities.astype("float32") if keep else rows
        columns.append((labels, predicted, confidences, losses, place, kept))
        worst.add(images, labels, predicted, confidences)
    labels, predicted, confidences, losses, place, kept = (
        np.concatenate(column) for column in zip(*columns)
    )
    top5 = float((place < 5).mean()) if source.num_classes >= TOP5_CLASSES else None
    return Evaluation(
        data=f"{source.name}:{source.split}",
        class_names=source.class_names,
        num_examples=len(labels),
        loss=float(losses.mean()),
        accuracy=float((place == 0).mean()),
        top5_accuracy=top5,
        labels=labels,
        predicted=predicted,
        confidences=confidences,
        probabilities=kept if keep else None,
        mistakes=worst.sorted(),
        steps=None if preprocessing is None else steps_to_text(steps.steps),
        real_accuracy=real_accuracy_on(source, predicted),
    )


class _Mistakes:
    """Keeps the most confident wrong answers of a stream, with their pixels."""

    def __init__(self, count, steps, files):
        self.count, self.files = count, files
        last = steps.steps[-1] if steps.steps else None
        self.low = getattr(last, "low", 0.0)
        self.high = getattr(last, "high", 255.0)
        self.heap = []  # the least confident one first
        self.index = itertools.count()

    def add(self, images, labels, predicted, confidences):
        for row in zip(images, labels, predicted, confidences, self.index):
            image, true, wrong, confidence, index = row
            key = (float(confidence), -index)
            full = len(self.heap) >= self.count
            if true == wrong or not self.count or (full and key < self.heap[0][0]):
                continue
            file = self.files[index] if self.files else None
            mistake = Mistake(
                index, file, int(true), int(wrong), key[0], self._pixels(image)
            )
            push = heapq.heappushpop if full else heapq.heappush
            push(self.heap, (key, mistake))

    def sorted(self):
        return [mistake for _, mistake in sorted(self.heap, reverse=True)]

    def _pixels(self, image):
        """Back to [0, 255] from the range that the model takes."""
        pixels = 255 * (image - self.low) / (self.high - self.low)
        return np.clip(np.rint(pixels), 0, 255).astype("uint8")


def _check_classes(model, source):
    names = getattr(model, "metadata", {}).get("class_names")
    outputs = model.output_shape[-1]
    if outputs != source.num_classes or (names and names != source.class_names):
        raise ValueError(
            "The classes of the model and of the data differ. "
            f"Received: a model of {outputs} classes ({_some(names)}) and data of "
            f"{source.num_classes} classes ({_some(source.class_names)})"
        )


def _some(names):
    names = names or ["without names"]
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
