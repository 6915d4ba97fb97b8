"""Finds duplicates among images by their fingerprints."""

import dataclasses

import numpy as np

# Correlation of two tiny grey pictures from which two images count as the same. One
# that is saved again at two thirds of its size has 0.9995 at least; of 3,166 chest
# X-rays no two different ones reach 0.98, of 4,000 CIFAR images 0.96.
ALIKE = 0.998

# Findings that are named; all are counted.
NAMED = 20


@dataclasses.dataclass(frozen=True)
class Findings:
    """The number of images of one kind of finding, and the names of the first ones."""

    count: int
    # Pairs of names; near ones with their correlation as the third part.
    examples: list


def find_duplicates(train, test, near=True):
    """Equal images within the training part, and from the test part in it.

    Args:
        train: `Fingerprints` of the training images.
        test: `Fingerprints` of the test images.
        near: Whether to search for images that are nearly equal, too.

    Returns:
        Dictionary of `leaks`, `near_leaks`, `repeats` and `contradictions`, each
        `Findings`.
    """
    first_of = {}
    repeats, contradictions = [], []
    for place, value in enumerate(train.hashes.tolist()):
        first = first_of.setdefault(value, place)
        if first == place:
            continue
        pair = (train.names[place], train.names[first])
        same = train.labels[place] == train.labels[first]
        (repeats if same else contradictions).append(pair)
    places = [first_of.get(value) for value in test.hashes.tolist()]
    leaks = [
        (test.names[place], train.names[found])
        for place, found in enumerate(places)
        if found is not None
    ]
    others = np.asarray([p for p, found in enumerate(places) if found is None], int)
    alike = _alike(train, test, others) if near else []
    found = {"leaks": leaks, "near_leaks": alike}
    found |= {"repeats": repeats, "contradictions": contradictions}
    return {name: Findings(len(some), some[:NAMED]) for name, some in found.items()}


def _alike(train, test, places):
    """(test image, training image, correlation) of those that look the same."""
    found = []
    if not len(train.names):
        return found
    pictures = train.pictures.astype(np.float32)
    for start in range(0, len(places), 256):
        some = places[start : start + 256]
        products = test.pictures[some].astype(np.float32) @ pictures.T
        best = products.argmax(axis=1)
        for place, other, value in zip(some, best, products.max(axis=1)):
            if value >= ALIKE:
                names = (test.names[place], train.names[other])
                found.append((*names, round(float(value), 4)))
    return found
