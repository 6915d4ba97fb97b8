"""Reads the sizes of a LeNet-5 from the shapes of its arrays."""

from keras_vit.checkpoints.sizes.dense_layers import grid_of


def arguments(checkpoint):
    """The arguments of `keras_vit.LeNet5` that the arrays of a `Checkpoint` show.

    A file does not say whether its first convolution pads: the 5x5 positions that are
    read last are of 32 pixels, or of 28 with a border.
    """
    found = {"num_channels": checkpoint.length("c1/kernel", 2)}
    if checkpoint.layout.facts["variant"] == "1998":
        # C5 is a convolution, whose positions F6 reads.
        grid = grid_of(checkpoint, "f6/kernel", checkpoint.length("c5/kernel", 3))
        grid = grid and [side + 4 for side in grid]
    else:
        grid = grid_of(checkpoint, "c5/kernel", checkpoint.length("c3/kernel", 3))
    if grid:
        found["image_size"] = [4 * side + 12 for side in grid]
        if grid != [5, 5]:
            found["padding"] = "valid"
    return found
