"""Reads the sizes of an AlexNet from the shapes of its arrays."""

from keras_vit.checkpoints.sizes.dense_layers import grid_of, hidden_dims


def arguments(checkpoint):
    """The arguments of `keras_vit.AlexNet` that the arrays of a `Checkpoint` show."""
    found = {
        "widths": [checkpoint.length(f"conv{n}/kernel", 3) for n in range(1, 6)],
        "hidden_dims": hidden_dims(checkpoint, first=6),
        "num_channels": checkpoint.length("conv1/kernel", 2),
    }
    reads = checkpoint.length("conv2/kernel", 2)
    if "variant" not in checkpoint.layout.facts and reads:
        grouped = reads < found["widths"][0]
        found["variant"] = "2012" if grouped else "one_tower"
        found["lrn"] = None if grouped else "none"
    reader = "fc6/kernel" if found["hidden_dims"] else "head/kernel"
    if reader in checkpoint:
        found["grid_size"] = grid_of(checkpoint, reader, found["widths"][-1])
    return found
