"""The memory of decoded images that are kept, while a model trains on them.

    python benchmarks/cache_memory.py [--images 20000] [--updates 2000]

Writes small images into a folder, trains a model of one layer on them with the usual
augmentation, and prints the growth of the resident memory since before the images were
read, for each image: the highest, and the curve over the updates. An image of 48x48
pixels in colour has 6.9 kB.
"""

import argparse
import io
import os
import tempfile
import threading
import time
from pathlib import Path

SIDE, BATCH, POINTS = 48, 64, 10


def resident():
    """Bytes of memory that this process holds now (Linux)."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def write_images(root, count):
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        (root / name).mkdir()
    for number in range(count):
        image = Image.fromarray(rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8))
        data = io.BytesIO()
        image.save(data, "BMP")
        name = f"{'ab'[number % 2]}/{number:06d}.bmp"
        (root / name).write_bytes(data.getvalue())


class Highest(threading.Thread):
    """The highest resident memory, looked at every ten milliseconds."""

    def __init__(self):
        super().__init__(daemon=True)
        self.bytes = 0

    def run(self):
        while True:
            self.bytes = max(self.bytes, resident())
            time.sleep(0.01)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--updates", type=int, default=2_000)
    args = parser.parse_args()

    import keras
    import numpy as np

    import keras_vit.data

    model = keras.Sequential(
        [keras.Input((SIDE, SIDE, 3)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss=loss, jit_compile=False)
    # What the pipeline and the step take by themselves is there before.
    images = np.zeros((BATCH, SIDE, SIDE, 3), np.uint8)
    few = keras_vit.data.from_arrays(images, np.arange(BATCH) % 2)
    options = {"image_size": SIDE, "training": True}
    model.fit(few.batches(BATCH, **options), steps_per_epoch=3, verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "images"
        root.mkdir()
        write_images(root, args.images)
        begin, highest = resident(), Highest()
        highest.start()
        batches = keras_vit.data.load(f"{root}:all").batches(BATCH, **options)
        points, every = [], max(1, args.updates // POINTS)

        def look(step, logs):
            if (step + 1) % every == 0:
                points.append((step + 1, resident()))

        callback = keras.callbacks.LambdaCallback(on_train_batch_end=look)
        steps = args.updates
        model.fit(batches, steps_per_epoch=steps, verbose=0, callbacks=[callback])

    def each(held):
        return f"{(held - begin) / args.images / 1e3:.1f} kB"

    pixels = 3 * SIDE * SIDE / 1e3
    print(f"{args.images:,} images of {pixels:.1f} kB, {args.updates:,} updates")
    print(f"highest: {each(highest.bytes)} for each image")
    print(", ".join(f"update {step:,}: {each(held)}" for step, held in points))


if __name__ == "__main__":
    main()
