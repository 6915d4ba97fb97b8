"""Checks images and labels before training: broken files, duplicates, rare classes."""

import dataclasses

import numpy as np

from keras_vit.common.tables import Told
from keras_vit.data.check.duplicates import Findings, find_duplicates
from keras_vit.data.check.fingerprints import read_fingerprints
from keras_vit.data.check.oddities import find_oddities
from keras_vit.data.readers.folders import UNLABELLED

# A warning is given from these on: the largest class over the smallest, and training
# images of a class. Ten is the largest number of shots that papers call few.
IMBALANCE = 10.0
FEW = 10

# Images of a split that are looked at, and named in the text.
LIMIT = 50_000
NAMED = 5
# Odd images that are listed.
MOST_ODD = 100


@dataclasses.dataclass(frozen=True, repr=False)
class DataCheck(Told):
    """What `check_data` found; prints as text, the warnings last."""

    class_names: list
    # Images of each class. Of all images where the labels are known without reading
    # them, else of those that were checked.
    train_counts: list
    test_counts: list
    # Images looked at and images there, of both splits together.
    num_checked: int
    num_examples: int
    # (name, reason) of the images that cannot be read.
    broken: list
    # Test images that are training images too: byte by byte, and nearly. Each example
    # is (test image, training image).
    leaks: Findings
    near_leaks: Findings
    # Training images equal to an earlier one, with the same class, and with another.
    repeats: Findings
    contradictions: Findings
    # Smallest, median and largest (height, width) by area; how many sizes there are.
    sizes: dict
    # Share of the test images whose class is that of the training image that is most
    # alike as a grey picture of 16x16 pixels, in [0, 1]; None where it was not asked.
    pixel_accuracy: float | None = None
    # (name, reason) of images that are unlike the others by size, shape or colour, or
    # empty. They are no warnings: most sets have some.
    odd: list = dataclasses.field(default_factory=list)
    # Where an image may have several labels: training and test images by the number of
    # theirs, of those that were checked.
    labels_per_image: tuple[dict, dict] | None = None
    # Validation images that are training images too, byte by byte; `None` without a
    # validation part.
    validation_leaks: Findings | None = None

    @property
    def imbalance(self):
        """Training images of the largest class over those of the smallest, above 0."""
        counts = [count for count in self.train_counts if count]
        return max(counts) / min(counts) if counts else 1.0

    @property
    def warnings(self):
        """What to look at before training: sentences, none if all is well."""
        return [*self._of_classes(), *self._of_images()]

    def to_json(self):
        """The check as a dictionary that JSON can hold."""
        more = {"imbalance": self.imbalance, "warnings": self.warnings}
        return {**dataclasses.asdict(self), **more}

    def __str__(self):
        small, middle, large = (
            "x".join(map(str, self.sizes[name])) if self.sizes[name] else "-"
            for name in ("smallest", "median", "largest")
        )
        train, test = sum(self.train_counts), sum(self.test_counts)
        if self.labels_per_image:
            train, test = (sum(part.values()) for part in self.labels_per_image)
        lines = [
            f"{train:,} training and {test:,} test images, "
            f"{len(self.class_names)} classes: {self._class_sizes()}",
            f"heights x widths: {small} to {large}, median {middle}"
            if self.sizes["distinct"] > 1
            else f"height x width: {middle}",
        ]
        if self.labels_per_image:
            lines.append(self._labels())
        if self.num_checked < self.num_examples:
            lines.append(
                f"{self.num_checked:,} of {self.num_examples:,} images were looked at; "
                "the rest may have other problems"
            )
        lines += [f"Warning: {warning}" for warning in self.warnings]
        return "\n".join(lines)

    def _class_sizes(self):
        pairs = list(zip(self.class_names, self.train_counts))
        if len(pairs) <= 10:
            return ", ".join(f"{name} {count:,}" for name, count in pairs)
        return f"{min(self.train_counts):,} to {max(self.train_counts):,} in training"

    def _labels(self):
        counts = self.labels_per_image[0]
        total = max(1, sum(counts.values()))
        mean = sum(number * count for number, count in counts.items()) / total
        shown = ", ".join(f"{number} ({count:,})" for number, count in counts.items())
        return f"labels per training image: {shown}; {mean:.2f} on average"

    def _of_classes(self):
        if self.class_names == [UNLABELLED]:
            return
        classes = list(zip(self.class_names, self.train_counts, self.test_counts))
        several = self.labels_per_image is not None
        if sum(count > 0 for count in self.train_counts) == 1 and not several:
            yield "All training images are of one class: there is nothing to classify"
        for what, names in (
            ("without training images", [n for n, train, _ in classes if not train]),
            ("without test images", [n for n, _, test in classes if not test]),
            (
                f"with fewer than {FEW} training images",
                [n for n, train, _ in classes if 0 < train < FEW],
            ),
        ):
            if names:
                word = "class" if len(names) == 1 else "classes"
                yield f"{len(names)} {word} {what}: {_listed(names)}"
        if self.imbalance > IMBALANCE:
            yield (
                f"The largest class has {self.imbalance:.3g} times the training images "
                f"of the smallest (more than {IMBALANCE:g}): look at the recall of "
                "each class, not at the accuracy alone"
            )

    def _of_images(self):
        if self.broken:
            parts = [f"{name} ({reason})" for name, reason in self.broken]
            yield (
                f"Images that cannot be read: {len(self.broken):,} "
                f"({_listed(parts)}). Repair them, or leave them out with "
                "corrupt='skip'"
            )
        for found, text in (
            (self.leaks, "Test images that are also training images"),
            (self.near_leaks, "Test images that look like a training image"),
            (self.validation_leaks, "Validation images that are also training images"),
            (self.contradictions, "Training images that are also in another class"),
            (self.repeats, "Training images that repeat an earlier one"),
        ):
            if found is not None and found.count:
                pairs = [" = ".join(pair[:2]) for pair in found.examples]
                yield f"{text}: {found.count:,} ({_listed(pairs, found.count)})"


