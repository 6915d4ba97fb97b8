"""A small model and a source that its answers are checked on."""

import keras
import pytest
from tiny_models import NAMES, numbered, tiny


@pytest.fixture(scope="package")
def model():
    keras.utils.set_random_seed(0)
    return tiny()


@pytest.fixture(scope="package")
def data():
    return numbered(names=NAMES)
