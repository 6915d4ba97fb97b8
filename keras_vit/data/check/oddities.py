"""Finds images that are unlike the others by size, shape, colour, or being empty."""

import numpy as np

# An image is small below this share of the median side, and long or wide if its ratio
# of sides is so many times the median's. A colour is odd that so few have.
SMALL, STRETCHED, RARE = 0.25, 3.0, 0.02


def find_oddities(fingerprints):
    """What is odd about the images of one part.

    Args:
        fingerprints: `Fingerprints` of them.

    Returns:
        List of (name, reason), each image once, the emptiest and smallest first.
    """
    found, shapes = {}, fingerprints.shapes.astype(np.float64)
    if not len(shapes):
        return []
    flat = ~fingerprints.pictures.any(axis=1)
    _add(found, fingerprints, flat, lambda n: "hardly any contrast: empty?")
    longer = shapes[:, :2].max(axis=1)
    median = float(np.median(longer))
    small = longer < SMALL * median
    _add(found, fingerprints, small, lambda n: f"{_size(n)}: small, of {median:.0f}")
    ratios = np.log(shapes[:, 0] / shapes[:, 1])
    far = np.abs(ratios - np.median(ratios)) > np.log(STRETCHED)
    _add(found, fingerprints, far, lambda n: f"{_size(n)}: an unusual shape")
    grey = shapes[:, 2] == 1
    if 0 < grey.mean() <= RARE:
        _add(found, fingerprints, grey, lambda n: "grey, most are in colour")
    elif 0 < (~grey).mean() <= RARE:
        _add(found, fingerprints, ~grey, lambda n: "in colour, most are grey")
    return list(found.items())


def _size(shape):
    return f"{shape[0]}x{shape[1]} pixels"


def _add(found, fingerprints, which, reason):
    for place in np.flatnonzero(which):
        name = fingerprints.names[place]
        found.setdefault(name, reason(fingerprints.shapes[place].tolist()))
