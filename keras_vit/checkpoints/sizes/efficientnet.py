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
            widths[stage] = _last(checkpoint, path)
    found = {
        "num_blocks": [counts[stage] for stage in sorted(counts)],
        "stage_widths": [widths[stage] for stage in sorted(counts)],
        "stem_width": _last(checkpoint, "stem_conv/kernel"),
        "top_width": _last(checkpoint, "top_conv/kernel"),
        "pooling": "gap",
    }
    stem = checkpoint.shape("stem_conv/kernel")
    if stem and len(stem) == 4:
        found["num_channels"] = stem[2]
    if size := checkpoint.described.arguments.get("image_size"):
        found["image_size"] = list(size)
    return found


def _last(checkpoint, path):
    """The output channels of a kernel, or `None` where the file has none."""
    shape = checkpoint.shape(path) if path in checkpoint else None
    return shape[-1] if shape else None
