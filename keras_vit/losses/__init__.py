"""Losses of what is asked of every pixel, and of boxes."""

from keras_vit.losses.dense_detection import DenseDetectionLoss
from keras_vit.losses.normalising import global_sum
from keras_vit.losses.objects import giou_loss, sigmoid_focal
from keras_vit.losses.pixels import (
    CrossentropyDice,
    PixelCrossentropy,
    PixelDice,
    PixelFocal,
)
from keras_vit.losses.sets import SetLoss

__all__ = [
    "CrossentropyDice",
    "DenseDetectionLoss",
    "PixelCrossentropy",
    "PixelDice",
    "PixelFocal",
    "SetLoss",
    "giou_loss",
    "global_sum",
    "sigmoid_focal",
]
