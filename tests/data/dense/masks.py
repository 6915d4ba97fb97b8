"""Small sets of images and masks."""

import numpy as np
from PIL import Image

# The colours of PASCAL VOC: of a palette image, the index counts, not the colour.
PALETTE = [0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0] + [224] * 756


def mask(height=12, width=16, seed=0, classes=3):
    """Blocks of classes, and a column that is not counted."""
    drawn = np.random.default_rng(seed).integers(0, classes, (4, 4), np.uint8)
    array = np.kron(drawn, np.ones((height // 4, width // 4), np.uint8))
    array[:, 1] = 255
    return array


def coded(array):
    """An image of which every pixel says its class: 40 times the number."""
    return np.repeat((array * np.uint8(40))[..., None], 3, -1)


def save(path, array, mode=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(array)
    if mode == "P":
        image.putpalette(PALETTE)
    image.save(path)


def write_set(root, count=6, parts=("",), size=(12, 16), mode="P", classes=3):
    """`root/<part>/images` and `root/<part>/masks`; returns the masks by stem."""
    masks = {}
    for number in range(count):
        part = root / parts[number % len(parts)]
        array = masks[f"{number:02d}"] = mask(*size, seed=number, classes=classes)
        save(part / "images" / f"{number:02d}.png", coded(array))
        save(part / "masks" / f"{number:02d}.png", array, mode)
    return masks
