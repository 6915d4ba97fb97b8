"""The ten digits as pictures of 7x12 pixels: the codes of LeNet-5's classes."""

import numpy as np

# Drawn for this package after what LeCun et al. (1998) say of theirs: stylised
# characters of 7x12 pixels, of which they print figure 3 and no numbers.
_PICTURES = """
....... ....... ....... ....... ....... ....... ....... ....... ....... .......
..###.. ...##.. .#####. .#####. ....##. ####### ..####. ####### .#####. .#####.
.##.##. ..###.. ##...## ##...## ...###. ##..... .##.... .....## ##...## ##...##
##...## .####.. .....## .....## ..####. ##..... ##..... .....## ##...## ##...##
##...## ...##.. .....## .....## .##.##. ##..... ##..... ....##. ##...## ##...##
##...## ...##.. ....##. ..####. ##..##. ######. ######. ....##. .#####. ##...##
##...## ...##.. ...##.. .....## ##..##. .....## ##...## ...##.. ##...## .######
##...## ...##.. ..##... .....## ####### .....## ##...## ...##.. ##...## .....##
##...## ...##.. .##.... .....## ....##. .....## ##...## ..##... ##...## .....##
.##.##. ...##.. ##..... ##...## ....##. ##...## ##...## ..##... ##...## ....##.
..###.. .###### ####### .#####. ....##. .#####. .#####. ..##... .#####. .####..
....... ....... ....... ....... ....... ....... ....... ....... ....... .......
"""


def digit_codes():
    """Float32 array `(10, 84)` of 1 (ink) and -1 (paper), 12 rows of 7 pixels each.

    >>> pictures = digit_codes().reshape(10, 12, 7, 1)
    >>> figure = keras_vit.visualize.plot_filters(pictures, columns=10)
    """
    rows = [line.split() for line in _PICTURES.split("\n") if line]
    ink = np.array([[list(part) for part in row] for row in rows]) == "#"
    ink = ink.transpose(1, 0, 2).reshape(10, 84)
    return np.where(ink, 1.0, -1.0).astype("float32")
