"""What files of keras.applications say of their images, in arrays of a layer."""

import re

import numpy as np

from keras_vit.checkpoints.configs.reading import Description
from keras_vit.checkpoints.preparation import SCALINGS, Preparation

_MEAN = re.compile(r"normalization(?:_\d+)?/mean")


def described(values, layout, checkpoint):
    """A `Description` of a file of Keras: the scaling of its layer `normalization`.

    Where Keras's own EfficientNets keep ImageNet's deviation, their file calls it a
    variance; a layer behind divides by its root a second time.
    """
    names = [name for name in checkpoint.ignored if _MEAN.fullmatch(name)]
    if not names:
        return Description()
    layer = names[0].removesuffix("mean")
    mean, variance = (
        np.ravel(checkpoint.arrays.read(layer + name)).astype("float64")
        for name in ("mean", "variance")
    )
    imagenet = SCALINGS["imagenet"][1]
    as_deviation = variance.shape == (3,) and np.allclose(variance, imagenet, atol=1e-4)
    deviation = variance if as_deviation else np.sqrt(variance)
    if as_deviation:
        mean, deviation = SCALINGS["imagenet"]
    return Description(preparation=Preparation(tuple(mean), tuple(deviation)))
