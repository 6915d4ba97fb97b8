"""Reads the sizes of an EfficientNet from the shapes of its arrays."""

import re

_BLOCK = re.compile(r"block(\d)[a-z]/project_conv/kernel")


def arguments(checkpoint):
    """The arguments of `keras_vit.EfficientNet` that a `Checkpoint` shows."""
    counts, widths = {}, {}
    for path in checkpoint.variables:
        if match := _BLOCK.fullmatch(path):
            stage = int(match[1])
            counts[stage] = counts.get(stage, 0) + 1
            widths[stage] = checkpoint.length(path, 3)
    found = {
        "num_blocks": [counts[stage] for stage in sorted(counts)],
        "stage_widths": [widths[stage] for stage in sorted(counts)],
        "stem_width": checkpoint.length("stem_conv/kernel", 3),
        "top_width": checkpoint.length("top_conv/kernel", 3),
        "num_channels": checkpoint.length("stem_conv/kernel", 2),
        "pooling": "gap",
    }
    if size := checkpoint.described.arguments.get("image_size"):
        found["image_size"] = list(size)
    return found
