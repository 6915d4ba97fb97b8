"""From a recipe to an optimizer and a loss."""

import keras
from keras import ops

from keras_vit.training.schedules import WarmupSchedule


def build_optimizer(recipe, model, *, total_steps):
    """The optimizer of a recipe, for the variables of a model.

    AdamW with `beta_1` 0.9, `beta_2` 0.999, decoupled weight decay (multiplied by
    the current rate, as in the ViT paper) on kernels only, and gradients clipped
    at a global norm.

    Args:
        recipe: A `Recipe`.
        model: A built Keras model.
        total_steps: Integer, the number of updates of the whole run.

    Returns:
        An unbuilt `keras.optimizers.Optimizer`.
    """
    schedule = WarmupSchedule(
        recipe.learning_rate,
        total_steps,
        warmup_steps=recipe.resolve_warmup(total_steps),
        decay=recipe.decay,
    )
    optimizer = keras.optimizers.AdamW(
        schedule,
        weight_decay=recipe.weight_decay,
        global_clipnorm=recipe.global_clipnorm,
    )
    optimizer.exclude_from_weight_decay(var_list=not_decayed(model))
    return optimizer


def not_decayed(model):
    """The trainable variables that weight decay must leave alone.

    Everything but kernels: biases, scales of norms, position embeddings and the
    class token. This is the mask of the official code.
    """
    return [v for v in model.trainable_variables if v.name != "kernel"]


@keras.saving.register_keras_serializable(package="keras_vit")
class LabelSmoothedCrossentropy(keras.losses.Loss):
    """Softmax cross-entropy of logits against integer labels, in float32 at least.

    Args:
        label_smoothing: Float in `[0, 1)`: the share of the probability that is
            spread evenly over all classes. Defaults to `0.0`.

    Call arguments:
        y_true: Integer tensor `(batch,)`.
        y_pred: Float tensor `(batch, classes)`, logits.

    Example:

    >>> loss = LabelSmoothedCrossentropy(label_smoothing=0.1)
    >>> float(loss([0], [[0.0, 0.0]]))
    0.6931
    """

    def __init__(self, label_smoothing=0.0, name="crossentropy", **kwargs):
        super().__init__(name=name, **kwargs)
        self.label_smoothing = label_smoothing

    def call(self, y_true, y_pred):
        if keras.backend.standardize_dtype(y_pred.dtype) != "float64":
            y_pred = ops.cast(y_pred, "float32")
        log_probabilities = ops.log_softmax(y_pred, axis=-1)  # (B, K)
        targets = ops.one_hot(
            ops.cast(y_true, "int32"), y_pred.shape[-1], dtype=y_pred.dtype
        )
        targets = targets * (1.0 - self.label_smoothing)
        targets = targets + self.label_smoothing / y_pred.shape[-1]
        return -ops.sum(targets * log_probabilities, axis=-1)

    def get_config(self):
        config = super().get_config()
        config.update(label_smoothing=self.label_smoothing)
        return config
