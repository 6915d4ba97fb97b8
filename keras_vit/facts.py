"""Moved to `keras_vit.costs.summary`; this name works for one more release."""

from keras_vit.costs.summary import ModelFacts, summary  # noqa: F401
