"""Colours of classes: VOC's for palette files, and some for people to tell apart."""

import numpy as np

# The first eight are those of Okabe and Ito, the others as far as possible from all
# before, for usual sight and for the three kinds of colour blindness.
_COLOURS = (
    "3c3c3c e69f00 56b4e9 009e73 f0e442 0072b2 d55e00 cc79a7 "
    "7700ff bbffaa 002299 882200 eeeeff 8866ff 661166 77bb66 "
    "55ddaa ccee77 994477 7799ff aa5544 661111 3355bb 4422cc"
).split()
NUM_COLOURS = len(_COLOURS)
# How the class of all other pixels is called; it stays without a colour in overlays.
_BACKGROUND = ("background", "_background_", "__background__", "other", "void")
_BACKGROUND += ("unlabelled", "unlabeled", "nothing")


def voc_palette():
    """The colours of Pascal VOC: uint8 `(256, 3)`, one for each value of a mask.

    The bits of the value, three at a time, are the highest bits of red, green and blue.
    """
    values, palette = np.arange(256), np.zeros((256, 3), "uint8")
    for place in range(8):
        for channel in range(3):
            bit = values >> (3 * place + channel) & 1
            palette[:, channel] |= (bit << (7 - place)).astype("uint8")
    return palette


def class_colours(count):
    """Colours that also colour-blind readers can tell apart: uint8 `(count, 3)`.

    The first, often of the background, is dark grey. There are 24; those of more
    classes repeat them, but for the first.
    """
    table = np.array([list(bytes.fromhex(colour)) for colour in _COLOURS], "uint8")
    places = np.arange(count)
    beyond = places >= len(table)
    places[beyond] = 1 + (places[beyond] - 1) % (len(table) - 1)
    return table[places]


def is_background(class_names):
    """Whether the first class is that of all pixels without an object."""
    return str(class_names[0]).strip().lower() in _BACKGROUND


def as_hex(colour):
    """A colour `(red, green, blue)`, 0 to 255, as web pages write it: `#e69f00`."""
    return "#" + bytes(int(value) for value in colour).hex()
