"""Losses and accuracy for class numbers, or for shares of classes.

Mixup and its kind mix labels, so that their batches come with a row of shares for
each image, `(batch, classes)` in float32; all others with class numbers `(batch,)`.
"""

import keras
from keras import ops


def build_loss(recipe, class_weights=None):
    """The loss of a recipe, computed in float32 at least.

    Args:
        recipe: A `Recipe`.
        class_weights: A number for each class, or `None`.
    """
    options = {"class_weights": class_weights, "dtype": loss_dtype(recipe)}
    if recipe.loss == "binary":
        return MeanBinaryCrossentropy(recipe.label_smoothing, **options)
    if recipe.loss == "sigmoid":
        return SigmoidCrossentropy(**options)
    if recipe.loss == "focal":
        return FocalCrossentropy(recipe.focal_gamma, **options)
    return LabelSmoothedCrossentropy(recipe.label_smoothing, **options)


def loss_dtype(recipe):
    """The dtype of a recipe's loss: float32 at least."""
    return "float64" if recipe.dtype == "float64" else "float32"


def shares(y_true, y_pred):
    """Targets `(batch, classes)` of either kind of labels, in the type of `y_pred`."""
    if len(y_true.shape) == len(y_pred.shape):
        return ops.cast(y_true, y_pred.dtype)
    return ops.one_hot(ops.cast(y_true, "int32"), y_pred.shape[-1], dtype=y_pred.dtype)


class _Crossentropy(keras.losses.Loss):
    """What the losses share. Each is a sum over an image's classes, by their shares.

    A class's weight multiplies its share, and the mean is over images, not over
    weights: as of Keras's `fit(class_weight=...)`, and the same however a batch is
    split. Of two images that are mixed, each label counts with its own weight.
    """

    def __init__(self, class_weights=None, **kwargs):
        super().__init__(**kwargs)
        if class_weights is not None:
            class_weights = [float(weight) for weight in class_weights]
        self.class_weights = class_weights

    def call(self, y_true, y_pred):
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        if keras.backend.standardize_dtype(y_pred.dtype) != "float64":
            y_pred = ops.cast(y_pred, "float32")
        targets, total = shares(y_true, y_pred), 1.0
        if self.class_weights is not None:
            targets = targets * ops.convert_to_tensor(self.class_weights, y_pred.dtype)
            total = ops.sum(targets, axis=-1, keepdims=True)
        return self._of(targets, y_pred, total)

    def get_config(self):
        return {**super().get_config(), "class_weights": self.class_weights}


@keras.saving.register_keras_serializable(package="keras_vit")
class LabelSmoothedCrossentropy(_Crossentropy):
    """Softmax cross-entropy of logits, in float32 at least.

    Args:
        label_smoothing: Float in `[0, 1)`: the share of the probability that is
            spread evenly over all classes. Defaults to `0.0`.
        class_weights: A number for each class, by which the losses of its images are
            multiplied; `None` for all alike. The mean is over the images.

    Call arguments:
        y_true: Integer tensor `(batch,)`, or shares `(batch, classes)`.
        y_pred: Float tensor `(batch, classes)`, logits.

    Example:

    >>> loss = LabelSmoothedCrossentropy(label_smoothing=0.1)
    >>> float(loss(np.array([0]), np.array([[0.0, 0.0]])))
    0.6931
    """

    def __init__(
        self, label_smoothing=0.0, class_weights=None, name="crossentropy", **kwargs
    ):
        super().__init__(class_weights, name=name, **kwargs)
        self.label_smoothing = label_smoothing

    def _of(self, targets, logits, total):
        log_probabilities = ops.log_softmax(logits, axis=-1)  # (B, K)
        targets = targets * (1.0 - self.label_smoothing)
        targets = targets + total * (self.label_smoothing / logits.shape[-1])
        return -ops.sum(targets * log_probabilities, axis=-1)

    def get_config(self):
        return {**super().get_config(), "label_smoothing": self.label_smoothing}


