"""Class-balanced parts of a split, for few-shot and data-size studies.

For one seed the examples of each class have one order. `per_class` takes the first of
it, so fewer examples are always among more. `fraction` takes the first of an order of
all examples, in which the classes come in proportion at every point.
"""

import dataclasses
import re

import numpy as np

from keras_vit.data.readers.folders import hash_order
from keras_vit.data.readers.grouping import apportion, deal
from keras_vit.data.readers.strata import strata

KEYS = ("fraction", "per_class", "seed")


@dataclasses.dataclass(frozen=True)
class Subset:
    """Part of a split: a fraction of it, or some examples of each class.

    Args:
        fraction: Number in (0, 1], or None.
        per_class: Positive integer, or None.
        seed: Integer.
    """

    fraction: float | None = None
    per_class: int | None = None
    seed: int = 0

    def __post_init__(self):
        if (self.fraction is None) == (self.per_class is None):
            raise ValueError(
                "A part of a split is given by a fraction or by a number per class. "
                f"Received: fraction={self.fraction}, per_class={self.per_class}"
            )
        if self.fraction is not None and not 0 < self.fraction <= 1:
            raise ValueError(
                "`fraction` must be above 0 and at most 1 (100%). "
                f"Received: fraction={self.fraction}"
            )
        count = self.per_class
        if count is not None and (int(count) != count or count < 1):
            raise ValueError(
                f"`per_class` must be a positive integer. Received: per_class={count}"
            )
        if int(self.seed) != self.seed:
            raise ValueError(f"`seed` must be an integer. Received: seed={self.seed}")

    def __str__(self):
        """As it is written after a split."""
        if self.fraction is None:
            return f",per_class={self.per_class},seed={self.seed}"
        return f",fraction={self.fraction:.12g},seed={self.seed}"

    def places(self, labels: np.ndarray, names, class_names) -> np.ndarray:
        """The places of the chosen examples, sorted.

        Args:
            labels: Integer array, one per example, or `(N, classes)`; see
                `keras_vit.data.readers.strata`.
            names: A name for each example. The choice depends on the names and the
                seed, not on the order of the examples.
            class_names: List of strings.

        Raises:
            ValueError: if a class has fewer than `per_class` examples.
        """
        labels = strata(labels)
        order = hash_order(names, self.seed, range(len(labels)))
        by_class = order[np.argsort(labels[order], kind="stable")]
        present, starts = np.unique(labels[by_class], return_index=True)
        orders = dict(zip(present.tolist(), np.split(by_class, starts[1:])))
        if self.per_class is not None:
            return self._of_each(orders, class_names)
        # Halfway between r/n and (r+1)/n: a prefix rounds every class's share.
        ranks = [(np.arange(len(o)) + 0.5) / len(o) for o in orders.values()]
        drawn = np.empty(len(labels), np.int64)
        drawn[order] = np.arange(len(labels))
        sequence = by_class[np.lexsort((drawn[by_class], np.concatenate(ranks)))]
        count = max(1, round(self.fraction * len(labels)))
        return np.sort(sequence[:count])

    def _of_each(self, orders, class_names):
        short = [
            f"{class_names[label]} ({len(order)})"
            for label, order in orders.items()
            if len(order) < self.per_class
        ]
        short += [
            f"{name} (0)" for n, name in enumerate(class_names) if n not in orders
        ]
        if short:
            more = f" and {len(short) - 5} more" if len(short) > 5 else ""
            raise ValueError(
                f"`per_class={self.per_class}` needs as many examples of every class. "
                f"Too few: {', '.join(short[:5])}{more}"
            )
        return np.sort(np.concatenate([o[: self.per_class] for o in orders.values()]))


def parse(split: str | None) -> tuple[str | None, tuple[Subset, ...]]:
    """Takes a split apart: `"train[:50%],per_class=10,seed=1"`.

    Args:
        split: A split in TFDS's syntax, and behind it, after commas, `fraction=0.01` or
            `fraction=1%`, or `per_class=10`, and `seed=0`, which is the default. A
            further `fraction` or `per_class` takes a part of the part.

    Returns:
        (the split before the first comma or None, subsets).
    """
    if split is None or "=" not in split:
        return split, ()
    parts = [part.strip() for part in split.split(",")]
    base = None if "=" in parts[0] else parts.pop(0)
    found = []
    for part in parts:
        key, value = _pair(part, split)
        if key != "seed":
            found.append({key: value})
        elif found and "seed" not in found[-1]:
            found[-1]["seed"] = value
        else:
            raise ValueError(
                "`seed` must follow `fraction` or `per_class`, once. "
                f"Received: split={split!r}"
            )
    return base or None, tuple(Subset(**options) for options in found)


