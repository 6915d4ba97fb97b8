"""Reads the sizes of the dense layers at the end of AlexNet and VGG."""

import math


def hidden_dims(checkpoint, first=1):
    """The units of the layers `fc<first>`, `fc<first + 1>`, ... of a `Checkpoint`."""
    dims = []
    while units := checkpoint.length(f"fc{first + len(dims)}/kernel", 1):
        dims.append(units)
    return dims


def grid_of(checkpoint, path, channels):
    """`[rows, columns]` that a dense kernel reads, `None` where they are no square.

    Args:
        checkpoint: A `Checkpoint`.
        path: Path of the kernel.
        channels: Integer, those of the map that is flattened.
    """
    reads = checkpoint.length(path, 0)
    if not reads or not channels or reads % channels:
        return None
    side = math.isqrt(reads // channels)
    return [side, side] if side * side == reads // channels else None
