"""The loss of masked patch prediction."""

import keras
from keras import ops

from keras_vit.pretraining.colours import BINS, colour_classes
from keras_vit.pretraining.targets import cell_colours, check_target


@keras.saving.register_keras_serializable(package="keras_vit")
class MaskedPatchLoss(keras.losses.Loss):
    """The loss of predictions for corrupted patches, in float32 at least.

    Softmax cross-entropy over colours of three bits a channel, averaged over the cells
    of a patch; for the target `"pixels"` the mean squared error of its values, in
    [-1, 1]. Averaged over the patches of weight 1, which are the corrupted ones.

    Args:
        target: `"mean_colour"`, `"colours_4x4"` or `"pixels"`; see
            `keras_vit.MaskedPatchPrediction`.

    Call arguments:
        y_true: Float tensor `(batch, num_patches, cells * cells * channels)`, colours
            in [0, 1].
        y_pred: Output of a `MaskedPatchPrediction`.
        sample_weight: Float tensor `(batch, num_patches)`.

    Raises:
        ValueError: if there is no such target.

    Example:

    >>> loss = keras_vit.MaskedPatchLoss()
    >>> black, undecided = np.zeros((1, 4, 3)), np.zeros((1, 4, 512))
    >>> float(loss(black, undecided, np.array([[1, 0, 0, 1]])))  # ln(512)
    6.2383

    Reference: [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929), appendix
    B.1.2.
    """

    def __init__(
        self,
        target="mean_colour",
        reduction="mean_with_sample_weight",
        name="masked_patch_loss",
        **kwargs,
    ):
        check_target(target)
        super().__init__(name=name, reduction=reduction, **kwargs)
        self.target = target

    def call(self, y_true, y_pred):
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        if keras.backend.standardize_dtype(y_pred.dtype) != "float64":
            y_pred = ops.cast(y_pred, "float32")
        if self.target == "pixels":
            wanted = 2.0 * ops.cast(y_true, y_pred.dtype) - 1.0
            return ops.mean(ops.square(y_pred - wanted), axis=-1)
        colours = cell_colours(y_true, channels_of(y_pred.shape[-1]))
        logits = ops.reshape(y_pred, (-1, *colours.shape[1:3], y_pred.shape[-1]))
        losses = keras.losses.sparse_categorical_crossentropy(
            colour_classes(colours), logits, from_logits=True
        )
        return ops.mean(losses, axis=-1)

    def get_config(self):
        return {**super().get_config(), "target": self.target}


def channels_of(classes):
    """The channels of images whose colours are so many classes."""
    return next(c for c in range(1, 10) if BINS**c >= classes)
