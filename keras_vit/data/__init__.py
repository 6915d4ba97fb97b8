"""Data: a name to batches. Needs TensorFlow for tf.data, whatever the backend is."""

from keras_vit.data import steps
from keras_vit.data.arrays import from_arrays
from keras_vit.data.augmentations import AUGMENTATIONS, augmentation, augreg_name
from keras_vit.data.images import load_image, load_images
from keras_vit.data.loading import load, load_splits, splits
from keras_vit.data.pipeline import corrupt_message
from keras_vit.data.presets import Preprocessing, preprocessing
from keras_vit.data.source import Source
from keras_vit.data.step_text import steps_from_text, steps_to_text

__all__ = [
    "AUGMENTATIONS",
    "Preprocessing",
    "Source",
    "augmentation",
    "augreg_name",
    "corrupt_message",
    "from_arrays",
    "load",
    "load_image",
    "load_images",
    "load_splits",
    "preprocessing",
    "splits",
    "steps",
    "steps_from_text",
    "steps_to_text",
]
