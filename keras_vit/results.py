"""Moved to `keras_vit.reporting.results`; this name goes on for one release."""

from keras_vit.reporting.results import logger, write_results  # noqa: F401
