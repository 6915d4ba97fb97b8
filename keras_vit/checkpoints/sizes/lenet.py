"""Reads the sizes of a LeNet-5 from the shapes of its arrays."""

from keras_vit.checkpoints.sizes.dense_layers import grid_of


def arguments(checkpoint):
    """The arguments of `keras_vit.LeNet5` that the arrays of a `Checkpoint` show.

    A file does not say whether its first convolution pads: the 5x5 positions that are
    read last are of 32 pixels, or of 28 with a border.
    """
    kernels = [
        checkpoint.shape(path) if path in checkpoint else None
        for path in ("c1/kernel", "c3/kernel")
    ]
    found = {"num_channels": kernels[0] and kernels[0][2]}
    if kernels[1] and "c5/kernel" in checkpoint:
        grid = grid_of(checkpoint, "c5/kernel", kernels[1][-1])
        if grid:
            found["image_size"] = [4 * side + 12 for side in grid]
            if grid != [5, 5]:
                found["padding"] = "valid"
    return found
