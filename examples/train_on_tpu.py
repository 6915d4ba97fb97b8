"""Fine-tune ViT-B/16 on a TPU: Oxford Flowers-102 from TFDS, AugReg weights.

    KERAS_BACKEND=jax python examples/train_on_tpu.py

Under JAX for every TPU of today; under KERAS_BACKEND=tensorflow on a TPU VM with
`tensorflow-tpu==2.20.0` and `libtpu==0.0.24`. On several hosts, start it on each, with
RUN on a disk that they share. The same command resumes a run that was interrupted.
Without a TPU it takes GPUs or the CPU: the tests run it so, with other settings. It has
not been run on a TPU; its step was compiled for v5e and v6e (`keras-vit tpu-check`).
"""

import logging
import os
from dataclasses import replace

os.environ.setdefault("KERAS_BACKEND", "jax")  # before Keras is imported

import keras_vit
from keras_vit.training import Recipe, RunFolder, choose_recipe, train

logging.basicConfig(level=logging.INFO, format="%(message)s")

DATA = os.environ.get("DATA", "oxford_flowers102")
MODEL = os.environ.get("MODEL", "ViT_B16")
WEIGHTS = os.environ.get("WEIGHTS", "augreg") or None
IMAGE_SIZE = int(os.environ.get("IMAGE_SIZE", 224))
BATCH_SIZE = int(os.environ.get("BATCH_SIZE", 128))  # over all cores
UPDATES = int(os.environ.get("UPDATES", 500))
RUN = os.environ.get("RUN", "runs/flowers")

# The first call that uses the backend: it finds the devices, and the other hosts.
strategy = keras_vit.training.strategy()
images, _ = keras_vit.data.load_splits(DATA)
fields, reasons = choose_recipe(
    images.num_examples, images.num_classes, None, MODEL, WEIGHTS
)
print(*reasons, sep="\n")
recipe = replace(
    Recipe(data=DATA, **fields),
    image_size=IMAGE_SIZE,
    batch_size=BATCH_SIZE,
    accumulation_steps=1,
    epochs=None,
    total_steps=UPDATES,
    warmup_steps=UPDATES // 5,
    evaluate_every=max(1, UPDATES // 5),
)
result = train(recipe, RUN, devices=strategy, resume=RunFolder(RUN).is_run())
print(f"test accuracy: {result.metrics['val_accuracy']:.1%}, in {result.seconds:.0f} s")
