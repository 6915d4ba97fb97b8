"""A folder of tiny images, and a run on it that was never interrupted."""

import dataclasses

import pytest
from tiny_runs import TINY, finished, write_images


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("images") / "photos of mine")


@pytest.fixture(scope="session")
def tiny(images):
    """Four updates an epoch, eight in all."""
    return dataclasses.replace(TINY, data=str(images))


@pytest.fixture(scope="session")
def uninterrupted(tiny, tmp_path_factory):
    return finished(tiny, tmp_path_factory.mktemp("runs") / "whole")
