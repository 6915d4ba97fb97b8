"""Finds images that are unlike the others: empty, small, long, grey, or quite alone."""

import numpy as np

# An image is small below this share of the median side, and long or wide if its ratio
# of sides is so many times the median's. A colour is odd that so few have.
SMALL, STRETCHED, RARE = 0.25, 3.0, 0.02
# An image is unlike all others that is so many times as far from the most alike three
# as 99 % of the images are: 4 of 3,166 chest X-rays, 1 of 7,000 pictures of clothing,
# none of 20,000 of CIFAR-10, and all five of noise and lines put among clothing.
FAR, QUANTILE, MOST_ALIKE = 1.5, 0.99, 3


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
    alone = _alone(fingerprints.pictures)
    _add(found, fingerprints, alone, lambda n: "looks like no other image")
    grey = shapes[:, 2] == 1
    if 0 < grey.mean() <= RARE:
        _add(found, fingerprints, grey, lambda n: "grey, most are in colour")
    elif 0 < (~grey).mean() <= RARE:
        _add(found, fingerprints, ~grey, lambda n: "in colour, most are grey")
    return list(found.items())


def _alone(pictures):
    """Which images are far from all others, by the correlation of their pictures."""
    if len(pictures) <= MOST_ALIKE:
        return np.zeros(len(pictures), bool)
    whole, far = pictures.astype(np.float32), []
    for start in range(0, len(whole), 256):
        likeness = whole[start : start + 256] @ whole.T
        # The most alike is the image itself.
        best = np.partition(likeness, -1 - MOST_ALIKE, axis=1)[:, -1 - MOST_ALIKE :]
        far.append(1 - (best.sum(axis=1) - best.max(axis=1)) / MOST_ALIKE)
    far = np.concatenate(far)
    return (far > FAR * np.quantile(far, QUANTILE)) & whole.any(axis=1)


def _size(shape):
    return f"{shape[0]}x{shape[1]} pixels"


def _add(found, fingerprints, which, reason):
    for place in np.flatnonzero(which):
        name = fingerprints.names[place]
        found.setdefault(name, reason(fingerprints.shapes[place].tolist()))
