"""Moved to `keras_vit.costs.hardware`; this name goes on for one release."""

from keras_vit.costs.hardware import PEAK_TFLOPS, UTILISATION  # noqa: F401
