"""A folder and a source of small images, and no network."""

import numpy as np
import pytest
from pictures import encode, picture

import keras_vit.data


@pytest.fixture
def folder(tmp_path):
    """20 cats and 10 dogs of varied sizes, PNG and JPEG."""
    root = tmp_path / "my photos"
    for label, (name, count) in enumerate({"cat": 20, "dog": 10}.items()):
        (root / name).mkdir(parents=True)
        for i in range(count):
            array = picture(20 + i, 30 - i, seed=i + 100 * label)
            kind = ("PNG", "JPEG")[i % 2]
            (root / name / f"{i:02d} é.{kind.lower()}").write_bytes(encode(array, kind))
    return root


@pytest.fixture
def arrays():
    """A source of 23 numbered grey images: all pixels of image i are i."""
    images = np.tile(np.arange(23, dtype=np.uint8)[:, None, None], (1, 6, 8))
    return keras_vit.data.from_arrays(images, np.arange(23) % 3, ["a", "b", "c"])


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Nothing here may ask a host."""

    def refuse(url):
        raise AssertionError(f"the tests asked for {url}")

    monkeypatch.setattr("keras_vit.data.sets.downloads.answer", refuse)
