"""The classes of a report's images, with their probabilities."""

import numpy as np

from keras_vit.devices import current
from keras_vit.inference.predicting import class_probabilities, output_kind

# Images in memory at a time.
BATCH = 16


def probabilities(model, images):
    """Probabilities of the classes: float64 `(B, K)`.

    Raises:
        ValueError: if the model tells no classes.
    """
    kind = output_kind(model)
    starts = range(0, len(images), BATCH)
    parts = [current().outputs(model, images[i : i + BATCH]) for i in starts]
    return class_probabilities(np.concatenate(parts), kind)


def best_classes(row, names, top):
    """The most probable classes of one image, as the page shows them."""
    best = np.argsort(-row, kind="stable")[:top]
    return [
        {
            "index": int(i),
            "name": names[i],
            "share": float(row[i]),
            "text": text(row[i]),
        }
        for i in best
    ]


def text(share):
    """A probability as percent; never 0 or 100 % where it is not."""
    if 0 < share < 0.001:
        return "< 0.1 %"
    if 0.999 < share < 1:
        return "> 99.9 %"
    return f"{100 * share:.1f} %"
