"""Losses of segmentation, from labels and logits of every pixel.

All take labels `(batch, height, width)` or `(batch, height, width, 1)`, integers, and
logits `(batch, height, width, classes)`, and leave out the pixels of one label. A
label that is no class makes them NaN; with `ignore_class=None` it counts as no class.
Those that divide by what a whole batch holds say so (`of_whole_batch`). On several
devices, or with accumulation, they are refused: the result would depend on how the
batch is split.
"""

import keras
from keras import ops

from keras_vit.common.checks import check_boolean, check_rate, is_integer, is_number
from keras_vit.losses.objects import nan_if_unknown

SMOOTH = 1e-5  # MONAI's and TransUNet's, above and below the fraction of Dice


class PixelLoss(keras.losses.Loss):
    """What the losses share: their config, and labels. Not for direct use."""

    by_pixels = True  # whether `sample_weight` may be a map

    def __init__(self, ignore_class=255, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        if ignore_class is not None and not is_integer(ignore_class):
            raise ValueError(
                "`ignore_class` must be an integer, the label of pixels that do not "
                f"count, or None. Received: ignore_class={ignore_class!r}"
            )
        self.ignore_class = ignore_class

    @property
    def of_whole_batch(self):
        """Whether parts of a batch cannot be averaged: they may have unequal pixels."""
        return self.ignore_class is not None

    def __call__(self, y_true, y_pred, sample_weight=None):
        shape = getattr(sample_weight, "shape", ())
        if not self.by_pixels and len(shape) > 1 and tuple(shape[1:]) != (1,):
            raise ValueError(
                f"{type(self).__name__} has one value for each image. `sample_weight` "
                "must be a number for each image, (batch,). Received: weights of shape "
                f"{tuple(shape)}. Maps of weights are for PixelCrossentropy."
            )
        return super().__call__(y_true, y_pred, sample_weight)

    def get_config(self):
        return {**super().get_config(), "ignore_class": self.ignore_class}

    def _parts(self, labels, logits):
        """Classes as one-hot vectors, the log of shares, and which pixels count.

        Returns:
            `(B, H, W, K)`, zeros where a pixel does not count; `(B, H, W, K)`;
            `(B, H, W)` of 0 and 1. All in float32 at least.
        """
        logits = ops.convert_to_tensor(logits)
        labels = ops.convert_to_tensor(labels)
        dtype = keras.backend.result_type(logits.dtype, "float32")
        if len(labels.shape) == len(logits.shape) and labels.shape[-1] == 1:
            labels = ops.squeeze(labels, -1)
        if len(labels.shape) != len(logits.shape) - 1:
            raise ValueError(
                "Labels must be a class number for every pixel, (batch, height, "
                "width), for logits (batch, height, width, classes). Received: labels "
                f"of shape {tuple(labels.shape)}, logits of shape "
                f"{tuple(logits.shape)}. Of one-hot labels take `argmax(axis=-1)`."
            )
        labels = ops.cast(labels, "int32")
        counted = ops.ones_like(labels, dtype=dtype)
        if self.ignore_class is not None:
            counted = ops.cast(ops.not_equal(labels, self.ignore_class), dtype)
            labels = ops.where(counted > 0, labels, 0)
        classes = ops.one_hot(labels, logits.shape[-1], dtype=dtype)
        shares = ops.log_softmax(ops.cast(logits, dtype), axis=-1)
        count = logits.shape[-1]
        if self.ignore_class is not None:
            # Else pixels may be left out by weights of 0, which NaN would outlast.
            unknown = nan_if_unknown(ops.where(labels < 0, count, labels), count)
            shares = shares + ops.cast(ops.expand_dims(unknown, -1), dtype)
        return classes * ops.expand_dims(counted, -1), shares, counted


def _mean_of_counted(values, weights):
    """Values `(B, H, W)`, scaled so that their plain mean is the weighted mean.

    Keras takes the mean over all pixels, and may weight them once more. 0 where no
    pixel counts.
    """
    total = ops.sum(weights)
    all_pixels = ops.cast(ops.size(values), values.dtype)
    scale = ops.where(total > 0, all_pixels / ops.where(total > 0, total, 1.0), 0.0)
    return values * weights * scale


@keras.saving.register_keras_serializable(package="keras_vit")
class PixelCrossentropy(PixelLoss):
    """Cross-entropy of every pixel: the mean over those that are labelled.

    `keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=255)`
    gives the same where there are no weights; its metric of that name does not.
    Maps such as `keras_vit.unet_weight_map` go in as `sample_weight`.

    Args:
        ignore_class: Integer, the label of pixels that do not count, or `None`.
        class_weights: Sequence of floats, how much a pixel of each class counts; the
            mean is then the weighted one. `None`: all alike.
        label_smoothing: Float in `[0, 1)`, the share of a label that is spread over
            all classes.
        over_weights: Boolean, whether the mean divides by the sum of the class weights
            of the batch's pixels, as in PyTorch; else by the number of labelled pixels,
            as Keras's `fit(class_weight=...)` does.

    Example:

    >>> loss = keras_vit.losses.PixelCrossentropy()
    >>> labels, logits = np.full((1, 2, 2), 255), np.zeros((1, 2, 2, 3))
    >>> float(loss(labels, logits))  # no pixel is labelled
    0.0
    """

    def __init__(
        self,
        ignore_class=255,
        class_weights=None,
        label_smoothing=0.0,
        over_weights=True,
        name="pixel_crossentropy",
        **kwargs,
    ):
        super().__init__(ignore_class, name, **kwargs)
        check_rate(label_smoothing=label_smoothing)
        check_boolean(over_weights=over_weights)
        self.class_weights = _checked(class_weights)
        self.label_smoothing = label_smoothing
        self.over_weights = over_weights

    @property
    def of_whole_batch(self):
        weighted = self.over_weights and self.class_weights is not None
        return super().of_whole_batch or weighted

    def call(self, y_true, y_pred):
        classes, shares, weights = self._parts(y_true, y_pred)
        each = _for_classes(self.class_weights, classes)
        pixel = None if each is None else ops.sum(classes * each, axis=-1)
        spread = shares if each is None or not self.over_weights else shares * each
        values = -ops.sum(classes * spread, axis=-1)
        if self.label_smoothing:
            even = -ops.mean(spread, axis=-1) * weights
            rate = self.label_smoothing
            values = (1 - rate) * values + rate * even
        if each is None:
            return _mean_of_counted(values, weights)
        if not self.over_weights:
            return _mean_of_counted(values * pixel, weights)
        # The weights are in the values already; the mean divides by their sum.
        safe = ops.where(pixel > 0, pixel, 1.0)
        return _mean_of_counted(values / safe, pixel)

    def get_config(self):
        own = {
            "class_weights": self.class_weights,
            "label_smoothing": self.label_smoothing,
            "over_weights": self.over_weights,
        }
        return {**super().get_config(), **own}


def _checked(class_weights):
    """Weights of classes as a list of floats, or `None`."""
    if class_weights is None:
        return None
    class_weights = [float(weight) for weight in class_weights]
    if min(class_weights, default=-1) < 0:
        raise ValueError(
            "`class_weights` must be numbers of at least 0, one for each class. "
            f"Received: class_weights={class_weights}"
        )
    return class_weights


def _for_classes(class_weights, classes):
    """Weights of classes as a tensor, for one-hot vectors of them; or `None`."""
    if class_weights is None:
        return None
    if len(class_weights) != classes.shape[-1]:
        raise ValueError(
            "`class_weights` must have one number for each class. Received: "
            f"{len(class_weights)} of them, logits of {classes.shape[-1]} classes"
        )
    return ops.convert_to_tensor(class_weights, classes.dtype)


@keras.saving.register_keras_serializable(package="keras_vit")
class PixelDice(PixelLoss):
    """Dice loss by class: 1 minus twice the overlap over the sum of both areas.

    For each image and class, then the mean over classes. A class that an image has
    neither in truth nor in prediction costs nothing.

    Args:
        ignore_class: Integer, the label of pixels that do not count, or `None`.
        background: Boolean, whether class 0 is one of the classes of the mean.
        squared: Boolean, whether the areas are sums of squares.
        over_batch: Boolean, whether overlap and areas are summed over the batch
            before the fraction, as in TransUNet; else each image has its own.

    Example:

    >>> loss = keras_vit.losses.PixelDice()
    >>> labels = np.array([[[0, 1]]])
    >>> float(loss(labels, 100.0 * np.eye(2)[labels])) < 1e-6
    True

    Reference: [Milletari et al., 2016](https://arxiv.org/abs/1606.04797).
    """

    by_pixels = False

    def __init__(
        self,
        ignore_class=255,
        background=True,
        squared=False,
        over_batch=False,
        name="pixel_dice",
        **kwargs,
    ):
        super().__init__(ignore_class, name, **kwargs)
        check_boolean(background=background, squared=squared, over_batch=over_batch)
        self.background = background
        self.squared = squared
        self.over_batch = over_batch

    @property
    def of_whole_batch(self):
        return self.over_batch

    def call(self, y_true, y_pred):
        classes, shares, counted = self._parts(y_true, y_pred)
        said = ops.exp(shares) * ops.expand_dims(counted, -1)
        if not self.background:
            classes, said = classes[..., 1:], said[..., 1:]
        axes = (0, 1, 2) if self.over_batch else (1, 2)
        both = ops.sum(classes * said, axis=axes)
        if self.squared:
            classes, said = ops.square(classes), ops.square(said)
        areas = ops.sum(classes, axis=axes) + ops.sum(said, axis=axes)
        values = 1.0 - (2.0 * both + SMOOTH) / (areas + SMOOTH)  # (B, K) or (K,)
        values = ops.mean(values, axis=-1)
        if self.over_batch:
            values = ops.broadcast_to(values, (ops.shape(counted)[0],))
        return values

    def get_config(self):
        names = ("background", "squared", "over_batch")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable(package="keras_vit")
class PixelFocal(PixelLoss):
    """Focal loss of every pixel: cross-entropy that counts easy pixels less.

    `(1 - p)^gamma * -log p` for the share `p` of the true class; the mean over the
    pixels that are labelled. For sigmoids take
    `keras.losses.BinaryFocalCrossentropy`.

    Args:
        ignore_class: Integer, the label of pixels that do not count, or `None`.
        gamma: Float, at least 0; with 0 it is the cross-entropy.
        class_weights: Sequence of floats (the paper's alpha), by which the losses of
            pixels of each class are multiplied; the mean is over the pixels. `None`:
            all alike.

    Reference: [Lin et al., 2017](https://arxiv.org/abs/1708.02002), equation 5.
    """

    def __init__(
        self,
        ignore_class=255,
        gamma=2.0,
        class_weights=None,
        name="pixel_focal",
        **kwargs,
    ):
        super().__init__(ignore_class, name, **kwargs)
        if not is_number(gamma) or gamma < 0:
            raise ValueError(
                f"`gamma` must be a number of at least 0. Received: gamma={gamma!r}"
            )
        self.gamma = gamma
        self.class_weights = _checked(class_weights)

    def call(self, y_true, y_pred):
        classes, shares, counted = self._parts(y_true, y_pred)
        each = _for_classes(self.class_weights, classes)
        log = ops.sum(classes * shares, axis=-1)
        # The gradient of a power at 0 is not finite.
        missed = ops.maximum(1.0 - ops.exp(log), keras.config.epsilon())
        values = -log * ops.power(missed, self.gamma)
        if each is not None:
            values = values * ops.sum(classes * each, axis=-1)
        return _mean_of_counted(values, counted)

    def get_config(self):
        own = {"gamma": self.gamma, "class_weights": self.class_weights}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="keras_vit")
