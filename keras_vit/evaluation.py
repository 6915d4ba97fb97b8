"""How good a model is on a data set, every example counted exactly once."""

import dataclasses
import logging

import numpy as np

from keras_vit.prediction import (
    class_probabilities,
    load_model,
    output_kind,
    preprocessing_of,
)

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found."""

    # Data set and split.
    data: str
    # Examples evaluated.
    num_examples: int
    # Mean cross-entropy of the true classes, in nats, without label smoothing.
    loss: float
    # Share of examples whose most probable class is the true one.
    accuracy: float

    def to_json(self):
        """The numbers as a dictionary."""
        return dataclasses.asdict(self)


def evaluate(model_or_path, data=None, *, data_dir=None, batch_size=64):
    """Loss and accuracy of a model on a data set.

    Args:
        model_or_path: A Keras model, the path of a `.keras` file, or a run folder.
        data: Name or folder, as for `keras_vit.data.load`, or a
            `keras_vit.data.Source`. A name without a split means its test set.
            Defaults to the test set of the run that trained the model.
        data_dir: Where TFDS keeps its data sets.
        batch_size: Integer; the result does not depend on it.

    Returns:
        An `Evaluation`.

    Raises:
        ValueError: if the model gives no class scores, or model and data have
            different classes.

    Example:

    >>> evaluate("runs/fashion_mnist_mini-small-1").accuracy
    """
    model = load_model(model_or_path)
    kind = output_kind(model)
    source = _source(model, data, data_dir)
    _check_classes(model, source)
    loss, correct, count = 0.0, 0, 0
    steps = preprocessing_of(model)
    for images, labels in source.batches(batch_size, preprocessing=steps):
        probabilities = class_probabilities(model.predict_on_batch(images), kind)
        labels = np.asarray(labels)
        chosen = probabilities[np.arange(len(labels)), labels]
        loss -= np.log(np.maximum(chosen, np.finfo("float32").tiny)).sum()
        correct += int((probabilities.argmax(axis=-1) == labels).sum())
        count += len(labels)
    return Evaluation(
        f"{source.name}:{source.split}", count, float(loss / count), correct / count
    )


def _source(model, data, data_dir):
    """The examples that were asked for, or those of the run's test."""
    import keras_vit.data

    if isinstance(data, keras_vit.data.Source):
        return data
    if data is not None:
        return keras_vit.data.load_splits(data, data_dir)[1]
    metadata = getattr(model, "metadata", {})
    recipe = metadata.get("recipe")
    if recipe is None:
        raise ValueError(
            "The model does not say what data it was trained with; give `data`."
        )
    _, source = keras_vit.data.load_splits(
        recipe["data"],
        data_dir or recipe["data_dir"],
        corrupt=recipe["corrupt"],
        test_fraction=recipe["test_fraction"],
        split_seed=recipe["split_seed"],
    )
    expected = metadata["data"]["test"]["num_examples"]
    if source.num_examples != expected:
        logger.warning(
            "The test data has changed since training: %d examples then, %d now.",
            expected,
            source.num_examples,
        )
    return source


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
