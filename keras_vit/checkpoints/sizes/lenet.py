"""Reads the sizes of a LeNet-5 from the shapes of its arrays."""

from keras_vit.checkpoints.sizes.dense_layers import grid_of


def arguments(checkpoint):
    """The arguments of `keras_vit.LeNet5` that the arrays of a `Checkpoint` show.

    A file does not say whether its first convolution pads: the 5x5 positions that are
    read last are of 32 pixels, or of 28 with a border.
    """
    kernels = [
        checkpoint.shape(path) if path in checkpoint else None
        for path in ("c1/kernel", "c3/kernel", "c5/kernel", "f6/kernel")
    ]
    c1, c3, c5, f6 = kernels
    found, grid = {"num_channels": c1 and c1[2]}, None
    if c5 and len(c5) == 4:  # of 1998: a convolution, whose positions F6 reads
        positions = f6 and grid_of(checkpoint, "f6/kernel", c5[-1])
        grid = positions and [side + 4 for side in positions]
    elif c3 and c5:
        grid = grid_of(checkpoint, "c5/kernel", c3[-1])
    if grid:
        found["image_size"] = [4 * side + 12 for side in grid]
        if grid != [5, 5]:
            found["padding"] = "valid"
    return found
