"""Moved to `keras_vit.costs.chips`; this name works for one more release."""

from keras_vit.costs.chips import PEAK_TFLOPS, UTILISATION  # noqa: F401
