"""Trains a model that gives a class to every pixel: from a folder to masks.

    python examples/segment_photos.py                 # draws discs and squares first
    DATA=./cells python examples/segment_photos.py    # or images/ and masks/ of yours

On the command line the same is

    keras-vit train --task segmentation --data ./shapes --epochs 20 --run runs/shapes
    keras-vit predict runs/shapes shapes/test/images --out masks --overlay pictures
"""

import os
from pathlib import Path

import numpy as np
from PIL import Image

import keras_vit
from keras_vit.training import resolve, train

EPOCHS = int(os.environ.get("EPOCHS", 20))
IMAGES = int(os.environ.get("IMAGES", 240))
SIZE, CLASSES = 64, ("background", "disc", "square")


def draw(root):
    """Shapes of any colour on noise; nobody has labelled the strip at their borders."""
    draws = np.random.default_rng(0)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    for number in range(IMAGES):
        folder = root / ("test" if number % 4 == 3 else "train")
        image = draws.uniform(90, 160, (SIZE, SIZE, 3))
        mask = np.zeros((SIZE, SIZE), "uint8")
        for _ in range(draws.integers(1, 4)):
            shape, half = draws.integers(1, 3), draws.integers(8, 16)
            down, right = rows - draws.integers(SIZE), columns - draws.integers(SIZE)
            far = np.hypot(down, right) if shape == 1 else abs(down)
            far = far if shape == 1 else np.maximum(far, abs(right))
            image[far < half] += draws.uniform(-90, 90, 3)
            mask[far < half + 1] = 255  # not counted
            mask[far < half - 1] = shape
        for name, pixels in (("images", image.clip(0, 255)), ("masks", mask)):
            (folder / name).mkdir(parents=True, exist_ok=True)
            picture = Image.fromarray(pixels.astype("uint8"))
            picture.save(folder / name / f"{number:03d}.png")
    (root / "classes.txt").write_text("\n".join(CLASSES))
    return root


data = os.environ.get("DATA") or draw(Path("shapes"))
given = {"data": str(data), "task": "segmentation", "epochs": EPOCHS}
# With weights: given |= {"model": "ViT_S16", "weights": "augreg", "image_size": 512}
recipe, _ = resolve(given=given)
result = train(recipe)
evaluation = keras_vit.evaluation.evaluate_masks(result.folder.path)
print(evaluation)
for found in keras_vit.segment(result.folder.path, str(data))[:3]:
    picture = keras_vit.overlay(found.image, found.mask, found.class_names)
    picture.save(f"{Path(found.file).stem}-classes.png")
