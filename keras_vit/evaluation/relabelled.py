"""ReaL accuracy on the images of ImageNet's validation set."""

import numpy as np

from keras_vit.data import real_labels
from keras_vit.evaluation.metrics import real_accuracy
from keras_vit.models import imagenet_classes


def real_accuracy_on(source, predicted, class_names):
    """The ReaL accuracy of predictions for a source.

    Args:
        source: A `keras_vit.data.Source`.
        predicted: Integer array `(N,)`, a class for each example.
        class_names: List of strings, the names of those classes.

    Returns:
        Float in `[0, 1]`, or `None` where there is none: of other images than those of
        ImageNet's validation set, by their file names, or where the classes do not say
        which of ImageNet's they are.
    """
    numbers = _numbers(class_names)
    if numbers is None:
        return None
    try:
        labels = real_labels(source)
    except ValueError:  # other images
        return None
    if not any(labels):
        return None
    return real_accuracy(np.asarray(numbers)[predicted], labels)


def _numbers(class_names):
    """The number of each class among ImageNet's 1000; `None` for other classes.

    They are known by their synsets, such as n01440764, or as all numbers in order.
    """
    known = {synset: number for number, (synset, _) in enumerate(imagenet_classes())}
    if list(class_names) == [str(number) for number in range(len(known))]:
        return list(range(len(known)))
    if not all(name in known for name in class_names):
        return None
    return [known[name] for name in class_names]