class CrossentropyDice(PixelLoss):
    """A weighted sum of `PixelCrossentropy` and `PixelDice`.

    By default what TransUNet was trained with: half of each, Dice over the batch with
    squared areas.

    Args:
        ignore_class: Integer, the label of pixels that do not count, or `None`.
        crossentropy_weight: Float.
        dice_weight: Float.
        background: Boolean, see `PixelDice`.
        squared: Boolean, see `PixelDice`.
        over_batch: Boolean, see `PixelDice`.

    Reference: [Chen et al., 2021](https://arxiv.org/abs/2102.04306);
    `Beckschen/TransUNet`.
    """

    by_pixels = False

    def __init__(
        self,
        ignore_class=255,
        crossentropy_weight=0.5,
        dice_weight=0.5,
        background=True,
        squared=True,
        over_batch=True,
        name="crossentropy_dice",
        **kwargs,
    ):
        super().__init__(ignore_class, name, **kwargs)
        self.crossentropy_weight = crossentropy_weight
        self.dice_weight = dice_weight
        self._crossentropy = PixelCrossentropy(ignore_class)
        self._dice = PixelDice(ignore_class, background, squared, over_batch)

    @property
    def of_whole_batch(self):
        return self._crossentropy.of_whole_batch or self._dice.of_whole_batch

    def call(self, y_true, y_pred):
        # (B, H, W) and (B,); each image has as many pixels as the others.
        pixels = ops.mean(self._crossentropy.call(y_true, y_pred), axis=(1, 2))
        dice = self._dice.call(y_true, y_pred)
        return self.crossentropy_weight * pixels + self.dice_weight * dice

    def get_config(self):
        dice = self._dice.get_config()
        return {
            **super().get_config(),
            "crossentropy_weight": self.crossentropy_weight,
            "dice_weight": self.dice_weight,
            **{name: dice[name] for name in ("background", "squared", "over_batch")},
        }
