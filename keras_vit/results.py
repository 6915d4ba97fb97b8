"""Moved to `keras_vit.reporting.results`; this name works for one more release."""

from keras_vit.reporting.results import logger, write_results  # noqa: F401
