"""Moved to `keras_vit.certificates`; this name works for one more release."""

from keras_vit.certificates.certificate import *  # noqa: F403
