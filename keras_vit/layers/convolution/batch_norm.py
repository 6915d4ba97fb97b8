"""Batch normalisation over the whole batch, on however many devices it lies."""

import keras
from keras import ops


def trained_norm(model):
    """The first batch norm of a model that training would move, or `None`."""
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable:
            return layer
    return None


@keras.saving.register_keras_serializable(package="keras_vit")
class BatchNorm(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` whose statistics are those of the whole batch.

    Keras has `synchronized=True` for this, which its other backends refuse: under JAX
    an operation sees the whole batch anyway, and under PyTorch there is one replica.

    The moving variance is the biased one, as everywhere in Keras; PyTorch keeps
    `n / (n - 1)` times as much.

    Args:
        momentum: Float in `[0, 1)`, the share of the old moving statistics that an
            update keeps. PyTorch counts the other share: its 0.1 is 0.9 here.
        epsilon: Float, added to the variance.
        folded: Boolean, whether the rest of it is part of the kernel before it, so that
            only `beta` is added, in training too; see `keras_vit.fold_batch_norm`.
        **kwargs: Further arguments of `keras.layers.BatchNormalization`.

    Input shape: `(batch, ..., channels)`.

    Output shape: as the input.

    Example:

    >>> norm = keras_vit.layers.BatchNorm()
    >>> norm(keras.ops.ones((2, 4, 4, 8)), training=True).shape
    (2, 4, 4, 8)

    Reference: [Ioffe and Szegedy, 2015](https://arxiv.org/abs/1502.03167).
    """

    def __init__(self, momentum=0.9, epsilon=1e-5, folded=False, **kwargs):
        super().__init__(
            momentum=momentum,
            epsilon=epsilon,
            synchronized=keras.backend.backend() == "tensorflow",
            **kwargs,
        )

        self.folded = folded

    def call(self, inputs, training=None, mask=None):
        if self.folded:
            return ops.add(inputs, ops.cast(self.beta, inputs.dtype))
        return super().call(inputs, training=training, mask=mask)

    def get_config(self):
        config = {**super().get_config(), "folded": self.folded}
        del config["synchronized"]  # as the backend allows, not as it was
        return config
