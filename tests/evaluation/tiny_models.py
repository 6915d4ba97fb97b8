"""Small models, and sources that their answers are checked on."""

import keras
import numpy as np

import keras_vit

NAMES = ["dark", "grey", "light"]


def tiny(num_classes=3, **options):
    """A ViT with a random head instead of zeros."""
    settings = {"patch_size": 4, "num_layers": 1, "hidden_dim": 8, "mlp_dim": 8}
    settings.update(num_heads=2, image_size=8, num_channels=1)
    model = keras_vit.ViT(num_classes, **{**settings, **options})
    randomise(model)
    return model


def randomise(model, seed=3):
    random = np.random.default_rng(seed)
    for layer in model.layers:
        if layer.name == "head":
            layer.set_weights(
                [random.normal(size=w.shape) for w in layer.get_weights()]
            )


def numbered(count=23, num_classes=3, names=None, seed=1, channels=1):
    """A source of random images, its images and its labels."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (count, 8, 8, channels)).astype("uint8")
    labels = np.arange(count) % num_classes
    random.shuffle(labels)
    names = names or [f"class {k}" for k in range(num_classes)]
    return keras_vit.data.from_arrays(images, labels, names), images, labels


def scaled(images):
    return images.astype("float32") / 127.5 - 1


def logits_of(model, images):
    return keras.ops.convert_to_numpy(model(scaled(images))).astype("float64")
