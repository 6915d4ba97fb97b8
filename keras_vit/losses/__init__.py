"""Losses of what is asked of every pixel."""

from keras_vit.losses.pixels import (
    CrossentropyDice,
    PixelCrossentropy,
    PixelDice,
    PixelFocal,
)

__all__ = ["CrossentropyDice", "PixelCrossentropy", "PixelDice", "PixelFocal"]
