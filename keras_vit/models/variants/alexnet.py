"""Table: the sizes of AlexNet, and what it costs."""

import math
from dataclasses import dataclass

from keras_vit.models.variants.family import Family, convolution

# Of each variant: the channels of the convolutions, in how many groups they are, and
# the padding of the first.
WIDTHS = {
    "2012": (96, 256, 384, 384, 256),
    "one_tower": (64, 192, 384, 256, 256),
}
GROUPS = {"2012": (1, 2, 1, 2, 2), "one_tower": (1,) * 5}
FIRST_PADDING = {"2012": 0, "one_tower": 2}
SIZES = {"2012": 227, "one_tower": 224}


@dataclass(frozen=True)
class AlexNetVariant:
    """One form of AlexNet; `params` with a 1000-class head."""

    variant: str
    params: int | None = None


# The sum over the layers of Krizhevsky et al. (2012), section 3.5, and of BVLC's file.
_ROWS = {"AlexNet": AlexNetVariant("2012", 60_965_224)}


def operations(a, sides):
    """The `Operation` of each layer, for images of `(height, width)` pixels."""
    widths, groups = a.widths or WIDTHS[a.variant], GROUPS[a.variant]
    sides = [(side + 2 * FIRST_PADDING[a.variant] - 11) // 4 + 1 for side in sides]
    before = a.num_channels
    for number, (kernel, width) in enumerate(zip((11, 5, 3, 3, 3), widths)):
        share = groups[number]
        yield convolution(kernel, before, width, math.prod(sides), groups=share)
        before = width
        if number in (0, 1):  # after the last pooling the size is `grid_size`
            sides = [(side - 3) // 2 + 1 for side in sides]
    before *= math.prod(a.grid_size)
    for units in a.hidden_dims:
        yield convolution(1, before, units, 1)
        before = units
    if a.num_classes:
        yield convolution(1, before, a.num_classes, 1, part="head")


ALEXNET = Family(
    _ROWS,
    operations,
    kind="AlexNet",
    title="AlexNet, five convolutions and dense layers",
    sizes="The form {variant}.",
    image_size=SIZES["2012"],
    defaults={"widths": None, "hidden_dims": (4096, 4096), "grid_size": (6, 6)},
)
