"""Two parts of a split: one to learn from, one to choose by."""

import numpy as np

from keras_vit.data.subsets import Subset


def hold_out(source, fraction: float, *, seed: int = 0):
    """Divides a split so that recipes can be compared without its test set.

    In both parts all classes keep their shares, as nearly as whole images can, and no
    image is in both. Which images are held out depends on `seed` and their names only.

    Args:
        source: A `keras_vit.data.Source`, usually of training images.
        fraction: Share of the examples to hold out, in (0, 1).
        seed: Integer.

    Returns:
        (rest, held out), both `Source`, in the stored order. Parts of a set that is
        read in a stream are kept in memory.

    Raises:
        ValueError: if the fraction is out of its range, one of the parts would be
            empty, or a part of a streamed set is larger than 4 GiB.

    Example:

    >>> train = keras_vit.data.load("fashion_mnist_mini:train")
    >>> keras_vit.data.hold_out(train, 0.2)
    (<Source ...4800 examples...>, <Source ...1200 examples...>)
    """
    if not 0 < fraction < 1:
        raise ValueError(f"`fraction` must be in (0, 1). Received: fraction={fraction}")
    subset = Subset(fraction=fraction, seed=seed)
    store = source._open("auto", decode=False)
    labels, names = store.label_table()
    held = subset.places(labels, names, source.class_names)
    rest = np.setdiff1d(np.arange(len(labels)), held)
    if not len(rest):
        raise ValueError(
            "Too few examples to hold some out. "
            f"Received: {len(labels)} examples, fraction={fraction}"
        )
    split = f"{source.split} without {str(subset).lstrip(',')}"
    return (
        source._with(store.select(rest), source.skipped, split),
        source._with(store.select(held), source.skipped, f"{source.split}{subset}"),
    )
