"""Tiny images and recipes, and training runs of a few updates."""

import dataclasses

import keras
import numpy as np
from PIL import Image

from keras_vit.training import Recipe, train

TINY = Recipe(
    epochs=2,
    batch_size=4,
    num_layers=1,
    hidden_dim=8,
    mlp_dim=8,
    num_heads=2,
    patch_size=4,
    dropout_rate=0.2,
    attention_dropout_rate=0.1,
    drop_path_rate=0.3,
    augment="crop_flip",
    jit_compile="no",
)


def write_images(root, seed=0, count=11):
    """Two classes, `count` grey images of 8x8 pixels each: dark and light ones."""
    random = np.random.default_rng(seed)
    for low, name in ((0, "dark"), (100, "light")):
        (root / name).mkdir(parents=True)
        for index in range(count):
            pixels = random.integers(low, low + 156, (8, 8)).astype("uint8")
            Image.fromarray(pixels).save(root / name / f"{index:02d}.png")
    return root


def write_masks(root, seed=0, count=11, size=(8, 12)):
    """Grey images and their masks: dark background, lighter blocks, unlabelled rows."""
    random = np.random.default_rng(seed)
    for index in range(count):
        mask = np.zeros(size, "uint8")
        mask[2:6, 2:7] = 1 + index % 2
        pixels = random.integers(0, 60, size) + 90 * mask
        mask[: index % 4] = 255  # unequal numbers of labelled pixels
        for name, values in (("images", pixels), ("masks", mask)):
            (root / name).mkdir(parents=True, exist_ok=True)
            image = Image.fromarray(values.astype("uint8"))
            image.save(root / name / f"{index:02d}.png")
    (root / "classes.txt").write_text("background\nleft\nright\n")
    return root


def write_boxes(root, seed=0, count=11, size=(16, 24)):
    """Dark grey images with up to two lighter rectangles, as YOLO txt."""
    random = np.random.default_rng(seed)
    height, width = size
    for index in range(count):
        pixels, lines = random.integers(0, 60, size), []
        for name in range(index % 3):  # in the first one there is nothing
            top, left = random.integers(0, 8, 2)
            pixels[top : top + 6, left : left + 8] += 80 * (1 + name)
            middle = (left + 4) / width, (top + 3) / height
            lines.append(f"{name} {middle[0]} {middle[1]} {8 / width} {6 / height}")
        for folder in ("images", "labels"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(pixels.astype("uint8"))
        image.save(root / "images" / f"{index:02d}.png")
        (root / "labels" / f"{index:02d}.txt").write_text("\n".join(lines))
    (root / "classes.txt").write_text("grey\nlight\n")
    return root


class Final(keras.callbacks.Callback):
    """Keeps every variable at the end of training."""

    def on_train_end(self, logs=None):
        model = self.model
        self.weights = model.get_weights()
        self.variables = [
            keras.ops.convert_to_numpy(v)
            for v in (*model.variables, *model.optimizer.variables)
        ]


def assert_same_bits(first, second):
    assert len(first) == len(second) > 0
    for one, other in zip(first, second):
        assert one.dtype == other.dtype and one.shape == other.shape
        assert one.tobytes() == other.tobytes()


@dataclasses.dataclass
class Run:
    """A finished run and its last variables."""

    result: object
    variables: list
    weights: list

    @property
    def history_text(self):
        return self.result.folder.history.read_text()


def finished(recipe, folder, *callbacks, **options):
    final = Final()
    result = train(recipe, folder, callbacks=[final, *callbacks], **options)
    return Run(result, final.variables, final.weights)
