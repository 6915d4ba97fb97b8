"""Data: a name to batches. Needs TensorFlow for tf.data, whatever the backend is."""

from keras_vit.data import steps
from keras_vit.data.describing import Description, describe, list_datasets
from keras_vit.data.loading import from_arrays, load, load_splits, splits
from keras_vit.data.pipeline.complete import corrupt_message
from keras_vit.data.pipeline.images import load_image, load_images
from keras_vit.data.pipeline.masked import corrupt_patches
from keras_vit.data.real import real_labels
from keras_vit.data.source import Source
from keras_vit.data.steps.augmentations import AUGMENTATIONS, augmentation, augreg_name
from keras_vit.data.steps.preprocessing import Preprocessing, preprocessing
from keras_vit.data.steps.spelling import steps_from_text, steps_to_text
from keras_vit.data.subsets import hold_out

__all__ = [
    "AUGMENTATIONS",
    "Description",
    "Preprocessing",
    "Source",
    "augmentation",
    "augreg_name",
    "corrupt_message",
    "corrupt_patches",
    "describe",
    "from_arrays",
    "hold_out",
    "list_datasets",
    "load",
    "load_image",
    "load_images",
    "load_splits",
    "preprocessing",
    "real_labels",
    "splits",
    "steps",
    "steps_from_text",
    "steps_to_text",
]
