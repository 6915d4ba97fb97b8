"""Tiny images, and a tiny recipe to search around."""

import dataclasses
import sys
from pathlib import Path

import pytest

pytest.importorskip("keras_tuner")

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))

from tiny_runs import TINY, write_images

from keras_vit.tuner import Between, Choices

# Two fields, one of which does nothing to the time that a trial takes.
SPACE = {
    "learning_rate": Between(1e-4, 1e-2),
    "augment": Choices(("none", "flip", "crop_flip")),
}


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("images") / "photos of mine")


@pytest.fixture(scope="session")
def tiny(images):
    return dataclasses.replace(TINY, data=str(images), dropout_rate=0.0)


@pytest.fixture(scope="session")
def space():
    return SPACE