def check_data(
    train_source,
    test_source,
    *,
    validation=None,
    near=True,
    limit=LIMIT,
    progress=None,
) -> DataCheck:
    """Looks at every image of a data set once, before a model is trained on it.

    Broken files stop a training run at some late hour; test images that are also
    training images make a model look better than it is; and a class with hardly any
    images is hardly learned. Nothing is changed or left out.

    Args:
        train_source: `keras_vit.data.Source` to train on.
        test_source: `keras_vit.data.Source` to test on, with the same classes.
        validation: `keras_vit.data.Source` to choose by, if there is one.
        near: Boolean, whether to search also for test images that look like a
            training image: those saved once more, or made smaller. They are compared
            as grey pictures of 16x16 pixels. Defaults to `True`.
        limit: Integer, images of each split that are looked at, evenly spaced.
            Defaults to 50,000, which take some 100 MB of memory; the search for near
            duplicates grows with its square, up to half a minute.
        progress: `None`, or a function that is called with (images read, images in
            all), for a progress bar.

    Returns:
        A `DataCheck`: print it, or read its `warnings`.

    Raises:
        ValueError: if the two sources have different classes, or `limit` is not
            positive.

    Example:

    >>> train, test = keras_vit.data.load_splits("./photos")
    >>> print(check_data(train, test))
    800 training and 200 test images, 2 classes: cat 400, dog 400
    heights x widths: 180x320 to 3024x4032, median 1080x1920
    Warning: Test images that are also training images: 1 (test/b.jpg = train/a.jpg)
    """
    if train_source.class_names != test_source.class_names:
        raise ValueError(
            "The training and the test part must have the same classes, in the same "
            f"order. Received: {_listed(train_source.class_names)}, and "
            f"{_listed(test_source.class_names)}"
        )
    if int(limit) != limit or limit < 1:
        raise ValueError(f"`limit` must be a positive integer. Received: {limit}")
    sources = [train_source, test_source]
    sources += [] if validation is None else [validation]
    prints = _read_all(sources, int(limit), progress)
    train, test, *others = prints
    shapes = np.concatenate([each.shapes for each in prints])
    return DataCheck(
        class_names=train_source.class_names,
        train_counts=_counts(train_source, train),
        test_counts=_counts(test_source, test),
        num_checked=sum(each.num_checked for each in prints),
        num_examples=sum(source.num_examples for source in sources),
        broken=[entry for each in prints for entry in each.broken],
        **find_duplicates(train, test, near),
        sizes=_sizes(shapes[:, :2]),
        odd=[*find_oddities(train), *find_oddities(test)][:MOST_ODD],
        labels_per_image=_per_image(train, test) if train.labels.ndim > 1 else None,
        validation_leaks=next(
            (find_duplicates(train, other, near=False)["leaks"] for other in others),
            None,
        ),
    )


def _read_all(sources, limit, progress):
    total = sum(min(source.num_examples, limit) for source in sources)
    prints, done = [], 0
    for source in sources:
        report = None
        if progress is not None:

            def report(count, _, before=done):
                progress(min(before + count, total), total)

        prints.append(read_fingerprints(source, limit, report))
        done += prints[-1].num_checked
    return prints


def _counts(source, prints):
    labels = prints.labels if source.labels is None else source.labels
    labels = np.asarray(labels, np.int64)
    if labels.ndim > 1:
        return labels.sum(axis=0).tolist()
    return np.bincount(labels, minlength=source.num_classes).tolist()


def _per_image(*parts):
    counts = (np.bincount(part.labels.sum(axis=-1)).tolist() for part in parts)
    return tuple({n: count for n, count in enumerate(c) if count} for c in counts)


def _sizes(sizes):
    if not len(sizes):
        return {"smallest": None, "median": None, "largest": None, "distinct": 0}
    order = np.argsort(sizes.astype(np.int64).prod(axis=1), kind="stable")
    places = {"smallest": 0, "median": len(order) // 2, "largest": -1}
    found = {name: sizes[order[place]].tolist() for name, place in places.items()}
    return {**found, "distinct": len(np.unique(sizes, axis=0))}


def _listed(names, count=None):
    """The first few of some texts, and how many more there are."""
    more = (len(names) if count is None else count) - NAMED
    return "; ".join(map(str, names[:NAMED])) + (f"; {more} more" if more > 0 else "")
