"""Sources of images with several labels each."""

import numpy as np

from keras_vit.data.readers.stores import PixelStore
from keras_vit.data.source import Source
from keras_vit.data.steps.mixing import LabelSmoothing


class MultiLabelSource(Source):
    """One split of a data set whose images have any number of labels.

    Made by `keras_vit.data.load` with `task="multilabel"`, and by `from_arrays` of
    labels `(N, classes)`. It has what `keras_vit.data.Source` has, but `labels` is
    `int64` `(N, classes)` of 0 and 1, and the labels of `batches` are `float32` `(B,
    classes)`, which mixup and cutmix blend.

    Attributes:
        task: "multilabel".

    Example:

    >>> train = keras_vit.data.load("./photos/labels.csv:train", task="multilabel")
    >>> train.labels[0], train.class_names
    (array([1, 0, 1]), ['cat', 'dog', 'indoors'])
    """

    task = "multilabel"

    def examples_per_class(self):
        """The number of examples with each label, by its name."""
        labels, _ = self.store.label_table()
        return dict(zip(self.class_names, labels.sum(axis=0).tolist()))

    def examples_per_count(self) -> dict[int, int]:
        """How many examples have no label, one, two and so on."""
        labels, _ = self.store.label_table()
        counts = np.bincount(labels.sum(axis=1))
        return {number: int(n) for number, n in enumerate(counts) if n}

    def take_per_class(self, count: int, *, seed: int = 0):
        """Raises a ValueError: an image of several labels is in several classes."""
        raise ValueError(
            "`take_per_class` needs one class for each image, and an image with "
            "several labels has several. Use take_fraction."
        )

    def _take(self, subset):
        if subset.per_class is not None:
            return self.take_per_class(subset.per_class)
        return super()._take(subset)

    def _targets(self, steps):
        if any(isinstance(step, LabelSmoothing) for step in steps.batch_steps):
            raise ValueError(
                "The step label_smoothing spreads one label over all classes, and "
                "these images have several. Give a recipe's label_smoothing "
                "(--label-smoothing), which moves each answer towards a half."
            )
        return None


def of_label_sets(images, labels, class_names, name):
    """A source of images in memory; see `keras_vit.data.from_arrays`."""
    values = labels.astype(np.int64)
    if len(values) != len(images) or not np.isin(labels, (0, 1)).all():
        raise ValueError(
            "`labels` of several classes must be 0 and 1, a row for each image. "
            f"Received: {labels.dtype}, {labels.shape} for {len(images)} images, "
            f"values from {labels.min()} to {labels.max()}"
        )
    if class_names is None:
        class_names = [str(i) for i in range(values.shape[1])]
    if len(class_names) != values.shape[1]:
        raise ValueError(
            "`class_names` must name each column of `labels`. "
            f"Received: {len(class_names)} names for {values.shape[1]} columns"
        )
    store = PixelStore(images, values)
    return MultiLabelSource(store, name, "all", class_names, images.shape[-1])
