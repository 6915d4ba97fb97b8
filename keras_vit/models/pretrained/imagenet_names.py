"""The names of ImageNet's classes, and predictions in those names."""

import functools
import gzip
from importlib import resources

import numpy as np
from keras import ops

_FILES = {1000: "imagenet2012.tsv.gz", 21843: "imagenet21k.tsv.gz"}
IMAGENET_SIZES = tuple(_FILES)


@functools.cache
def imagenet_classes(num_classes=1000):
    """The classes of ImageNet in the order of the published models' outputs.

    Args:
        num_classes: 1000 (ImageNet-1k) or 21843 (Google's ImageNet-21k).

    Returns:
        A tuple of pairs `(synset, name)`, such as `("n01440764", "tench, ...")`.

    Raises:
        ValueError: for another number of classes.
    """
    if num_classes not in _FILES:
        raise ValueError(
            "Class names are known for 1000 (ImageNet-1k) and 21843 (ImageNet-21k) "
            f"classes. Received: num_classes={num_classes}"
        )
    folder = resources.files("keras_vit.models") / "class_names"
    text = gzip.decompress((folder / _FILES[num_classes]).read_bytes()).decode()
    return tuple(tuple(line.split("\t")) for line in text.splitlines())


def decode_predictions(preds, top=5, class_names=None):
    """The most probable classes of each prediction, by name.

    Args:
        preds: Logits or probabilities, shape `(batch, num_classes)`. Rows that are
            not a probability distribution go through a softmax.
        top: Integer, how many classes to return.
        class_names: List of strings in the order of the outputs. Defaults to
            ImageNet's, for 1000 and 21843 classes.

    Returns:
        A list with, for each image, a list of `(class_id, name, probability)`, most
        probable first. `class_id` is the WordNet synset, or the class's number when
        `class_names` was given.

    Raises:
        ValueError: if the shape or `top` is wrong or the names are unknown.

    Example:

    >>> keras_vit.decode_predictions(np.eye(3)[:1], 2, ["cat", "dog", "owl"])
    [[(0, 'cat', 1.0), (1, 'dog', 0.0)]]
    """
    if not isinstance(top, (int, np.integer)) or isinstance(top, bool) or top < 1:
        raise ValueError(f"`top` must be a positive integer. Received: top={top!r}")
    preds = np.asarray(ops.convert_to_numpy(preds), "float64")
    if preds.ndim != 2:
        raise ValueError(
            "`preds` must have shape (batch, num_classes). "
            f"Received: preds.shape={preds.shape}"
        )
    if class_names is None:
        if preds.shape[1] not in _FILES:
            raise ValueError(
                "`class_names` must be given unless there are 1000 (ImageNet-1k) or "
                "21843 (ImageNet-21k) classes. "
                f"Received: preds.shape={preds.shape}"
            )
        classes = imagenet_classes(preds.shape[1])
    else:
        classes = list(enumerate(class_names))
        if len(classes) != preds.shape[1]:
            raise ValueError(
                "`class_names` must name every class. "
                f"Received: {len(classes)} names for {preds.shape[1]} classes"
            )
    results = []
    for row in preds:
        if row.min() < 0 or not np.isclose(row.sum(), 1, atol=1e-2):
            row = np.exp(row - row.max())
            row /= row.sum()
        best = np.argsort(-row, kind="stable")[:top]
        results.append([(*classes[i], float(row[i])) for i in best])
    return results
