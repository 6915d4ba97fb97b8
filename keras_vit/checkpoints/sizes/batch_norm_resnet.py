"""Reads the sizes of a ResNet with batch norm from the shapes of its arrays."""


def arguments(checkpoint):
    """The arguments of `keras_vit.ResNet` that the arrays of a `Checkpoint` show."""
    units, last = {}, 0
    pattern = r"conv(\d+)_block(\d+)/(\d)_conv/kernel"
    for stage, unit, number in checkpoint.numbers(pattern):
        units[stage] = max(units.get(stage, 0), unit)
        last = max(last, number)
    ends = [f"conv{stage}_block1/{last}_conv/kernel" for stage in sorted(units)]
    found = {
        "num_blocks": [units[stage] for stage in sorted(units)],
        "stage_widths": [checkpoint.length(path, 3) for path in ends],
        "bottleneck": last > 2,
        "pooling": "gap",
        "num_channels": checkpoint.length("conv1_conv/kernel", 2),
        "stem_width": checkpoint.length("conv1_conv/kernel", 3),
    }
    if size := checkpoint.described.arguments.get("image_size"):
        found["image_size"] = list(size)
    return found
