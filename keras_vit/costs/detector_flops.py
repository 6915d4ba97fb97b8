"""Floating-point operations of a `Detector`: its backbone's, and those of its head."""

import math
import re
from types import SimpleNamespace

from keras_vit.models.backbones import stride_of


def multiply_adds(model, arguments, sides, families):
    """Multiply-adds of one image by part of the model.

    Args:
        model: A `Detector`.
        arguments: Dictionary, those of its settings.
        sides: `(height, width)`, pixels.
        families: Dictionary from the family of a backbone to the function that counts
            its parts.
    """
    a = SimpleNamespace(**{**arguments, "num_classes": 0})
    side = stride_of(a.backbone, arguments)[0]
    sides = tuple(-(-length // side) * side for length in sides)

    def places(stride):
        return math.prod(-(-length // stride) for length in sides)

    everywhere = sum(map(places, a.strides))
    head = 0
    for layer in model.layers:
        up = re.fullmatch(r"stride\d+_up(\d)", layer.name)
        of_level = re.fullmatch(r"stride(\d+)_conv\d", layer.name)
        if up:  # each place of the map becomes 2 x 2
            count = places(side) * 4 ** (int(up[1]) - 1)
        elif of_level:
            count = places(int(of_level[1]))
        elif re.fullmatch(r"(class|box)_tower_conv\d+|\w+_output", layer.name):
            count = everywhere
        else:
            continue
        head += count * math.prod(layer.kernel.shape)
    return {**families[a.backbone](a, sides), "head": head}
