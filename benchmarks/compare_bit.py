"""BiT-R50x1 against the same network of transformers and timm on PyTorch.

    python benchmarks/compare_bit.py [--rounds 5]

Batch 8, 224 pixels, float32: forward, forward with the weight standardisation folded
into the kernels, and a training step (forward, backward, SGD with momentum). Every
contender runs in a process of its own; they take turns. Printed are medians of wall
and processor time, peak memory, and paired ratios against the targets.
"""

import argparse
import os
import statistics
from importlib.util import find_spec

import harness
import machine
import numpy as np

BATCH, IMAGE, CLASSES = 8, 224, 1000
WORKLOADS = ("forward", "folded", "train")
CONTENDERS = {"keras_vit": "tensorflow", "transformers": "torch", "timm": "torch"}
# Ours over transformers'.
TARGETS = {
    ("forward", "wall"): 0.80,
    ("folded", "wall"): 0.75,
    ("train", "wall"): 0.95,
    ("train", "peak"): 1.3,
}


def data():
    random = np.random.default_rng(0)
    images = random.uniform(-1, 1, (BATCH, IMAGE, IMAGE, 3)).astype("float32")
    return images, random.integers(0, CLASSES, BATCH)


def prepare(contender, workload, jit=False):
    """A warm step, for `harness.Worker`."""
    step = _keras(workload, jit) if contender == "keras_vit" else _torch(contender)
    if contender != "keras_vit":
        step = step(workload)
    step()
    step()
    return step, {}


def _keras(workload, jit):
    import keras
    import tensorflow as tf

    import keras_vit

    threads = int(os.environ["BENCHMARK_THREADS"])
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    model = keras_vit.BiT_R50x1(CLASSES)
    images, labels = map(tf.constant, data())
    if workload == "folded":
        model = keras_vit.fold_weight_standardization(model)
    if workload != "train":
        call = tf.function(lambda x: model(x, training=False), jit_compile=jit)
        return lambda: call(images).numpy()
    model.compile(
        keras.optimizers.SGD(1e-3, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=jit,
    )
    return lambda: model.train_on_batch(images, labels)


def _torch(contender):
    import torch

    torch.set_num_threads(int(os.environ["BENCHMARK_THREADS"]))
    if contender == "transformers":
        from transformers import BitConfig, BitForImageClassification

        model = BitForImageClassification(BitConfig(num_labels=CLASSES))

        def logits(x):
            return model(x).logits

    else:
        import timm

        model = logits = timm.create_model("resnetv2_50x1_bit", pretrained=False)
        model.reset_classifier(CLASSES)
    images, labels = map(torch.from_numpy, data())
    images = images.permute(0, 3, 1, 2).contiguous()
    optimizer = torch.optim.SGD(model.parameters(), 1e-3, momentum=0.9)

    def forward():
        with torch.inference_mode():
            return logits(images)

    def train():
        loss = torch.nn.functional.cross_entropy(logits(images), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    def choose(workload):
        model.train(workload == "train")
        return train if workload == "train" else forward

    return choose


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=WORKLOADS, default=WORKLOADS)
    parser.add_argument("--jit", action="store_true", help="compile ours with XLA")
    options = parser.parse_args()
    threads = machine.cores()
    for workload in options.only:
        print(f"\nBiT-R50x1 {workload}, batch {BATCH}, {IMAGE} px, {threads} threads")
        workers = {}
        for name, library in CONTENDERS.items():
            if find_spec(library) is None or find_spec(name) is None:
                print(f"{name:14s} not installed")
                continue
            kwargs = {"contender": name, "workload": workload}
            if name == "keras_vit":
                kwargs["jit"] = options.jit
            worker = harness.Worker(name, "compare_bit:prepare", kwargs, threads)
            try:
                worker.ready()
            except harness.WorkerError as error:
                print(f"{name:14s} failed: {error}")
                worker.close()
                continue
            workers[name] = worker
        results = harness.interleave(workers, options.rounds, options.iterations)
        for worker in workers.values():
            worker.close()
        for name, result in results.items():
            if "error" in result:
                print(f"{name:14s} failed: {result['error']}")
                continue
            wall, cpu = (statistics.median(result[key]) for key in ("wall", "cpu"))
            row = f"{name:14s} wall {wall:6.3f} s  cpu {cpu:6.3f} s"
            print(f"{row}  peak {result['peak'] / 1e9:5.2f} GB")
        for name in results.keys() - {"keras_vit"}:
            for key in ("wall", "cpu"):
                ratio = harness.paired_ratio(results["keras_vit"], results[name], key)
                target = (
                    TARGETS.get((workload, key)) if name == "transformers" else None
                )
                _print_ratio(name, key, ratio, target)
            peaks = [results[n].get("peak") for n in ("keras_vit", name)]
            if all(peaks):
                target = (
                    TARGETS.get((workload, "peak")) if name == "transformers" else None
                )
                _print_ratio(name, "peak", peaks[0] / peaks[1], target)


def _print_ratio(name, key, ratio, target):
    if ratio is None:
        return
    text = f"ours / {name:14s} {key:5s} {ratio:.2f}"
    if target is not None:
        text += f"  target {target:.2f} {'met' if ratio <= target else 'MISSED'}"
    print(text)


if __name__ == "__main__":
    main()
