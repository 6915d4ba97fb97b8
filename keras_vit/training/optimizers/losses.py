"""Losses and accuracy for class numbers, or for shares of classes.

Mixup and its kind mix labels, so that their batches come with a row of shares for
each image, `(batch, classes)` in float32; all others with class numbers `(batch,)`.
"""

import keras
from keras import ops


def build_loss(recipe):
    """The loss of a recipe, computed in float32 at least."""
    dtype = loss_dtype(recipe)
    if recipe.loss == "sigmoid":
        return SigmoidCrossentropy(dtype=dtype)
    return LabelSmoothedCrossentropy(recipe.label_smoothing, dtype=dtype)


def loss_dtype(recipe):
    """The dtype of a recipe's loss: float32 at least."""
    return "float64" if recipe.dtype == "float64" else "float32"


def shares(y_true, y_pred):
    """Targets `(batch, classes)` of either kind of labels, in the type of `y_pred`."""
    if len(y_true.shape) == len(y_pred.shape):
        return ops.cast(y_true, y_pred.dtype)
    return ops.one_hot(ops.cast(y_true, "int32"), y_pred.shape[-1], dtype=y_pred.dtype)


class _Crossentropy(keras.losses.Loss):
    def call(self, y_true, y_pred):
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        if keras.backend.standardize_dtype(y_pred.dtype) != "float64":
            y_pred = ops.cast(y_pred, "float32")
        return self._of(shares(y_true, y_pred), y_pred)


@keras.saving.register_keras_serializable(package="keras_vit")
class LabelSmoothedCrossentropy(_Crossentropy):
    """Softmax cross-entropy of logits, in float32 at least.

    Args:
        label_smoothing: Float in `[0, 1)`: the share of the probability that is
            spread evenly over all classes. Defaults to `0.0`.

    Call arguments:
        y_true: Integer tensor `(batch,)`, or shares `(batch, classes)`.
        y_pred: Float tensor `(batch, classes)`, logits.

    Example:

    >>> loss = LabelSmoothedCrossentropy(label_smoothing=0.1)
    >>> float(loss(np.array([0]), np.array([[0.0, 0.0]])))
    0.6931
    """

    def __init__(self, label_smoothing=0.0, name="crossentropy", **kwargs):
        super().__init__(name=name, **kwargs)
        self.label_smoothing = label_smoothing

    def _of(self, targets, logits):
        log_probabilities = ops.log_softmax(logits, axis=-1)  # (B, K)
        targets = targets * (1.0 - self.label_smoothing)
        targets = targets + self.label_smoothing / logits.shape[-1]
        return -ops.sum(targets * log_probabilities, axis=-1)

    def get_config(self):
        return {**super().get_config(), "label_smoothing": self.label_smoothing}


@keras.saving.register_keras_serializable(package="keras_vit")
class SigmoidCrossentropy(_Crossentropy):
    """Every class a yes-or-no question: summed over classes, averaged over images.

    What ImageNet-21k and JFT were trained with, whose images have several labels.
    `keras.losses.BinaryCrossentropy` averages over the classes, which with 21,000 of
    them makes the gradient 21,000 times smaller.

    Call arguments:
        y_true: Integer tensor `(batch,)`, or shares `(batch, classes)`.
        y_pred: Float tensor `(batch, classes)`, logits.

    Example:

    >>> loss = SigmoidCrossentropy()
    >>> float(loss(np.array([0]), np.array([[0.0, 0.0]])))  # 2 * ln(2)
    1.3863

    Reference: [Beyer et al., 2020](https://arxiv.org/abs/2006.07159), section 6;
    `big_vision/utils.py: sigmoid_xent`.
    """

    def __init__(self, name="sigmoid_crossentropy", **kwargs):
        super().__init__(name=name, **kwargs)

    def _of(self, targets, logits):
        return ops.sum(ops.softplus(logits) - targets * logits, axis=-1)


@keras.saving.register_keras_serializable(package="keras_vit")
class LabelAccuracy(keras.metrics.MeanMetricWrapper):
    """How often the highest logit is that of the label, or of its largest share.

    Call arguments:
        y_true: Integer tensor `(batch,)`, or shares `(batch, classes)`.
        y_pred: Float tensor `(batch, classes)`.

    Example:

    >>> metric = LabelAccuracy()
    >>> metric.update_state([[0.3, 0.7]], [[0.0, 1.0]])
    >>> float(metric.result())
    1.0
    """

    def __init__(self, name="accuracy", dtype=None):
        super().__init__(fn=_hits, name=name, dtype=dtype)
        self._direction = "up"  # Keras: larger is better

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}


def _hits(y_true, y_pred):
    if len(y_true.shape) == len(y_pred.shape):
        y_true = ops.argmax(y_true, axis=-1)
    hits = ops.equal(ops.argmax(y_pred, axis=-1), ops.cast(y_true, "int32"))
    return ops.cast(hits, keras.backend.floatx())
