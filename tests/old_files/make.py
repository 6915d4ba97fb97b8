"""Writes the files of this folder: run with the version of the package to be kept.

python tests/old_files/make.py FOLDER
"""

import os
import signal
import sys
from pathlib import Path

import keras
import numpy as np

import keras_vit
from keras_vit.training import Interrupted, Recipe, train

TRANSFORMER = dict(num_layers=2, hidden_dim=16, mlp_dim=16, num_heads=2)

MODELS = {
    "vit": lambda: keras_vit.ViT(
        3, image_size=(8, 12), patch_size=4, num_channels=1, **TRANSFORMER
    ),
    "bit": lambda: keras_vit.BiT(
        3, image_size=32, num_blocks=(1,), width_factor=0.5, num_channels=1
    ),
    "hybrid": lambda: keras_vit.HybridViT(
        3,
        image_size=32,
        num_blocks=(),
        width_factor=0.5,
        hidden_dim=16,
        mlp_dim=16,
        num_heads=2,
        num_layers=1,
    ),
}

RECIPE = Recipe(
    total_steps=6,
    evaluate_every=4,
    batch_size=16,
    ema_momentum=0.9,
    augment="crop_flip",
    jit_compile="no",
    **TRANSFORMER,
)


class Stop(keras.callbacks.Callback):
    """Asks the run to stop after its fifth update, inside the second epoch."""

    updates = 0

    def on_train_batch_end(self, batch, logs=None):
        self.updates += 1
        if self.updates == 5:
            signal.raise_signal(signal.SIGTERM)


def random_weights(model):
    """Weights that are zero or one in a new model are drawn, too: all of them count."""
    random = np.random.default_rng(0)
    model.set_weights(
        [w + 0.1 * random.standard_normal(w.shape) for w in model.get_weights()]
    )


def make(folder):
    images = np.random.default_rng(1)
    arrays = {}
    for name, build in MODELS.items():
        keras.utils.set_random_seed(0)
        model = build()
        random_weights(model)
        model.save(folder / f"{name}.keras")
        inputs = images.uniform(-1, 1, (2, *model.input_shape[1:])).astype("float32")
        arrays[f"{name}/images"] = inputs
        arrays[f"{name}/outputs"] = model.predict(inputs, verbose=0)
    np.savez_compressed(folder / "outputs.npz", **arrays)
    os.chdir(folder)  # so that no path of this machine is written down
    try:
        train(RECIPE, "run", callbacks=[Stop()], progress=False)
    except Interrupted:
        pass


if __name__ == "__main__":
    make(Path(sys.argv[1]).resolve())
