"""Trains a model that finds objects: from a folder of images and boxes to pictures.

    python examples/detect_objects.py                 # draws discs and squares first
    DATA=./trees python examples/detect_objects.py    # or a set of yours with boxes

On the command line the same is

    keras-vit train --task detection --data ./objects --image-size 64 --epochs 30
    keras-vit predict runs/objects-small-1 objects/test/images --overlay pictures
"""

import os
from pathlib import Path

import numpy as np
from PIL import Image

import keras_vit
from keras_vit.training import resolve, train

EPOCHS = int(os.environ.get("EPOCHS", 30))
IMAGES = int(os.environ.get("IMAGES", 480))
SIZE, CLASSES = 160, ("disc", "square")


def draw(root):
    """Shapes of any colour on tiles, with a line of YOLO's txt for each."""
    draws = np.random.default_rng(0)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    for number in range(IMAGES):
        folder = root / ("test" if number % 4 == 3 else "train")
        tiles = draws.uniform(90, 160, (SIZE // 8, SIZE // 8, 3))
        image, lines = tiles.repeat(8, axis=0).repeat(8, axis=1), []
        for _ in range(draws.integers(0, 4)):  # some images have no object
            shape, half = draws.integers(2), draws.integers(15, 33)
            y, x = draws.integers(half, SIZE - half, 2)
            down, right = abs(rows - y), abs(columns - x)
            far = np.hypot(down, right) if shape == 0 else np.maximum(down, right)
            image[far < half] += draws.choice([-80, 80], 3)
            # The class, the middle of the box and its sides, as shares of the image.
            box = np.array([x + 0.5, y + 0.5, 2 * half - 1, 2 * half - 1]) / SIZE
            lines.append(" ".join(map(str, [shape, *box])))
        for name in ("images", "labels"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(image.clip(0, 255).astype("uint8"))
        picture.save(folder / "images" / f"{number:03d}.png")
        (folder / "labels" / f"{number:03d}.txt").write_text("\n".join(lines))
    (root / "classes.txt").write_text("\n".join(CLASSES))
    return root


data = os.environ.get("DATA") or draw(Path("objects"))
# The network sees images of 64 pixels; boxes are those of the images as they are.
given = {"data": str(data), "task": "detection", "epochs": EPOCHS, "image_size": 64}
# With weights: given |= {"model": "ViT_S16", "weights": "augreg", "image_size": 512}
recipe, _ = resolve(given=given)
result = train(recipe)
evaluation = keras_vit.evaluation.evaluate_boxes(result.folder.path)
print(evaluation)
for found in keras_vit.detect(result.folder.path, str(data))[:3]:
    found.picture().save(f"{Path(found.file).stem}-boxes.png")
