"""The memory that training takes, against what `estimate_training` says beforehand.

    python benchmarks/training_memory.py [--only vit]

Each model trains in a process of its own: one update with a batch of one image, so that
weights and optimizer are there and the step is compiled, then three with the whole
batch. Printed are the growth of the resident memory in the first update (compiling
included), from there to its highest point, and the estimate of activations, images and
gradients, which are what comes and goes in an update.
"""

import argparse
import json
import os
import subprocess
import sys
import threading
import time

VIT = {"patch_size": 8, "num_layers": 6, "hidden_dim": 192, "mlp_dim": 768}
VIT |= {"num_heads": 3, "image_size": 96}
WIDE = {**VIT, "num_layers": 4, "hidden_dim": 768, "mlp_dim": 3072, "num_heads": 12}
LONG = {"patch_size": 4, "num_layers": 3, "hidden_dim": 64, "mlp_dim": 128}
LONG |= {"num_heads": 4, "image_size": 96}
BIT = {"num_blocks": (2, 2, 2, 2), "width_factor": 1, "image_size": 128}
HYBRID = {**VIT, "num_blocks": (2, 2), "patch_size": 1, "image_size": 128}
VGG = {"image_size": 96, "pooling": "gap", "hidden_dims": (256,)}
UNET = {"image_size": 128, "num_channels": 3, "widths": (16, 32, 64, 128)}
UNET |= {"padding": "same", "batch_norm": True}

# Model, its arguments, batch, optimizer, whether XLA compiles the step.
CASES = {
    "vit": ("ViT", VIT, 64, "adamw", False),
    "vit, XLA": ("ViT", VIT, 64, "adamw", True),
    "vit, remat": ("ViT", {**VIT, "remat": True}, 64, "adamw", False),
    "vit, remat, XLA": ("ViT", {**VIT, "remat": True}, 64, "adamw", True),
    "vit, dropout": ("ViT", {**VIT, "dropout_rate": 0.1}, 64, "adamw", False),
    "vit, bfloat16": ("ViT", {**VIT, "dtype": "mixed_bfloat16"}, 64, "adamw", False),
    "wide vit": ("ViT", WIDE, 32, "adamw", False),
    "many tokens": ("ViT", LONG, 32, "sgd", False),
    "many tokens, XLA": ("ViT", LONG, 32, "sgd", True),
    "bit": ("BiT", BIT, 32, "sgd", False),
    "bit, remat": ("BiT", {**BIT, "remat": True}, 32, "sgd", False),
    "bit, XLA": ("BiT", BIT, 32, "sgd", True),
    "hybrid": ("HybridViT", HYBRID, 32, "sgd", False),
    "resnet": ("ResNet50", {"image_size": 128}, 16, "sgd", False),
    "resnet, remat": ("ResNet50", {"image_size": 128, "remat": True}, 16, "sgd", False),
    "efficientnet": ("EfficientNetB0", {"image_size": 128}, 16, "sgd", False),
    "vgg": ("VGG11", VGG, 32, "sgd", False),
    "alexnet": ("AlexNet", {"hidden_dims": (256, 256)}, 32, "sgd", False),
    "lenet": ("LeNet5", {}, 1024, "sgd", False),
    "unet": ("UNet", UNET, 8, "sgd", False),
}


def resident():
    """Bytes of memory that this process holds now (Linux)."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def measure(name):
    """Trains one model, and prints bytes that were needed and estimated, as JSON."""
    import keras
    import tensorflow as tf

    import keras_vit.models
    from keras_vit.costs.memory import PIPELINE, estimate_training

    kind, arguments, batch, optimizer, jit_compile = CASES[name]
    model = getattr(keras_vit.models, kind)(10, **arguments)
    sgd = keras.optimizers.SGD(1e-4, momentum=0.9)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(
        keras.optimizers.AdamW(1e-4) if optimizer == "adamw" else sgd,
        loss,
        jit_compile=jit_compile,
    )
    peak, done = [resident()], threading.Event()
    start = peak[0]

    def watch():
        while not done.is_set():
            peak[0] = max(peak[0], resident())
            time.sleep(0.002)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for size, updates in ((1, 1), (batch, 3)):
        images = tf.random.normal((size, *model.input_shape[1:]))
        labels = tf.zeros((size, *model.output_shape[1:-1]), tf.int32)
        data = tf.data.Dataset.from_tensors((images, labels)).repeat()
        if size > 1:
            after_first = peak[0] = resident()
        model.fit(data, steps_per_epoch=updates, verbose=0)
    done.set()
    watcher.join()
    estimate = estimate_training(model, batch, optimizer=optimizer)
    images = estimate.pixels // PIPELINE  # one batch: there is no pipeline here
    print(
        json.dumps(
            {
                "first": after_first - start,
                "grown": peak[0] - after_first,
                "estimate": estimate.gradients + estimate.activations + images,
            }
        )
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="cases whose name begins so", default="")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        return measure(options.measure)
    head = ("MiB", "first update", "whole batch", "estimate", "ratio")
    print("{:<18}{:>14}{:>14}{:>12}{:>8}".format(*head))
    for name in CASES:
        if not name.startswith(options.only):
            continue
        command = [sys.executable, __file__, "--measure", name]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)
        found = json.loads(done.stdout.splitlines()[-1])
        mib = {key: value / 2**20 for key, value in found.items()}
        ratio = found["estimate"] / found["grown"]
        print(
            f"{name:<18}{mib['first']:>14.0f}{mib['grown']:>14.0f}"
            f"{mib['estimate']:>12.0f}{ratio:>8.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
