"""Draws changes of files by a seed."""

import random

import changed_archives  # noqa: F401  which list their changes
import changed_bytes  # noqa: F401
import changed_h5  # noqa: F401
import changed_safetensors  # noqa: F401
from changing import CHANGES, HARMLESS


def draw(count, seed):
    """`(number, name, kind, layout, function)`: a fifth of them harmless.

    Each change of each layout comes once before any comes twice.
    """
    rng = random.Random(seed)
    harmless, harmful = [], []
    for name, kind, layouts, function in CHANGES:
        pool = harmless if kind == HARMLESS else harmful
        pool += [(name, kind, layout, function) for layout in layouts]
    drawn = []
    for pool, wanted in ((harmless, count // 5), (harmful, count - count // 5)):
        queue = []
        while len(queue) < wanted:
            rng.shuffle(pool)
            queue += pool
        drawn += queue[:wanted]
    rng.shuffle(drawn)
    return [(number, *case) for number, case in enumerate(drawn)]