@keras.saving.register_keras_serializable(package="keras_vit")
class SigmoidCrossentropy(_Crossentropy):
    """Every class a yes-or-no question: summed over classes, averaged over images.

    What ImageNet-21k and JFT were trained with, whose images have several labels.
    `keras.losses.BinaryCrossentropy` averages over the classes, which with 21,000 of
    them makes the gradient 21,000 times smaller.

    Args:
        class_weights: A number for each class, by which the losses of its images are
            multiplied; `None` for all alike. The mean is over the images.

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

    def __init__(self, class_weights=None, name="sigmoid_crossentropy", **kwargs):
        super().__init__(class_weights, name=name, **kwargs)

    def _of(self, targets, logits, total):
        return ops.sum(total * ops.softplus(logits) - targets * logits, axis=-1)


@keras.saving.register_keras_serializable(package="keras_vit")
class FocalCrossentropy(_Crossentropy):
    """Softmax cross-entropy that counts images less which are classified well already.

    `(1 - p)^gamma * -log p` for the probability `p` of the image's class. Of two
    images that are mixed, the sum over both classes by their shares.

    Args:
        gamma: Float, at least 0; with 0 it is the cross-entropy. Defaults to `2.0`.
        class_weights: A number for each class (the paper's alpha), by which the losses
            of its images are multiplied; `None` for all alike. The mean is over the
            images.

    Call arguments:
        y_true: Integer tensor `(batch,)`, or shares `(batch, classes)`.
        y_pred: Float tensor `(batch, classes)`, logits.

    Example:

    >>> loss = FocalCrossentropy()
    >>> float(loss(np.array([0]), np.array([[0.0, 0.0]])))  # ln(2) / 4
    0.1733

    Reference: [Lin et al., 2017](https://arxiv.org/abs/1708.02002), equation 5.
    """

    def __init__(self, gamma=2.0, class_weights=None, name="focal", **kwargs):
        super().__init__(class_weights, name=name, **kwargs)
        self.gamma = gamma

    def _of(self, targets, logits, total):
        log = ops.log_softmax(logits, axis=-1)  # (B, K)
        # The gradient of a power at 0 is not finite.
        missed = ops.maximum(1.0 - ops.exp(log), keras.config.epsilon())
        return -ops.sum(targets * ops.power(missed, self.gamma) * log, axis=-1)

    def get_config(self):
        return {**super().get_config(), "gamma": self.gamma}


@keras.saving.register_keras_serializable(package="keras_vit")
class MeanBinaryCrossentropy(_Crossentropy):
    """Every class a yes-or-no question: averaged over classes and images.

    Args:
        label_smoothing: Float in `[0, 1)`: how far every answer moves towards a half.
            Defaults to `0.0`.
        class_weights: A number for each class, by which the loss of a yes is
            multiplied, so that rare labels are missed less; `None` for all alike.

    Call arguments:
        y_true: Integer tensor `(batch,)`, or shares `(batch, classes)`: of several
            labels an image 0 and 1, and what mixup makes of them.
        y_pred: Float tensor `(batch, classes)`, logits.

    Example:

    >>> loss = MeanBinaryCrossentropy()
    >>> float(loss(np.array([[1.0, 1.0]]), np.array([[0.0, 0.0]])))  # ln(2)
    0.6931
    """

    def __init__(
        self,
        label_smoothing=0.0,
        class_weights=None,
        name="binary_crossentropy",
        **kwargs,
    ):
        super().__init__(class_weights, name=name, **kwargs)
        self.label_smoothing = label_smoothing

    def call(self, y_true, y_pred):
        y_true, logits = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        if keras.backend.standardize_dtype(logits.dtype) != "float64":
            logits = ops.cast(logits, "float32")
        yes = shares(y_true, logits) * (1.0 - self.label_smoothing)
        yes = yes + 0.5 * self.label_smoothing
        weights = 1.0
        if self.class_weights is not None:
            weights = ops.convert_to_tensor(self.class_weights, logits.dtype)
        lost = weights * yes * ops.softplus(-logits)
        return ops.mean(lost + (1.0 - yes) * ops.softplus(logits), axis=-1)

    def get_config(self):
        return {**super().get_config(), "label_smoothing": self.label_smoothing}


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
