"""Table: the size of the Neocognitron, and what it costs."""

import math
from dataclasses import dataclass

from keras_vit.models.variants.family import Family, convolution, dense


@dataclass(frozen=True)
class NeocognitronVariant:
    """The simulation of Fukushima (1980).

    `params` counts its 29,400 synapses, its 72 inhibitions and a head of ten classes,
    which the paper does not have.
    """

    planes: int
    params: int | None = None


def operations(a, sides):
    """The `Operation` of each layer, for images of `(height, width)` pixels."""
    s1 = list(sides)
    s2 = [(side + 2) // 2 - 1 for side in s1]
    s3 = [(side + 2) // 2 - 3 for side in s2]
    listed, before = [], a.num_channels
    for places in (s1, s2, s3):  # the inhibition stands in the place of the bias
        listed.append(convolution(5, before, a.planes, math.prod(places)))
        before = a.planes
    if a.num_classes:
        listed.append(dense(a.planes, a.num_classes, part="head"))
    return listed


NEOCOGNITRON = Family(
    {"Neocognitron": NeocognitronVariant(24, 29_722)},
    operations,
    kind="Neocognitron",
    title="Neocognitron, S- and C-cells that learn without a teacher",
    sizes="Three modules of {planes} planes.",
    image_size=16,
    num_channels=1,
    num_classes=10,
)
