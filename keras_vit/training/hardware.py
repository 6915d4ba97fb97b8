"""Moved to `keras_vit.costs.chips`; this name goes on for one release."""

from keras_vit.costs.chips import PEAK_TFLOPS, UTILISATION  # noqa: F401
