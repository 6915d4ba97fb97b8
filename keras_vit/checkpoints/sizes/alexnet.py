"""Reads the sizes of an AlexNet from the shapes of its arrays."""

from keras_vit.checkpoints.sizes.dense_layers import grid_of, hidden_dims


def arguments(checkpoint):
    """The arguments of `keras_vit.AlexNet` that the arrays of a `Checkpoint` show."""
    names = [f"conv{number}/kernel" for number in range(1, 6)]
    shapes = [checkpoint.shape(n) if n in checkpoint else None for n in names]
    found = {
        "widths": [shape and shape[-1] for shape in shapes],
        "hidden_dims": hidden_dims(checkpoint, first=6),
        "num_channels": shapes[0] and shapes[0][2],
    }
    if "variant" not in checkpoint.layout.facts and shapes[0] and shapes[1]:
        grouped = shapes[1][2] < shapes[0][3]
        found["variant"] = "2012" if grouped else "one_tower"
        found["lrn"] = None if grouped else "none"
    reader = "fc6/kernel" if found["hidden_dims"] else "head/kernel"
    if reader in checkpoint:
        found["grid_size"] = grid_of(checkpoint, reader, found["widths"][-1])
    return found
