"""Moved to `keras_vit.costs.flops`; this name works for one more release."""

from keras_vit.costs.flops import *  # noqa: F403
