"""Metrics of a class for every pixel, as a run shows them from test to test.

They leave out the pixels of label 255. Counts are float32, which is exact up to 16
million pixels and close beyond; `keras_vit.evaluation` counts in whole numbers.
"""

import keras
from keras import ops

NOT_COUNTED = 255


class _PixelMetric(keras.metrics.Metric):
    """Sums by class of the pixels that count. Not for direct use.

    Call arguments:
        y_true: Integer tensor `(batch, height, width)`; 255 is not counted.
        y_pred: Float tensor `(batch, height, width, classes)`.
        sample_weight: Tensor `(batch,)` or `(batch, height, width)`, or `None`. What
            has a weight of 0 does not count; all other weights are alike.
    """

    def __init__(self, num_classes, name, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.num_classes = num_classes
        self._direction = "up"  # Keras: larger is better
        for what in ("right", "labelled", "predicted"):
            sums = self.add_variable((num_classes,), "zeros", "float32", name=what)
            setattr(self, what, sums)

    def update_state(self, y_true, y_pred, sample_weight=None):
        labels = ops.cast(y_true, "int32")
        predicted = ops.cast(ops.argmax(y_pred, axis=-1), "int32")
        counted = ops.not_equal(labels, NOT_COUNTED)
        if sample_weight is not None:
            weights = ops.convert_to_tensor(sample_weight)
            for _ in range(3 - len(weights.shape)):  # one for each image
                weights = ops.expand_dims(weights, -1)
            counted = ops.logical_and(counted, weights > 0)
        hit = ops.logical_and(counted, ops.equal(labels, predicted))
        labels = ops.where(counted, labels, 0)
        for sums, flags, classes in (
            (self.right, hit, labels),
            (self.labelled, counted, labels),
            (self.predicted, counted, predicted),
        ):
            flags = ops.reshape(ops.cast(flags, "float32"), (-1,))
            classes = ops.reshape(classes, (-1,))
            found = ops.segment_sum(flags, classes, num_segments=self.num_classes)
            sums.assign(sums + found)

    def get_config(self):
        named = {"name": self.name, "dtype": self.dtype}
        return {"num_classes": self.num_classes, **named}


@keras.saving.register_keras_serializable(package="keras_vit")
class PixelAccuracy(_PixelMetric):
    """The share of pixels whose highest logit is that of their label.

    Args:
        num_classes: Integer.

    Example:

    >>> metric = PixelAccuracy(2)
    >>> metric.update_state([[[0, 255]]], [[[[1.0, 0.0], [1.0, 0.0]]]])
    >>> float(metric.result())
    1.0
    """

    def __init__(self, num_classes, name="accuracy", dtype=None):
        super().__init__(num_classes, name, dtype)

    def result(self):
        return ops.divide_no_nan(ops.sum(self.right), ops.sum(self.labelled))


@keras.saving.register_keras_serializable(package="keras_vit")
class PixelMeanIoU(_PixelMetric):
    """Intersection over union, the mean over classes in truth or prediction.

    Args:
        num_classes: Integer.
    """

    def __init__(self, num_classes, name="mean_iou", dtype=None):
        super().__init__(num_classes, name, dtype)

    def result(self):
        union = self.labelled + self.predicted - self.right
        present = ops.cast(union > 0, "float32")
        shares = ops.divide_no_nan(self.right, union)
        return ops.divide_no_nan(ops.sum(shares), ops.sum(present))
