"""Small images, and the bytes of their files."""

import io

import numpy as np
from PIL import Image


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
