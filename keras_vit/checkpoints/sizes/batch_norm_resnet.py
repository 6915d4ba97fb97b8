"""Reads the sizes of a ResNet with batch norm from the shapes of its arrays."""

import re

_CONVOLUTION = re.compile(r"conv(\d+)_block(\d+)/(\d)_conv/kernel")


def arguments(checkpoint):
    """The arguments of `keras_vit.ResNet` that the arrays of a `Checkpoint` show."""
    units, widths, last = {}, {}, 0
    for path in checkpoint.variables:
        if match := _CONVOLUTION.fullmatch(path):
            stage, unit, number = map(int, match.groups())
            units[stage] = max(units.get(stage, 0), unit)
            last = max(last, number)
    for stage in units:
        path = f"conv{stage}_block1/{last}_conv/kernel"
        shape = checkpoint.shape(path) if path in checkpoint else None
        widths[stage] = shape[-1] if shape else None
    found = {
        "num_blocks": [units[stage] for stage in sorted(units)],
        "stage_widths": [widths[stage] for stage in sorted(units)],
        "bottleneck": last > 2,
        "pooling": "gap",
    }
    stem = checkpoint.shape("conv1_conv/kernel")
    if stem and len(stem) == 4:
        found |= {"num_channels": stem[2], "stem_width": stem[3]}
    if size := checkpoint.described.arguments.get("image_size"):
        found["image_size"] = list(size)
    return found
