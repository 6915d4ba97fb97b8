"""Reads the sizes of the dense layers at the end of AlexNet and VGG."""

import math


def hidden_dims(checkpoint, first=1):
    """The units of the layers `fc<first>`, `fc<first + 1>`, ... of a `Checkpoint`."""
    dims = []
    while (path := f"fc{first + len(dims)}/kernel") in checkpoint:
        dims.append((checkpoint.shape(path) or (None,))[-1])
    return dims


def grid_of(checkpoint, path, channels):
    """`[rows, columns]` that a dense kernel reads, `None` where they are no square.

    Args:
        checkpoint: A `Checkpoint`.
        path: Path of the kernel.
        channels: Integer, those of the map that is flattened.
    """
    shape = checkpoint.shape(path)
    if shape is None or not channels or shape[0] % channels:
        return None
    positions = shape[0] // channels
    side = math.isqrt(positions)
    return [side, side] if side * side == positions else None
