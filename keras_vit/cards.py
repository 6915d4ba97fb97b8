"""Moved to `keras_vit.reporting.card`; this name goes on for one release."""

from keras_vit.reporting.card import model_card  # noqa: F401
