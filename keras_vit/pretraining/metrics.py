"""Metrics of masked patch prediction: accuracy, and baselines that learn nothing."""

import keras
from keras import ops

from keras_vit.pretraining.colours import BINS, colour_classes
from keras_vit.pretraining.targets import cell_colours, check_target


def masked_patch_metrics(model):
    """New metrics for a `keras_vit.MaskedPatchPrediction`.

    `accuracy` and the baselines `commonest_colour` and `visible_neighbours`, which a
    model that has learned something exceeds.

    Returns:
        A list, for `compile(weighted_metrics=...)`: as `metrics`, they would count the
        patches that the model sees, too.
    """
    facts = model.settings["pretraining"]
    common = (facts["target"], facts["num_channels"])
    return [
        MaskedPatchAccuracy(*common),
        CommonestColour(*common),
        VisibleNeighbours(*common, facts["grid"]),
    ]


class _ColourMetric(keras.metrics.Metric):
    """Base of metrics on the colours of three bits a channel.

    Of the target `"pixels"`, the mean colours of the patches are compared.
    """

    def __init__(self, target, num_channels, name, dtype=None):
        check_target(target)
        super().__init__(name=name, dtype=dtype)
        self._direction = "up"  # Keras: larger is better
        self.target = target
        self.num_channels = num_channels

    def _cells(self, values):
        """Colours `(B, N, S, C)` of the cells whose classes are compared."""
        cells = cell_colours(ops.convert_to_tensor(values), self.num_channels)
        if self.target == "pixels":
            cells = ops.mean(cells, axis=2, keepdims=True)
        return cells

    def get_config(self):
        return {
            "target": self.target,
            "num_channels": self.num_channels,
            "name": self.name,
            "dtype": self.dtype,
        }


class _Share(_ColourMetric):
    """The share of cells, in patches of weight 1, whose class is predicted right."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.hits = self.add_variable((), "zeros", name="hits")
        self.total = self.add_variable((), "zeros", name="total")

    def update_state(self, y_true, y_pred, sample_weight=None):
        colours = self._cells(y_true)
        weights = _weights(sample_weight, colours)
        guessed = self._guess(colours, y_pred, weights)
        hits = ops.cast(ops.equal(guessed, colour_classes(colours)), self.dtype)
        hits = ops.mean(hits, axis=-1) * ops.cast(weights, self.dtype)
        self.hits.assign_add(ops.sum(hits))
        self.total.assign_add(ops.sum(ops.cast(weights, self.dtype)))

    def result(self):
        return ops.divide_no_nan(self.hits, self.total)


@keras.saving.register_keras_serializable(package="keras_vit")
class MaskedPatchAccuracy(_Share):
    """Accuracy of the predicted colour class of corrupted patches.

    Args:
        target: `"mean_colour"`, `"colours_4x4"` (of each of the 16 cells) or
            `"pixels"` (of the mean of the predicted pixels).
        num_channels: Integer, channels of the images. Defaults to `3`.
        name: String.
        dtype: Dtype of the counts.

    Call arguments:
        y_true: Float tensor `(batch, num_patches, cells * cells * channels)` in [0, 1].
        y_pred: Output of a `MaskedPatchPrediction`.
        sample_weight: Float tensor `(batch, num_patches)`, 1 for corrupted patches.
    """

    def __init__(
        self, target="mean_colour", num_channels=3, name="accuracy", dtype=None
    ):
        super().__init__(target, num_channels, name, dtype)

    def _guess(self, colours, y_pred, weights):
        y_pred = ops.convert_to_tensor(y_pred)
        if self.target == "pixels":
            return colour_classes((self._cells(y_pred) + 1.0) / 2.0)
        return ops.reshape(ops.argmax(y_pred, axis=-1), (-1, *colours.shape[1:3]))


@keras.saving.register_keras_serializable(package="keras_vit")
class VisibleNeighbours(_Share):
    """How often the mean of the visible neighbours has the class of a corrupted patch.

    Up to eight neighbours; where all of them are corrupted too, the mean of all visible
    patches of the image. The prediction is not looked at.

    Args:
        target: As for `MaskedPatchAccuracy`.
        num_channels: Integer, channels of the images. Defaults to `3`.
        grid: Pair `(rows, columns)`, in patches.
        name: String.
        dtype: Dtype of the counts.

    Call arguments: As for `MaskedPatchAccuracy`.
    """

    def __init__(
        self,
        target="mean_colour",
        num_channels=3,
        grid=(1, 1),
        name="visible_neighbours",
        dtype=None,
    ):
        super().__init__(target, num_channels, name, dtype)
        self.grid = tuple(grid)

    def _guess(self, colours, y_pred, weights):
        means = ops.mean(colours, axis=2)  # (B, N, C)
        visible = ops.expand_dims(1.0 - ops.cast(weights, means.dtype), -1)
        seen = ops.concatenate([means * visible, visible], axis=-1)
        everywhere = ops.sum(seen, axis=1, keepdims=True)
        around = ops.reshape(seen, (-1, *self.grid, seen.shape[-1]))
        # Each place with its neighbours, zeros beyond the border.
        around = ops.pad(around, ((0, 0), (1, 1), (1, 1), (0, 0)))
        around = around[:, :-2] + around[:, 1:-1] + around[:, 2:]
        around = around[:, :, :-2] + around[:, :, 1:-1] + around[:, :, 2:]
        around = ops.reshape(around, (-1, *seen.shape[1:]))
        near = ops.where(around[..., -1:] > 0, around, everywhere)
        mean = ops.divide_no_nan(near[..., :-1], near[..., -1:])
        return ops.expand_dims(colour_classes(mean), -1)  # the same for all cells

    def get_config(self):
        return {**super().get_config(), "grid": self.grid}


@keras.saving.register_keras_serializable(package="keras_vit")
class CommonestColour(_ColourMetric):
    """Accuracy of always predicting one class: the most common one seen so far.

    Args:
        target: As for `MaskedPatchAccuracy`.
        num_channels: Integer, channels of the images. Defaults to `3`.
        name: String.
        dtype: Dtype of the result.

    Call arguments: As for `MaskedPatchAccuracy`. The prediction is not looked at.
    """

    def __init__(
        self, target="mean_colour", num_channels=3, name="commonest_colour", dtype=None
    ):
        super().__init__(target, num_channels, name, dtype)
        # As floats, counts would stop growing at 16 million.
        self.counts = self.add_variable(
            (BINS**self.num_channels,), "zeros", dtype="int32", name="counts"
        )

    def update_state(self, y_true, y_pred=None, sample_weight=None):
        colours = self._cells(y_true)
        classes = colour_classes(colours)
        weights = ops.expand_dims(_weights(sample_weight, colours), -1)
        weights = ops.broadcast_to(weights, ops.shape(classes))
        found = ops.segment_sum(
            ops.reshape(ops.cast(weights, "float32"), (-1,)),
            ops.reshape(classes, (-1,)),
            num_segments=BINS**self.num_channels,
        )
        self.counts.assign_add(ops.cast(found, "int32"))

    def result(self):
        counts = ops.cast(self.counts, self.dtype)
        return ops.divide_no_nan(ops.max(counts), ops.sum(counts))


def _weights(sample_weight, colours):
    """`(B, N)`: 1 for the patches that count."""
    if sample_weight is None:
        return ops.ones_like(colours[..., 0, 0])
    return ops.convert_to_tensor(sample_weight)
