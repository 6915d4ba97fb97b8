"""Moved to `keras_vit.costs.summary`; this name goes on for one release."""

from keras_vit.costs.summary import ModelFacts, summary  # noqa: F401
