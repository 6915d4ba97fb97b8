"""The dense layers at the end of the networks from LeNet to VGG."""

import keras

from keras_vit.common.checks import check_rate
from keras_vit.layers.tokens.grids import pair
from keras_vit.models.building import arguments


def flatten(x, a):
    """Averages a feature map to `a.grid_size` and flattens it: `(B, rows * ... * F)`.

    The averaging is that of PyTorch's adaptive pooling; of a map of this size there is
    none.
    """
    grid = tuple(a.grid_size)
    if tuple(x.shape[1:3]) != grid:
        x = keras.layers.AdaptiveAveragePooling2D(grid, name="grid", dtype=a.dtype)(x)
    return keras.layers.Flatten(name="flatten", dtype=a.dtype)(x)


def add_dense_layers(
    x, a, first=1, dropout_before=False, kernel_initializer="he_normal", **options
):
    """Dense layers of `a.hidden_dims` with ReLU and dropout, named from `fc<first>`.

    Args:
        x: Symbolic tensor.
        a: Namespace of the model's checked arguments.
        first: Integer, the number of the first layer.
        dropout_before: Boolean, whether dropout stands before each layer, not after.
        kernel_initializer: Of each layer.
        **options: Further arguments of `keras.layers.Dense`.
    """

    def dropout(x, number):
        name = f"fc{number}_dropout"
        return keras.layers.Dropout(a.dropout_rate, name=name, dtype=a.dtype)(x)

    for number, units in enumerate(a.hidden_dims, start=first):
        x = dropout(x, number) if dropout_before else x
        x = keras.layers.Dense(
            units,
            activation="relu",
            kernel_initializer=kernel_initializer,
            name=f"fc{number}",
            dtype=a.dtype,
            **options,
        )(x)
        x = x if dropout_before else dropout(x, number)
    return x


def check_dense_layers(a):
    """Checks `hidden_dims`, `grid_size` and `dropout_rate`, and makes them plain."""
    a.hidden_dims = arguments.integers(a.hidden_dims, "hidden_dims")
    a.grid_size = list(pair(a.grid_size, "grid_size"))
    check_rate(dropout_rate=a.dropout_rate)


def check_known_size(a, instead):
    """Raises where images of every size meet dense layers that read positions."""
    if None in a.image_size:
        raise ValueError(
            "`image_size` must be known: the first dense layer reads positions. "
            f"Received: image_size={tuple(a.image_size)}. {instead}"
        )
