"""A source: one split of a data set, ready to be turned into batches."""

import hashlib
import os

import numpy as np
import tensorflow as tf

from keras_vit.common.checks import check_choice
from keras_vit.common.wording import canonical, display
from keras_vit.data.decoding.jpeg_png import data_of
from keras_vit.data.graphs import as_written
from keras_vit.data.pipeline.batches import batches
from keras_vit.data.pipeline.reading_once import decode_all, leave_out
from keras_vit.data.readers.records import MEMORY_BUDGET, RecordStore
from keras_vit.data.readers.request import batch_order, in_order, usable_batch_size
from keras_vit.data.readers.stores import BytesStore, FileStore
from keras_vit.data.showing import show_source, source_html
from keras_vit.data.steps.augmentations import augmentation
from keras_vit.data.steps.preprocessing import evaluation_steps
from keras_vit.data.subsets import Subset


class Source:
    """One split of a data set. Made by `keras_vit.data.load` and related functions.

    Attributes:
        task: What its examples are for: "classification".
        name, split: The data set's name or the folder's path; the split's name.
        class_names: List of strings; the label is the place in it.
        num_classes: Integer.
        num_examples: Integer, images left out not counted.
        num_channels: 1 if all images are grey as far as known, else 3.
        image_size: (height, width) if all images share it, else None.
        skipped: The images that were left out: tuple of (name, reason).

    Example:

    >>> train = keras_vit.data.load("fashion_mnist_mini:train")
    >>> batches = train.batches(128, image_size=28, training=True, seed=0)
    >>> model.fit(batches, steps_per_epoch=train.steps_per_epoch(128), epochs=10)
    """

    task = "classification"

    def __init__(self, store, name, split, class_names, num_channels, skipped=()):
        self.name, self.split = name, split
        self.class_names = list(map(canonical, class_names))
        self.num_channels = num_channels
        self.skipped = tuple(skipped)
        self._store = store
        self._pixels = None  # (the decoded store or None,) once that was tried

    def __repr__(self):
        return (
            f"<{type(self).__name__} {display(self.name)}:{self.split}, "
            f"{self.num_examples} examples, {self.num_classes} classes>"
        )

    def _repr_html_(self):
        return source_html(self)

    @property
    def store(self):
        """Where the examples lie; see `keras_vit.data.readers`.

        Records that fit in memory are read first.
        """
        if isinstance(self._store, RecordStore) and self._store.fits:
            self._store = self._store.read()
        return self._store

    def with_store(self, store, *, split: str | None = None) -> "Source":
        """The same classes with the examples of another store."""
        names = (self.name, split or self.split, self.class_names, self.num_channels)
        return type(self)(store, *names, self.skipped)

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @property
    def num_examples(self) -> int:
        return self._store.num_examples

    @property
    def image_size(self) -> tuple[int, int] | None:
        """(height, width) if all images share it, as far as known; else None."""
        shape = self._store.image_shape
        return tuple(int(length) for length in shape[:2]) if shape else None

    @property
    def files(self) -> list[str] | None:
        """The files of a folder, relative to it, sorted; None for other sources."""
        if not isinstance(self._store, FileStore):
            return None
        return [display(file) for file in self._store.files]

    @property
    def folder(self) -> str | None:
        """The folder that `files` are relative to; None for other sources."""
        return self._store.root if isinstance(self._store, FileStore) else None

    @property
    def paths(self) -> list[str] | None:
        """Where `files` lie, as the system knows them; None for other sources."""
        if self.folder is None:
            return None
        files = map(os.fsdecode, self._store.files)
        return [os.path.join(self.folder, file) for file in files]

    @property
    def files_sha256(self) -> str | None:
        """The SHA-256 of the names of `files`, one a line; None without files."""
        if self.files is None:
            return None
        return hashlib.sha256("\n".join(self.files).encode()).hexdigest()

    @property
    def labels(self) -> np.ndarray | None:
        """The labels, `int64` `(N,)`; None for sets that are read in a stream."""
        return getattr(self.store, "labels", None)

    @property
    def groups(self) -> np.ndarray | None:
        """The group of each example, strings `(N,)`; None where they are not grouped.

        See `group_by` of `keras_vit.data.load`.
        """
        return getattr(self._store, "groups", None)

    def examples(self, every: int = 1) -> tf.data.Dataset:
        """The examples in their stored order.

        Args:
            every: Integer, only the first of so many is read; where the set is
                streamed, the others are read and dropped. Defaults to 1, all.

        Returns:
            Dataset of `{"image", "label", "id"}`: the encoded image (a string) or, for
            arrays, the `uint8` pixels; `int64`; a file name or another identifier.
        """

        @as_written
        def named(item):
            return {"image": data_of(item), "label": item["label"], "id": item["id"]}

        return in_order(self.store, every).map(named)

    def show(self, count: int = 24, *, seed: int | None = None):
        """Draws some of the images, with their classes above them.

        Args:
            count: Positive integer, at most 100 images.
            seed: None for images evenly spaced over the stored order; or an integer, by
                which they are drawn.

        Returns:
            A matplotlib `Figure`, which a notebook shows and `savefig` writes.

        Raises:
            ImportError: without matplotlib, saying how to install it.

        Example:

        >>> keras_vit.data.load("fashion_mnist_mini:train").show()
        """
        return show_source(self, count, seed)

    def steps_per_epoch(self, batch_size: int) -> int:
        """Training steps in an epoch: full batches, or one of the whole set."""
        size = usable_batch_size(batch_size, self.num_examples, True)
        return self.num_examples // size

    def batches(
        self,
        batch_size: int,
        *,
        image_size=None,
        preprocessing=None,
        training: bool = False,
        seed: int = 0,
        sampling: str = "shuffled",
        augment="auto",
        num_channels: int = 3,
        start_step: int = 0,
        epochs: int | None = None,
        drop_remainder: bool | None = None,
        cache: bool | str = "auto",
        part: tuple[int, int] | None = None,
    ) -> tf.data.Dataset:
        """Batches for `fit`, `evaluate` and `predict`.

        In training, each epoch has an order of its own, in which every example comes at
        most once; all batches are full (what is left over changes from epoch to epoch).
        The order is a function of `seed` and epoch, and what `augment` does to an image
        is a function of `seed`, epoch and image. So a stream that starts at
        `start_step` gives, bit for bit, what an uninterrupted one gives from there on.
        In evaluation, every example comes once, in the stored order; the last batch
        may be short.

        Args:
            batch_size: Integer. A set smaller than a training batch is one batch.
            image_size: Integer or (height, width), pixels: the usual evaluation steps.
            preprocessing: Or the evaluation steps themselves: a `Preprocessing` or its
                JSON. Training takes size, channels and range from it.
            training: Whether to shuffle and augment.
            seed: Integer.
            sampling: Which examples training draws: `"shuffled"`, or `"balanced"` for
                all classes equally often: in every row of so many draws each class
                comes once, and of a class each example once before any comes again. An
                epoch is as many draws as there are examples.
            augment: What training does to the images, by name, in a string or as a list
                of steps; see `keras_vit.data.augmentation`. Not used in evaluation.
            num_channels: 1 or 3, with `image_size`. Defaults to `3`.
            start_step: Integer, number of training batches to leave out, counted over
                all epochs.
            epochs: Integer, training epochs until the stream ends (`start_step` counts
                as if it had been read), or None for no end: then give `fit` its
                `steps_per_epoch`.
            drop_remainder: Whether evaluation leaves out a short last batch. Training
                always does.
            cache: Whether to keep decoded images in memory: `"auto"` if all have one
                shape and fit in 512 MiB, `True` if all have one shape, or `False`. The
                batches are the same.
            part: (index, count): of every batch only this of its equal parts, and in
                evaluation full batches with weights; see
                `keras_vit.data.pipeline.batches`.

        Returns:
            Dataset of (images, labels): `float32` `(B, H, W, C)`, `[-1, 1]` unless
            `preprocessing` says otherwise; `int32` `(B,)`, or `float32` `(B,
            num_classes)` after mixup, cutmix or label smoothing. With the step
            `CorruptPatches` in `preprocessing`, of what it makes. Its cardinality is
            known.

        Raises:
            ValueError: if an argument is wrong, or balanced draws are asked of a set
                that is read in a stream or whose images have not one class each.
        """
        check_choice(sampling, ("shuffled", "balanced"), "sampling")
        balanced = sampling == "balanced" and training
        if balanced:
            self._check_single_class()
        size = usable_batch_size(batch_size, self.num_examples, training)
        steps = evaluation_steps(image_size, preprocessing, num_channels)
        if training:
            steps = augmentation(augment, steps)
        order = batch_order(
            *(self.num_examples, size, training, seed, start_step, epochs),
            drop_remainder,
            balanced,
        )
        store = self._cached(cache)
        targets = self._targets(steps)
        return batches(store, order, steps, size, self.num_classes, part, targets)

    def without_corrupt(self, progress=None) -> "Source":
        """Reads every image once and leaves out the broken ones.

        Args:
            progress: None, or a function that is called with (images read, images in
                all), for a progress bar.

        Returns:
            A source; its `skipped` names what was left out.
        """
        store, skipped = leave_out(self.store, self.name, progress)
        source = self.with_store(store)
        source.skipped += skipped
        return source

    def examples_per_class(self) -> dict[str, int]:
        """The number of examples of each class, by its name.

        Of a set that is read in a stream, the labels are read once for this.
        """
        labels, _ = self.store.label_table()
        counts = np.bincount(labels, minlength=self.num_classes)
        return dict(zip(self.class_names, counts.tolist()))

    def amount_per_class(self) -> np.ndarray:
        """How much there is of each class, for weights: the number of its images."""
        return np.array(list(self.examples_per_class().values()))

    def file_names(self) -> list[str] | None:
        """The names of the images' original files, in the order of `examples`.

        None where they are not known: of arrays, and of TFDS sets without them.
        """
        return self.store.file_names()

    def take_fraction(self, fraction: float, *, seed: int = 0) -> "Source":
        """A part in which all classes keep their shares, as nearly as whole images can.

        For one seed, the parts are nested: the 1 % is inside the 10 %. Also written
        `"cifar10:train,fraction=1%,seed=0"`.

        Args:
            fraction: Share of the examples, in (0, 1]. At least one example is taken.
            seed: Integer. Which examples come depends on it and on their names only.

        Returns:
            A source, in the stored order. Of a set that is read in a stream, the labels
            are read once, and the part is then kept in memory.

        Raises:
            ValueError: if the part of a streamed set is larger than 4 GiB.

        Example:

        >>> tenth = train.take_fraction(0.1, seed=0)
        """
        return self._take(Subset(fraction=fraction, seed=seed))

    def take_per_class(self, count: int, *, seed: int = 0) -> "Source":
        """A part with `count` examples of every class.

        For one seed, the parts are nested. Also written
        `"cifar10:train,per_class=10,seed=0"`.

        Args:
            count: Positive integer, at most the size of the smallest class.
            seed: As for `take_fraction`.

        Returns:
            A source, as `take_fraction` gives.
        """
        return self._take(Subset(per_class=count, seed=seed))

    def _take(self, subset):
        places = subset.places(*self.store.label_table(), self.class_names)
        return self.with_store(self.store.select(places), split=f"{self.split}{subset}")

    def _check_single_class(self):
        """Raises unless every example has one class, known before it is read."""
        if getattr(self.labels, "ndim", None) != 1:
            raise ValueError(
                "`sampling='balanced'` draws classes, so each image must have one, "
                f"known beforehand. {display(self.name)}:{self.split} has several for "
                "an image, or is read in a stream. Use sampling='shuffled'; of a "
                "streamed set a part fits in memory, such as 'NAME:train,fraction=10%'."
            )

    def _targets(self, steps):
        """What `pipeline.batches` takes through the steps with the images, or None."""
        return None

    def _cached(self, cache):
        """The store to read batches from: decoded, where possible and wanted."""
        check_choice(cache, ("auto", True, False), "cache")
        budget = {"auto": MEMORY_BUDGET, True: float("inf"), False: 0}[cache]
        store, shape = self.store, self.store.image_shape
        if not isinstance(store, FileStore | BytesStore) or shape is None:
            return store
        if store.num_examples * int(np.prod(shape)) > budget:
            return store
        if self._pixels is None:
            self._pixels = (decode_all(store),)
        return self._pixels[0] or store
