"""Reads the sizes of a VGG from the shapes of its arrays."""

from keras_vit.checkpoints.names.vgg import OF_KERAS
from keras_vit.checkpoints.names.vit import HEAD
from keras_vit.checkpoints.sizes.dense_layers import grid_of, hidden_dims


def arguments(checkpoint):
    """The arguments of `keras_vit.VGG` that the arrays of a `Checkpoint` show.

    Raises:
        ValueError: if nothing tells whether the weights are of this package or of
            keras.applications, whose first kernels read other images.
    """
    _check_origin(checkpoint)
    counts = {}
    for block, number in checkpoint.numbers(r"block(\d+)_conv(\d+)/kernel"):
        counts[block] = max(counts.get(block, 0), number)
    ends = [f"block{block}_conv{counts[block]}/kernel" for block in sorted(counts)]
    dims = hidden_dims(checkpoint)
    found = {
        "num_convs": [counts[block] for block in sorted(counts)],
        "widths": [checkpoint.length(path, 3) for path in ends],
        "hidden_dims": dims,
        "batch_norm": "block1_conv1_bn/gamma" in checkpoint,
        "num_channels": checkpoint.length("block1_conv1/kernel", 2),
        "pooling": "gap",
    }
    last, reader = found["widths"][-1], "fc1/kernel" if dims else HEAD[0]
    if checkpoint.length(reader, 0) not in (None, last):
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
