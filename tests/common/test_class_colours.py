import numpy as np

from keras_vit.common.class_colours import (
    NUM_COLOURS,
    as_hex,
    class_colours,
    is_background,
    voc_palette,
)

# Machado et al., 2009: what people without one kind of cone see, of linear light.
SIGHTS = {
    "usual": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def lab(colours, sight):
    """CIE L*a*b* of sRGB colours as someone sees them."""
    c = np.asarray(colours) / 255
    light = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    light = np.clip(light @ np.asarray(sight).T, 0, 1)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722]]
    to_xyz.append([0.0193, 0.1192, 0.9505])
    x, y, z = (light @ np.transpose(to_xyz) / [0.95047, 1, 1.08883]).T
    x, y, z = (
        np.where(v > 216 / 24389, np.cbrt(v), 841 / 108 * v + 4 / 29) for v in (x, y, z)
    )
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


def test_colours_are_far_apart_for_every_kind_of_sight():
    colours = class_colours(NUM_COLOURS)
    for name, sight in SIGHTS.items():
        seen = lab(colours, sight)
        gaps = np.linalg.norm(seen[:, None] - seen, axis=-1)
        np.fill_diagonal(gaps, np.inf)
        # 2.3 is what can just be told apart side by side.
        assert gaps[:12, :12].min() > 15 and gaps.min() > 10, name


def test_more_classes_repeat_the_colours_but_the_first():
    colours = class_colours(60)
    assert (colours[24] == colours[1]).all() and (colours[47] == colours[1]).all()
    assert (colours[1:] != colours[0]).any(axis=1).all()
    assert as_hex(colours[1]) == "#e69f00"


def test_the_palette_is_that_of_pascal_voc():
    known = {0: "000000", 1: "800000", 2: "008000", 3: "808000", 8: "400000"}
    known |= {15: "c08080", 20: "004080", 255: "e0e0c0"}
    palette = voc_palette()
    for value, colour in known.items():
        assert bytes(palette[value]).hex() == colour
    assert len({bytes(colour) for colour in palette}) == 256


def test_what_is_called_background():
    assert is_background(["Background ", "cat"]) and is_background(["other"])
    assert not is_background(["cat", "background"])
