"""The mean average precision of several labels an image, as a run shows it."""

import keras
from keras import ops

# Scores are counted in so many steps of a logit, from -LIMIT to LIMIT.
STEPS = 1000
LIMIT = 10.0


@keras.saving.register_keras_serializable(package="keras_vit")
class MeanAveragePrecision(keras.metrics.Metric):
    """Average precision of each class, and their mean over classes with a positive.

    Scores are counted in 1,000 steps of the logit, of 0.02 between -10 and 10; those of
    one step count as equal. Otherwise it is what scikit-learn computes, as the
    evaluation of a run does from the scores themselves. Counts are float32, which is
    exact up to 16 million.

    Args:
        num_classes: Integer.

    Call arguments:
        y_true: Tensor `(batch, classes)`. From 0.5 on an image has the label.
        y_pred: Float tensor `(batch, classes)`, logits.
        sample_weight: Tensor `(batch,)` or `None`. What has a weight of 0 does not
            count; all other weights are alike.

    Example:

    >>> metric = MeanAveragePrecision(1)
    >>> metric.update_state([[1.0], [0.0], [1.0]], [[2.0], [1.0], [0.0]])
    >>> float(metric.result())  # (1 + 2 / 3) / 2
    0.8333
    """

    def __init__(self, num_classes, name="mean_ap", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.num_classes = num_classes
        self._direction = "up"  # Keras: larger is better
        shape = (num_classes * STEPS,)
        for what in ("positives", "negatives"):
            sums = self.add_variable(shape, "zeros", "float32", name=what)
            setattr(self, what, sums)

    def update_state(self, y_true, y_pred, sample_weight=None):
        logits = ops.cast(ops.convert_to_tensor(y_pred), "float32")
        has = ops.cast(ops.convert_to_tensor(y_true), "float32") >= 0.5
        has = ops.cast(has, "float32")
        step = ops.floor((logits + LIMIT) * (STEPS / (2 * LIMIT)))
        step = ops.cast(ops.clip(step, 0, STEPS - 1), "int32")
        places = ops.reshape(step + STEPS * ops.arange(self.num_classes), (-1,))
        counted = ops.ones_like(logits)
        if sample_weight is not None:
            weights = ops.cast(ops.convert_to_tensor(sample_weight), "float32")
            counted *= ops.cast(ops.reshape(weights, (-1, 1)) > 0, "float32")
        size = self.num_classes * STEPS
        for sums, flags in (
            (self.positives, counted * has),
            (self.negatives, counted * (1.0 - has)),
        ):
            flags = ops.reshape(flags, (-1,))
            sums.assign(sums + ops.segment_sum(flags, places, num_segments=size))

    def result(self):
        shape = (self.num_classes, STEPS)
        right, wrong = (
            # From the highest score down.
            ops.flip(ops.reshape(sums + 0.0, shape), axis=1)
            for sums in (self.positives, self.negatives)
        )
        found = ops.cumsum(right, axis=1)
        precision = ops.divide_no_nan(found, found + ops.cumsum(wrong, axis=1))
        totals = found[:, -1]
        each = ops.divide_no_nan(ops.sum(right * precision, axis=1), totals)
        classes = ops.sum(ops.cast(totals > 0, "float32"))
        return ops.divide_no_nan(ops.sum(each), classes)

    def get_config(self):
        named = {"name": self.name, "dtype": self.dtype}
        return {"num_classes": self.num_classes, **named}
