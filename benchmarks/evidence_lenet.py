"""LeNet-5 on MNIST: its test accuracy and the CPU time that it takes.

    python benchmarks/evidence_lenet.py --data mnist.npz [--variant 1998]

`mnist.npz` holds x_train, y_train, x_test, y_test: uint8, the images (N, 28, 28, 1).
Without `--data`, `keras.datasets.mnist` downloads them. Images get the border of two
pixels that the paper's have. The CPU time is of all threads, from reading the data to
the end of training; the test images are classified once, at the end.
"""

import argparse
import time

import keras
import numpy as np

import keras_vit

BATCH = 64
RATES = {"1998": 2e-3, "modern": 2e-3}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="npz; default: download")
    parser.add_argument("--variant", choices=("1998", "modern"), default="modern")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    start = time.process_time()
    (x, y), (x_test, y_test) = read(options.data)
    keras.utils.set_random_seed(options.seed)
    model = keras_vit.LeNet5(10, variant=options.variant)
    steps = options.epochs * (len(x) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(RATES[options.variant], steps)
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=True,
    )
    model.fit(x, y, BATCH, options.epochs, verbose=2)
    used = time.process_time() - start
    scores = model.predict(x_test, 500, verbose=0)
    right = float(np.mean(np.argmax(scores, axis=-1) == y_test))
    print(
        f"LeNet-5 ({options.variant}), seed {options.seed}: {right:.2%} of "
        f"{len(y_test):,} test images, {used / 60:.1f} CPU-minutes, "
        f"{model.count_params():,} parameters"
    )


def read(path):
    """Training and test images in [-1, 1], `(N, 32, 32, 1)`, and their digits."""
    if path:
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
    else:
        (x, y), (x_test, y_test) = keras.datasets.mnist.load_data()
        arrays = {"x_train": x, "y_train": y, "x_test": x_test, "y_test": y_test}
    parts = []
    for part in ("train", "test"):
        images = arrays[f"x_{part}"].reshape(-1, 28, 28, 1).astype("float32")
        images = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)))
        labels = arrays[f"y_{part}"].reshape(-1).astype("int32")
        parts.append((keras_vit.preprocess_input(images), labels))
    return [(np.asarray(x), y) for x, y in parts]


if __name__ == "__main__":
    main()
