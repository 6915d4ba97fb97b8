"""The steps of an input pipeline, by name.

Steps on images come first, then the value range, then steps on batches. Each takes and
makes images of 1 or 3 channels, and gives the same for the same seed, alone and in a
batch, eagerly and in a graph. See `base.py` for what a step is, and
`keras_vit.data.augmentation` for how to write a list of them.
"""

from keras_vit.data.steps.base import BatchStep, Crop, Step
from keras_vit.data.steps.corruption import CorruptPatches
from keras_vit.data.steps.geometry import (
    CentralCrop,
    Flip,
    InceptionCrop,
    Pad,
    RandomCrop,
    Resize,
    ResizeSmall,
)
from keras_vit.data.steps.mixing import CutMix, LabelSmoothing, Mixup
from keras_vit.data.steps.randaugment import RandAugment
from keras_vit.data.steps.values import RandomErasing, ValueRange

STEPS = {
    "resize": Resize,
    "resize_small": ResizeSmall,
    "central_crop": CentralCrop,
    "inception_crop": InceptionCrop,
    "pad": Pad,
    "random_crop": RandomCrop,
    "flip": Flip,
    "randaugment": RandAugment,
    "random_erasing": RandomErasing,
    "value_range": ValueRange,
    "mixup": Mixup,
    "cutmix": CutMix,
    "label_smoothing": LabelSmoothing,
    "corrupt_patches": CorruptPatches,
}

__all__ = ["STEPS", "BatchStep", "Crop", "Step"]
__all__ += [kind.__name__ for kind in STEPS.values()]
