"""ResNet-50, EfficientNet-B0 and VGG-16 against keras.applications.

    python benchmarks/compare_lineage.py [--rounds 7] [--only resnet50-train] [--folded]

Batch 8, 224 pixels, float32: a forward pass, and a training step (forward, backward,
SGD with momentum). Both contenders of a case have a process each and take turns.
Then a file with torchvision's names for ResNet-50 is loaded, beside reading its arrays.
Printed are medians, peak memory, and paired ratios against the targets.
"""

import argparse
import os
import pathlib
import statistics
import tempfile

import harness
import machine
import numpy as np

BATCH, IMAGE, CLASSES = 8, 224, 1000
# Of keras.applications, whose ResNet-50 is v1.
SAME = {"ResNet50": {"stride_in": "1x1"}}
CASES = {
    "resnet50-forward": ("ResNet50", "forward"),
    "resnet50-train": ("ResNet50", "train"),
    "efficientnetb0-forward": ("EfficientNetB0", "forward"),
    "efficientnetb0-train": ("EfficientNetB0", "train"),
    "vgg16-forward": ("VGG16", "forward"),
}
LOADING = "resnet50-load"
LIMIT, LOADING_LIMIT = 1.02, 1.5  # ours over theirs
OURS, THEIRS, READING = "keras_vit", "keras.applications", "safetensors"


def prepare(contender, network, workload, jit=False, folded=False):
    """A warm step, for `harness.Worker`."""
    import keras
    import tensorflow as tf

    threads = int(os.environ["BENCHMARK_THREADS"])
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    keras.utils.set_random_seed(0)
    if contender == OURS:
        import keras_vit

        model = getattr(keras_vit, network)(CLASSES, **SAME.get(network, {}))
        model = keras_vit.fold_batch_norm(model) if folded else model
    else:
        model = getattr(keras.applications, network)(
            weights=None, classes=CLASSES, classifier_activation=None
        )
    random = np.random.default_rng(0)
    images = random.uniform(-1, 1, (BATCH, IMAGE, IMAGE, 3)).astype("float32")
    images, labels = (
        tf.constant(images),
        tf.constant(random.integers(0, CLASSES, BATCH)),
    )
    if workload == "forward":
        call = tf.function(lambda x: model(x, training=False), jit_compile=jit)

        def step():
            return call(images).numpy()

    else:
        model.compile(
            keras.optimizers.SGD(1e-3, momentum=0.9),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            jit_compile=jit,
        )

        def step():
            return model.train_on_batch(images, labels)

    step()
    step()
    return step, {"params": int(model.count_params())}


def prepare_loading(contender, path):
    """Loads the file into a model that is there, or reads its arrays."""
    from safetensors.numpy import load_file

    if contender == READING:

        def step():
            return sum(a.size for a in load_file(path).values())

    else:
        import keras_vit

        model = keras_vit.ResNet50(CLASSES, input_scaling="imagenet")

        def step():
            keras_vit.load_weights(model, path)

    step()
    return step, {}


def write_file(path):
    """A file of random numbers with torchvision's names for ResNet-50."""
    from safetensors.numpy import save_file

    random = np.random.default_rng(0)
    arrays = {}

    def convolution(name, before, after, side):
        shape = (after, before, side, side)
        arrays[f"{name}.weight"] = random.standard_normal(shape, "float32")

    def norm(name, width):
        for end in ("weight", "bias", "running_mean", "running_var"):
            arrays[f"{name}.{end}"] = random.uniform(0.5, 1, width).astype("float32")
        arrays[f"{name}.num_batches_tracked"] = np.array(1)

    convolution("conv1", 3, 64, 7)
    norm("bn1", 64)
    before = 64
    for stage, units in enumerate((3, 4, 6, 3)):
        inner = 64 * 2**stage
        for unit in range(units):
            place = f"layer{stage + 1}.{unit}"
            sizes = ((before, inner, 1), (inner, inner, 3), (inner, 4 * inner, 1))
            for number, (start, end, side) in enumerate(sizes, 1):
                convolution(f"{place}.conv{number}", start, end, side)
                norm(f"{place}.bn{number}", end)
            if unit == 0:
                convolution(f"{place}.downsample.0", before, 4 * inner, 1)
                norm(f"{place}.downsample.1", 4 * inner)
            before = 4 * inner
    arrays["fc.weight"] = random.standard_normal((CLASSES, before), "float32")
    arrays["fc.bias"] = random.standard_normal(CLASSES, "float32")
    save_file(arrays, path)


def measure(title, targets, limit, options):
    """Runs two workers in turn and prints what they take."""
    workers = {}
    try:
        for name, (target, kwargs) in targets.items():
            workers[name] = harness.Worker(name, target, kwargs, options.threads)
            workers[name].ready()  # one at a time
        results = harness.interleave(workers, options.rounds, options.iterations)
    finally:
        for worker in workers.values():
            worker.close()
    print(f"\n{title}", flush=True)
    for name, result in results.items():
        if "error" in result:
            print(f"{name:18s} failed: {result['error']}")
            return
        wall, cpu = (statistics.median(result[key]) for key in ("wall", "cpu"))
        row = f"{name:18s} wall {wall:6.3f} s  cpu {cpu:6.3f} s"
        print(f"{row}  peak {result['peak'] / 1e9:5.2f} GB")
    ours, theirs = results.values()
    ratios = {key: harness.paired_ratio(ours, theirs, key) for key in ("wall", "cpu")}
    if title != LOADING:
        ratios["peak"] = ours["peak"] / theirs["peak"]
    for key, ratio in ratios.items():
        word = "met" if ratio <= limit else "MISSED"
        judged = f"  target {limit:.2f} {word}" if key != "cpu" else ""
        print(f"ours / theirs {key:5s} {ratio:.3f}{judged}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--iterations", type=int, default=1)
    names = (*CASES, LOADING)
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    parser.add_argument("--jit", action="store_true", help="compile both with XLA")
    parser.add_argument(
        "--folded", action="store_true", help="ours with its batch norms folded"
    )
    parser.add_argument("--threads", type=int, default=machine.cores())
    options = parser.parse_args()
    for case in options.only:
        if case == LOADING:
            continue
        network, workload = CASES[case]
        same = {"network": network, "workload": workload, "jit": options.jit}
        same["folded"] = options.folded
        targets = {
            name: ("compare_lineage:prepare", {"contender": name, **same})
            for name in (OURS, THEIRS)
        }
        measure(case, targets, LIMIT, options)
    if LOADING in options.only:
        with tempfile.TemporaryDirectory() as folder:
            path = str(pathlib.Path(folder) / "resnet50.safetensors")
            write_file(path)
            targets = {
                name: (
                    "compare_lineage:prepare_loading",
                    {"contender": name, "path": path},
                )
                for name in (OURS, READING)
            }
            measure(LOADING, targets, LOADING_LIMIT, options)


if __name__ == "__main__":
    main()
