"""Masked patch prediction: a backbone learns from images without labels."""

from keras_vit.pretraining.colours import bin_colours, colour_classes
from keras_vit.pretraining.losses import MaskedPatchLoss
from keras_vit.pretraining.metrics import (
    CommonestColour,
    MaskedPatchAccuracy,
    VisibleNeighbours,
    masked_patch_metrics,
)
from keras_vit.pretraining.model import (
    MaskedPatchPrediction,
    corruption_step,
    example_targets,
    is_pretraining,
)
from keras_vit.pretraining.mosaic_pictures import mosaics
from keras_vit.pretraining.targets import TARGETS

__all__ = [
    "TARGETS",
    "CommonestColour",
    "MaskedPatchAccuracy",
    "MaskedPatchLoss",
    "MaskedPatchPrediction",
    "VisibleNeighbours",
    "bin_colours",
    "colour_classes",
    "corruption_step",
    "example_targets",
    "is_pretraining",
    "masked_patch_metrics",
    "mosaics",
]
