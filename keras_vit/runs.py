"""Moved to `keras_vit.reporting.runs`; this name works for one more release."""

from keras_vit.reporting.runs import *  # noqa: F403
