"""Moved to `keras_vit.reporting.card`; this name works for one more release."""

from keras_vit.reporting.card import model_card  # noqa: F401