def _pair(part, split):
    key, equals, text = (piece.strip() for piece in part.partition("="))
    try:
        if key not in KEYS or not equals:
            raise ValueError
        if key == "fraction":
            return key, float(text[:-1]) / 100 if text.endswith("%") else float(text)
        return key, int(text)
    except ValueError:
        raise ValueError(
            "Part of a split is written 'train,fraction=1%,seed=0' or "
            f"'train,per_class=10,seed=0'. Received: {part!r} in split={split!r}"
        ) from None


def hold_out(source, fraction: float, *, seed: int = 0):
    """Divides a split so that recipes can be compared without its test set.

    In both parts all classes keep their shares, as nearly as whole images can, and no
    image is in both. A class keeps at least one image in the rest. Which images are
    held out depends on `seed` and their names only. Images of one group (`group_by` of
    `load`) stay in one part; classes then keep their shares as groups allow.

    Args:
        source: A `keras_vit.data.Source`, usually of training images.
        fraction: Share of the examples to hold out, in (0, 1).
        seed: Integer.

    Returns:
        (rest, held out), both `Source`, in the stored order. Parts of a set that is
        read in a stream are kept in memory.

    Raises:
        ValueError: if the fraction is out of its range, no class has two examples, or a
            part of a streamed set is larger than 4 GiB.

    Example:

    >>> train = keras_vit.data.load("fashion_mnist_mini:train")
    >>> keras_vit.data.hold_out(train, 0.2)
    (<Source ...4800 examples...>, <Source ...1200 examples...>)
    """
    if not 0 < fraction < 1:
        raise ValueError(f"`fraction` must be in (0, 1). Received: fraction={fraction}")
    subset = Subset(fraction=fraction, seed=seed)
    store = source.store
    labels, names = store.label_table()
    labels = strata(labels)
    if source.groups is None:
        held = subset.places(labels, names, source.class_names)
        held = _without_last(held, labels)
    else:
        part = apportion(labels, source.groups, (1 - fraction, fraction), seed)
        held = np.flatnonzero(part == 1)
    rest = np.setdiff1d(np.arange(len(labels)), held)
    if not len(held):
        raise ValueError(
            "Too few examples to hold some out: no class has two of them, and each "
            "needs one in training. Add images, or hold out none. Received: "
            f"{len(labels)} examples of {len(np.unique(labels))} classes, "
            f"fraction={fraction}"
        )
    split = f"{source.split} without {str(subset).lstrip(',')}"
    name = f"{source.split}{subset}"
    if source.groups is not None:
        split, name = f"{split} by groups", f"{name} by groups"
    return (
        source.with_store(store.select(rest), split=split),
        source.with_store(store.select(held), split=name),
    )


def fold_of(source, fold: str, *, seed: int = 0):
    """One fold of cross-validation: what is trained on, and what is tested on.

    The folds of one seed share no image, nor a group if the images are grouped, and all
    images are in one of them. Classes keep their shares, as nearly as whole images or
    groups can.

    Args:
        source: A `keras_vit.data.Source`.
        fold: `"2/5"`, the second of five.
        seed: Integer.

    Returns:
        (rest, fold), both `Source`, in the stored order.

    Raises:
        ValueError: if there is no such fold, or there are fewer images or groups than
            folds.
    """
    place, number = parse_fold(fold)
    labels, names = source.store.label_table()
    labels = strata(labels)
    if source.groups is not None:
        part = apportion(labels, source.groups, [1 / number] * number, seed)
    elif len(labels) < number:
        raise ValueError(f"{number} folds need as many images, not {len(labels)}.")
    else:
        part = deal(labels, names, number, seed)
    chosen = {"without fold": part != place - 1, "fold": part == place - 1}
    by = "" if source.groups is None else " by groups"
    return tuple(
        source.with_store(
            source.store.select(np.flatnonzero(of)),
            split=f"{source.split} {what} {fold}{by}, seed {seed}",
        )
        for what, of in chosen.items()
    )


def parse_fold(fold: str) -> tuple[int, int]:
    """`(place from 1 on, number of folds)` of a text such as `"2/5"`."""
    match = re.fullmatch(r"([1-9]\d*)/([1-9]\d*)", fold)
    place, number = map(int, match.groups()) if match else (0, 0)
    if not 1 <= place <= number or number < 2:
        raise ValueError(
            "A fold is written '2/5', the second of five; there are two or more. "
            f"Received: fold={fold!r}"
        )
    return place, number


def _without_last(held, labels):
    """Those of the held out that leave at least one example of each class."""
    counts = np.bincount(labels)
    whole = np.flatnonzero(np.bincount(labels[held], minlength=len(counts)) == counts)
    last = [held[labels[held] == label][-1:] for label in whole if counts[label]]
    return np.setdiff1d(held, np.concatenate(last)) if last else held
