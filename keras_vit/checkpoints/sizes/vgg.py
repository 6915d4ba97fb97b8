"""Reads the sizes of a VGG from the shapes of its arrays."""

import re

from keras_vit.checkpoints.names.vgg import OF_KERAS
from keras_vit.checkpoints.names.vit import HEAD
from keras_vit.checkpoints.sizes.dense_layers import grid_of, hidden_dims

_CONVOLUTION = re.compile(r"block(\d+)_conv(\d+)/kernel")


def arguments(checkpoint):
    """The arguments of `keras_vit.VGG` that the arrays of a `Checkpoint` show.

    Raises:
        ValueError: if nothing tells whether the weights are of this package or of
            keras.applications, whose first kernels read other images.
    """
    _check_origin(checkpoint)
    counts, widths = {}, {}
    for path in checkpoint.variables:
        if match := _CONVOLUTION.fullmatch(path):
            block, number = map(int, match.groups())
            counts[block] = max(counts.get(block, 0), number)
            widths[block] = (checkpoint.shape(path) or (None,))[-1]
    dims = hidden_dims(checkpoint)
    found = {
        "num_convs": [counts[block] for block in sorted(counts)],
        "widths": [widths[block] for block in sorted(counts)],
        "hidden_dims": dims,
        "batch_norm": "block1_conv1_bn/gamma" in checkpoint,
        "num_channels": (checkpoint.shape("block1_conv1/kernel") or (3, 3, 3))[2],
        "pooling": "gap",
    }
    last, reader = widths[max(widths)], "fc1/kernel" if dims else HEAD[0]
    reads = checkpoint.shape(reader) if reader in checkpoint else None
    if reads and reads[0] != last:
        found["pooling"] = "flatten"
        found["grid_size"] = grid = grid_of(checkpoint, reader, last)
        if checkpoint.layout.name == OF_KERAS and grid:
            # Its models flatten the map as it is.
            found["image_size"] = [side * 2 ** len(counts) for side in grid]
    return found


def _check_origin(checkpoint):
    """Raises for weights alone that Keras 3 wrote, of a body without its head."""
    of_keras = checkpoint.layout.name == OF_KERAS
    if not of_keras or checkpoint.arrays.kind != "Keras weights file":
        return
    if HEAD[0] not in checkpoint:
        raise ValueError(
            f"{checkpoint.origin} does not tell whether its VGG is of keras_vit or of "
            "keras.applications, which have the same layers but the head, and read "
            "images of other colours. Save the whole model, as "
            "`model.save('model.keras')`, or pass the model itself."
        )
