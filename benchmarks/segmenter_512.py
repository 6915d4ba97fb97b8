"""The training step of a Segmenter S/16 at 512 pixels, beside that of its encoder.

    python benchmarks/segmenter_512.py              # some minutes, 5 GB
    python benchmarks/segmenter_512.py --size 128 --classes 20 --rounds 2

Batch 2, 150 classes, float32, SGD with momentum. All have a process each and take
turns. The encoder gives the mean of its last features; classification is the ViT with
a class token and 1,000 classes. Printed are medians, peak memory, and paired ratios
against the targets: the step of the linear head at most 1.15 times, of the mask head
at most 1.35 times that of the encoder; the peak at most the room of 1.3 times that of
classification, and of the logits besides.
"""

import argparse
import statistics

import harness
import numpy as np

BATCH = 2
TARGETS = {"linear": 1.15, "mask": 1.35}
PEAK = 1.3
WORKLOADS = ("encoder", "classification", *TARGETS)


def step(workload, size, classes):
    """`(step, facts)` of one training step, as `harness.Worker` asks for it."""
    import keras

    import keras_vit

    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    images = random.normal(size=(BATCH, size, size, 3)).astype("float32")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    labels = np.zeros(BATCH, "int32")
    if workload == "encoder":
        model = keras_vit.ViT_S16(0, image_size=size, pooling="gap")
        loss, labels = "mse", np.zeros((BATCH, model.output_shape[-1]), "float32")
    elif workload == "classification":
        model = keras_vit.ViT_S16(1000, image_size=size)
    else:
        model = keras_vit.Segmenter("ViT_S16", classes, head=workload, image_size=size)
        loss = keras_vit.losses.PixelCrossentropy()
        labels = random.integers(0, classes, (BATCH, size, size)).astype("int32")
    model.compile(keras.optimizers.SGD(1e-3, momentum=0.9), loss, jit_compile=False)

    def run():
        model.train_on_batch(images, labels)

    run()  # compiles
    return run, {"parameters": model.count_params()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--classes", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    kwargs = {"size": args.size, "classes": args.classes}
    workers = {
        name: harness.Worker(name, "segmenter_512:step", {"workload": name, **kwargs})
        for name in WORKLOADS
    }
    try:
        for worker in workers.values():
            worker.ready()
        results = harness.interleave(workers, rounds=args.rounds, iterations=1)
    finally:
        for worker in workers.values():
            worker.close()
    for name, result in results.items():
        if "error" in result:
            raise SystemExit(f"{name} failed: {result['error']}")
        seconds, peak = statistics.median(result["wall"]), result["peak"] / 1e9
        print(f"{name:15} {seconds:7.3f} s  peak {peak:5.2f} GB")
    logits = 4 * BATCH * args.size**2 * args.classes
    room = PEAK * results["classification"]["peak"] + logits
    for name, most in TARGETS.items():
        ratio = harness.paired_ratio(results[name], results["encoder"], "wall")
        share = results[name]["peak"] / room
        print(f"{name}: step {ratio:.2f} of the encoder's, target {most}")
        print(f"{name}: peak {share:.2f} of the room that there is, target 1")


if __name__ == "__main__":
    main()
