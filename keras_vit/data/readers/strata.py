"""Strata of examples: what keeps its share in every part of a set."""

import numpy as np

# A set of labels that so many images have is a stratum of its own.
COMMON = 20


def strata(labels) -> np.ndarray:
    """The stratum of each example, by which parts of a set are drawn.

    Of one label an image, that is the label. Of several, it is the set of labels where
    at least 20 images have the same; the images of rarer sets are put together by the
    rarest of their labels, whose share counts most.

    Args:
        labels: Integers `(N,)`, or 0 and 1 `(N, classes)`.

    Returns:
        `int64` `(N,)`.
    """
    labels = np.asarray(labels)
    if labels.ndim == 1:
        return labels
    _, number, counts = np.unique(
        labels, axis=0, return_inverse=True, return_counts=True
    )
    number = number.reshape(-1).astype(np.int64)  # some versions of NumPy say (N, 1)
    totals = labels.sum(axis=0)
    rarest = np.where(labels > 0, totals, len(labels) + 1).argmin(axis=1)
    is_rare = counts[number] < COMMON
    # Images without a label are a set of labels too, however few.
    return np.where(is_rare & labels.any(axis=1), len(counts) + rarest, number)
