"""The mask token of masked patch prediction."""

import keras
from keras import ops

from keras_vit.layers.base import Layer


@keras.saving.register_keras_serializable(package="keras_vit")
class PatchCorruption(Layer):
    """Shows a mask token, or another patch, in the place of some patches.

    Applies what was drawn elsewhere (`keras_vit.data.steps.CorruptPatches`), so that
    nothing here is random: one gather. It belongs between the projection of the patches
    and their position embeddings, which thus stay those of the place.

    Its one weight is the mask token, a vector that is learned.

    Call arguments:
        inputs: Float tensor `(batch, num_patches, hidden_dim)`, embedded patches
            without the class token.
        shown: Integer tensor `(batch, num_patches)`: for each place the number of the
            patch that is shown there, -1 for the mask token. `None` leaves the patches
            as they are.

    Output shape: as the input.

    Example:

    >>> corrupt = keras_vit.layers.PatchCorruption()
    >>> x = keras.random.normal((1, 3, 8))
    >>> y = corrupt(x, shown=keras.ops.array([[0, -1, 0]]))
    >>> # y[0, 0] and y[0, 2] are x[0, 0]; y[0, 1] is the mask token.

    Reference: [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929), appendix
    B.1.2.
    """

    def build(self, input_shape):
        self.mask_token = self.add_weight(
            name="mask_token",
            shape=(1, 1, input_shape[-1]),
            initializer=keras.initializers.RandomNormal(stddev=0.02),
        )

    def call(self, inputs, shown=None):
        if shown is None:
            return inputs
        shown = ops.cast(shown, "int32")
        batch, count = ops.shape(inputs)[:2]
        first = ops.expand_dims(ops.arange(batch, dtype="int32") * count, 1)
        flat = ops.reshape(inputs, (-1, inputs.shape[-1]))  # (B * N, D)
        moved = ops.take(flat, ops.maximum(shown, 0) + first, axis=0)
        token = ops.cast(self.mask_token, inputs.dtype)
        return ops.where(ops.expand_dims(shown < 0, -1), token, moved)
