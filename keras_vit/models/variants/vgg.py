"""Table: the sizes of the published VGG networks, and what they cost."""

import math
from dataclasses import dataclass

from keras_vit.models.variants.family import Family, convolution


@dataclass(frozen=True)
class VGGVariant:
    """One column of table 1 of Simonyan and Zisserman (2015).

    `params` is the count without batch norm, with a 1000-class head.
    """

    num_convs: tuple[int, ...]
    params: int | None = None


# Columns A, B, D and E; counts as torchvision and keras.applications have them.
_ROWS = {
    "VGG11": VGGVariant((1, 1, 2, 2, 2), 132_863_336),
    "VGG13": VGGVariant((2, 2, 2, 2, 2), 133_047_848),
    "VGG16": VGGVariant((2, 2, 3, 3, 3), 138_357_544),
    "VGG19": VGGVariant((2, 2, 4, 4, 4), 143_667_240),
}


def operations(a, sides):
    """The `Operation` of each layer, for images of `(height, width)` pixels."""
    listed, width = [], a.num_channels
    for count, after in zip(a.num_convs, a.widths):
        for _ in range(count):
            places = math.prod(sides)
            listed.append(convolution(3, width, after, places, norm=a.batch_norm))
            width = after
        sides = [side // 2 for side in sides]
    if a.pooling == "flatten":
        width *= math.prod(a.grid_size)
    places = 1 if a.pooling else math.prod(sides)
    for after in a.hidden_dims:
        listed.append(convolution(1, width, after, places))
        width = after
    if a.num_classes:
        listed.append(convolution(1, width, a.num_classes, places, part="head"))
    return listed


VGG = Family(
    _ROWS,
    operations,
    kind="VGG",
    title="VGG, 3x3 convolutions and dense layers",
    sizes="Blocks of {num_convs} convolutions.",
    defaults={
        "widths": (64, 128, 256, 512, 512),
        "hidden_dims": (4096, 4096),
        "pooling": "flatten",
        "grid_size": (7, 7),
        "batch_norm": False,
    },
)
