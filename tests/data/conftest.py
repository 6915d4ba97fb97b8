"""Small images and folders for the tests of the data package."""

import io

import numpy as np
import pytest
from PIL import Image

import keras_vit.data


def picture(height=24, width=32, channels=3, seed=0):
    """A smooth image, so that JPEG doesn't spoil it: uint8 (H, W) or (H, W, C)."""
    y, x = np.mgrid[:height, :width]
    waves = [
        127 + 100 * np.sin((seed + 1) * (x / (9 + 2 * i) + y / (7 + 3 * i)) + i)
        for i in range(channels)
    ]
    array = np.stack(waves, -1).astype(np.uint8)
    return array[..., 0] if channels == 1 else array


def encode(array, kind="PNG", **options):
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


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

    monkeypatch.setattr("keras_vit.data.downloads.answer", refuse)
