"""Extraction of features: the inputs of a model's head."""

import dataclasses

import keras
import numpy as np

from keras_vit.common.checks import check_positive
from keras_vit.evaluation.forward import forward, steps_of
from keras_vit.inference.loaded import load_model


@dataclasses.dataclass(frozen=True)
class Features:
    """Features of a data set, in its stored order."""

    # float32, `(N, D)`.
    values: np.ndarray
    # int32, `(N,)`.
    labels: np.ndarray
    class_names: list


def feature_model(model, layer=None):
    """A model that ends at its features, with the same variables, not copies.

    Args:
        model: A functional Keras model.
        layer: Name of the layer whose output is wanted. By default, and as
            `"pre_logits"`, what the head reads: the output of layer `pre_logits`
            where there is one, else of the pooling. A model without a head ends
            there itself.

    Returns:
        A `keras.Model` with outputs `(batch, D)`.

    Raises:
        ValueError: if there is no such layer, or its output is not one vector per
            image.
    """
    output = _features(model, layer)
    if len(output.shape) != 2:
        raise ValueError(
            "Features must be one vector per image; a model with `pooling=None`, or a "
            f"layer before the pooling, gives more. Received: {model.name}, layer "
            f"{layer or 'before the head'}, shape {tuple(output.shape)}"
        )
    if len(model.inputs) != 1:
        raise ValueError(
            f"The model must take images only. Received: {len(model.inputs)} inputs"
        )
    return keras.Model(model.inputs[0], output, name=f"{model.name}_features")


def _features(model, layer):
    names = [each.name for each in model.layers]
    if layer is not None and (layer != "pre_logits" or layer in names):
        if layer not in names:
            raise ValueError(
                f"The model has no layer {layer!r}. It has: {', '.join(names)}"
            )
        return model.get_layer(layer).output
    # Activations may follow the last dense layer; nothing else may.
    for each in reversed(model.layers):
        if isinstance(each, keras.layers.Dense) and each.name != "pre_logits":
            return each.input
        if not isinstance(each, (keras.layers.Activation, keras.layers.Softmax)):
            break
    return model.output


def extract_features(
    model, source, layer=None, *, preprocessing=None, batch_size=64, progress=None
):
    """Runs a model up to its head over a whole source.

    Args:
        model: A Keras model (any of this package, or a functional one that ends in a
            dense layer), the path of a `.keras` file, or a run folder.
        source: A `keras_vit.data.Source`. Images are prepared as the model says.
        layer: Name of a layer. Defaults to what the head reads, `"pre_logits"` in
            the papers' words, whatever the layer's name.
        preprocessing: As for `keras_vit.evaluation.evaluate`.
        batch_size: Integer; the result does not depend on it.
        progress: `None`, or a function that is called with (images done, images in
            all).

    Returns:
        `Features`.

    Raises:
        ValueError: if the model has no such layer, gives no vector per image, or an
            image cannot be read.

    Example:

    >>> model = keras_vit.ViT_B16(weights="augreg")
    >>> features = extract_features(model, keras_vit.data.load("./photos"))
    >>> features.values.shape
    (1200, 768)
    """
    extractor = Extractor(load_model(model), layer, preprocessing)
    return extractor(source, batch_size, progress)


class Extractor:
    """A model up to its features, and the steps that prepare its images.

    Args:
        model: A functional Keras model.
        layer: As for `feature_model`.
        preprocessing: As for `keras_vit.evaluation.evaluate`.
    """

    def __init__(self, model, layer=None, preprocessing=None):
        self.model = feature_model(model, layer)
        self.steps = steps_of(model, preprocessing)

    def __call__(self, source, batch_size, progress=None):
        """The `Features` of a source."""
        check_positive(batch_size=batch_size)
        batches = forward(self.model, source, self.steps, batch_size, progress)
        values, labels = zip(*((outputs, numbers) for _, numbers, outputs in batches))
        values = np.concatenate(values, dtype="float32")
        return Features(values, np.concatenate(labels), source.class_names)


def check_same_classes(parts, names="The sources"):
    """Raises unless sources have the same classes, one for each image."""
    if any(part.task == "multilabel" for part in parts):
        raise ValueError(
            "A probe of features counts right answers by class, and draws so many "
            "images of each; an image with several labels is in several. Train with "
            "task='multilabel' and freeze=('backbone',): that fits a linear classifier "
            "of every label."
        )
    if any(part.class_names != parts[0].class_names for part in parts):
        received = " and ".join(str(part.class_names[:5]) for part in parts)
        raise ValueError(f"{names} must have the same classes. Received: {received}")
