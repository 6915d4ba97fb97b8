"""Images with masks in memory, and a model that reads the class off each pixel."""

import keras
import numpy as np

NAMES = ["background", "cat", "dog"]
SHADES = np.array([0, 128, 255], "uint8")  # the pixels of each class


class Masks:
    """What `evaluate_segmentation` takes: names of classes, and pairs.

    Args:
        masks: List of uint8 arrays, the truth.
        seen: List of such arrays, what a model of shades will say.
    """

    name, split = "shades", "test"

    def __init__(self, masks, seen, class_names=NAMES, channels=1):
        self.masks, self.seen, self.channels = masks, seen, channels
        self.class_names = list(class_names)
        self.num_examples = len(masks)

    def pairs(self):
        for place, (mask, seen) in enumerate(zip(self.masks, self.seen)):
            image = np.repeat(SHADES[seen][..., None], self.channels, axis=-1)
            yield image, mask, f"image {place}.png"


def drawn(count=7, seed=0, ignored=0.1):
    """Masks of different sizes, some pixels not counted, and wrong answers for them."""
    random = np.random.default_rng(seed)
    masks, seen = [], []
    for place in range(count):
        size = (6 + place, 9 + 2 * (place % 3))
        mask = random.integers(0, 1 + place % 3, size).astype("uint8")
        said = np.where(random.random(size) < 0.7, mask, random.integers(0, 3, size))
        mask[random.random(size) < ignored] = 255
        masks.append(mask)
        seen.append(said.astype("uint8"))
    return masks, seen


def shades(names=NAMES):
    """A model of every size: the class whose shade is the nearest to a pixel."""
    images = keras.Input((None, None, 1))
    layer = keras.layers.Conv2D(3, 1)
    model = keras.Model(images, layer(images))
    layer.set_weights([np.array([[[[-1.0, 0.0, 1.0]]]]), np.array([0.0, 0.5, 0.0])])
    return Named(model, names)


def Named(model, names):
    """A model of this package's kind, which knows the names of its classes."""
    from keras_vit.models.vision_model import VisionModel

    named = VisionModel(model.input, model.output)
    named.metadata["class_names"] = list(names)
    return named
