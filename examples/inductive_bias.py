"""What is built into a ViT, a hybrid and a BiT: shift, shuffle and re-stride.

    python examples/inductive_bias.py

Data: 6,000 small grey images of clothes (Fashion-MNIST), inside the package.
Cost: about four minutes of CPU time. Expected: with all patches exchanged the ViT still
gets about 50 % right, hybrid and BiT little more than the 10 % of guessing.
Writes inductive_bias.csv and inductive_bias.png.
"""

import os
from pathlib import Path

import keras
import numpy as np

import keras_vit
from keras_vit.visualize import inductive_bias, plot_inductive_bias

EPOCHS = int(os.environ.get("EPOCHS", 10))
IMAGES = int(os.environ.get("IMAGES", 500))
BATCH_SIZE = 64
SHAPE = {"image_size": 28, "num_channels": 1}

train = keras_vit.data.load("fashion_mnist_mini:train")
test = keras_vit.data.load("fashion_mnist_mini:test")
classes = train.num_classes
encoder = {"num_layers": 4, "hidden_dim": 96, "mlp_dim": 192, "num_heads": 4}

keras.utils.set_random_seed(0)
models = {
    "ViT": keras_vit.ViT(classes, patch_size=4, **encoder, **SHAPE),
    "hybrid": keras_vit.HybridViT(
        classes, num_blocks=(1,), width_factor=0.5, **encoder, **SHAPE
    ),
    "BiT": keras_vit.BiT(classes, num_blocks=(1, 1), width_factor=0.5, **SHAPE),
}

# Training, alike for all three: never a shifted image.
steps = EPOCHS * train.steps_per_epoch(BATCH_SIZE)
for name, model in models.items():
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps, warmup_target=1e-3, warmup_steps=steps // 10
    )
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=0.05, global_clipnorm=1.0),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    history = model.fit(
        train.batches(BATCH_SIZE, training=True, augment="flip", seed=0, **SHAPE),
        steps_per_epoch=train.steps_per_epoch(BATCH_SIZE),
        epochs=EPOCHS,
        shuffle=False,  # the batches already come in random order
        verbose=0,
    )
    print(f"{name}: {model.count_params():,} parameters, trained")

# The lab: the same test images, changed.
images, labels = (np.asarray(x) for x in next(iter(test.batches(IMAGES, **SHAPE))))
trials = inductive_bias(models, images, labels)
print(trials)
Path("inductive_bias.csv").write_text(trials.to_csv())
plot_inductive_bias(trials).savefig("inductive_bias.png", dpi=120)
