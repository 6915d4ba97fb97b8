"""Fine-tune a part of a model: adapters of low rank, or a rate for each depth.

    python examples/lora_and_layer_decay.py

The first is `keras-vit train --weights ... --lora-rank 4`, the second `--layer-decay
0.75`; here both work in a training loop of your own. Data: Fashion-MNIST inside the
package. Cost: about 2 minutes of CPU time.
"""

import os

import keras

import keras_vit
from keras_vit.training import Recipe, build_optimizer

EPOCHS = int(os.environ.get("EPOCHS", 4))
IMAGES = int(os.environ.get("IMAGES", 100))  # of each class
SMALL = {"patch_size": 4, "num_layers": 4, "hidden_dim": 96, "mlp_dim": 192}
SMALL |= {"num_heads": 4, "image_size": 28, "num_channels": 1}
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
options = {"image_size": 28, "num_channels": 1}
train = keras_vit.data.load("fashion_mnist_mini:train").take_per_class(IMAGES)
test = keras_vit.data.load("fashion_mnist_mini:test")
steps = train.steps_per_epoch(50)


def fitted(model, optimizer):
    model.compile(optimizer, loss=LOSS, metrics=["accuracy"])
    batches = train.batches(50, training=True, augment="flip", **options)
    model.fit(batches, steps_per_epoch=steps, epochs=EPOCHS, shuffle=False, verbose=0)
    _, accuracy = model.evaluate(test.batches(100, **options), verbose=0)
    return f"{accuracy:.1%} of the test images right"


# What stands for published weights.
keras.utils.set_random_seed(0)
base = keras_vit.ViT(train.num_classes, **SMALL)
fitted(base, keras.optimizers.AdamW(1e-3))
base.save("base.keras")

# Adapters and the head learn; the 16 kernels that they adapt stay as they are.
model = keras.saving.load_model("base.keras")
keras_vit.enable_lora(model, 4)
print("LoRA:", fitted(model, keras.optimizers.AdamW(1e-3)))
keras_vit.save_adapters(model, "adapters.safetensors")
model.save("merged.keras")  # needs neither the base nor LoRA
again = keras_vit.load_adapters(
    keras.saving.load_model("base.keras"), "adapters.safetensors"
)
sizes = [os.path.getsize(f) / 1e3 for f in ("adapters.safetensors", "merged.keras")]
print("adapters alone: {:.0f} kB, merged: {:.0f} kB".format(*sizes))

# Layer-wise decay: block 3 learns with 0.75 of the head's rate, block 2 with 0.56, ...
model = keras.saving.load_model("base.keras")
recipe = Recipe(layer_decay=0.75, learning_rate=5e-4, weight_decay=0.05)
optimizer = build_optimizer(recipe, model, total_steps=EPOCHS * steps)
print("layer-wise decay:", fitted(model, optimizer))
