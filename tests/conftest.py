"""Quiet logs and fixed seeds for every test."""

import logging
import os

# Before Keras is imported anywhere.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import pytest


def pytest_configure(config):
    # Keras reads TensorFlow's variables in a way that NumPy 2 calls old.
    ignore = "ignore:__array__ implementation doesn't accept:DeprecationWarning"
    config.addinivalue_line("filterwarnings", ignore)


@pytest.fixture(autouse=True)
def same_log():
    """The command line gives the package's log a handler; other tests want none."""
    logger = logging.getLogger("keras_vit")
    before = logger.handlers[:], logger.level, logger.propagate
    yield
    logger.handlers[:], logger.level, logger.propagate = before


@pytest.fixture(autouse=True)
def fixed_seeds():
    keras.utils.set_random_seed(0)
    yield
    keras.config.set_dtype_policy("float32")
    keras.config.set_image_data_format("channels_last")
