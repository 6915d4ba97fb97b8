"""Table: the sizes of LeNet-5, and what it costs."""

import math
from dataclasses import dataclass

from keras_vit.models.variants.family import Family, Operation, convolution

# The input maps of each of the 16 maps of C3 (LeCun et al., 1998, table I).
C3 = (
    *((0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5)),
    *((0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5)),
    *((0, 1, 2, 5), (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5)),
)
_C1, _C5, _F6 = 6, 120, 84


@dataclass(frozen=True)
class LeNetVariant:
    """One form of LeNet-5; `params` are the trainable ones, with 10 classes."""

    variant: str
    params: int | None = None


_ROWS = {"LeNet5": LeNetVariant("1998", 60_000)}


def border(padding, sides):
    """How many pixels C1 pads on each side of images of `(height, width)` pixels."""
    same = min(sides) < 32 if padding == "auto" else padding == "same"
    return 2 if same else 0


def operations(a, sides):
    """The `Operation` of each layer, for images of `(height, width)` pixels."""
    published = a.variant == "1998"

    def subsampling(maps, places):
        # The coefficients; other forms have none.
        return Operation("body", maps, places, maps) if published else None

    pad = border(a.padding, sides)
    c1 = [side + 2 * pad - 4 for side in sides]
    s2 = [side // 2 for side in c1]
    c3 = [side - 4 for side in s2]
    s4 = [side // 2 for side in c3]
    pairs = sum(map(len, C3)) if published else _C1 * len(C3)
    listed = [
        convolution(5, a.num_channels, _C1, math.prod(c1)),
        subsampling(_C1, math.prod(s2)),
        Operation("body", 25 * pairs, math.prod(c3), len(C3)),
        subsampling(len(C3), math.prod(s4)),
    ]
    if published:
        places = math.prod(side - 4 for side in s4)
        listed.append(convolution(5, len(C3), _C5, places))
        listed.append(convolution(1, _C5 * places, _F6, 1))
    else:
        listed.append(convolution(1, len(C3) * math.prod(s4), _C5, 1))
        listed.append(convolution(1, _C5, _F6, 1))
    codes = _F6 * a.num_classes
    # The codes of the published form are no parameters: they are fixed.
    others = -codes if published else a.num_classes
    listed.append(Operation("head", codes, 1, others))
    return [each for each in listed if each]


LENET = Family(
    _ROWS,
    operations,
    kind="LeNet-5",
    title="LeNet-5, convolutions and subsampling",
    sizes="The form {variant}.",
    image_size=32,
    num_channels=1,
    num_classes=10,
    defaults={"padding": "auto"},
)
