"""Moved to `keras_vit.inference`; this name works for one more release."""

from keras_vit.inference.inputs import *  # noqa: F403
from keras_vit.inference.loaded import *  # noqa: F403
from keras_vit.inference.predicting import *  # noqa: F403
