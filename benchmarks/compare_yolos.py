"""YOLOS-Ti beside transformers on PyTorch: a forward pass with the same weights.

    python benchmarks/compare_yolos.py [--rounds 9] [--iterations 1]

Batch 1, images of 512x672 pixels, float32, positions of 800x1333 as in the published
file: transformers resizes them in each pass, keras_vit when it loads the file. The
weights are random, written by transformers and loaded through `from_checkpoint`; the
outputs must agree. Both have a process each and take turns. Printed are medians, peak
memory, and paired ratios against the target. Needs torch and transformers.
"""

import argparse
import os
import pathlib
import statistics
import tempfile

import harness
import machine
import numpy as np

HEIGHT, WIDTH = 512, 672
LIMIT = 1.02  # ours over theirs
CLOSE = 2e-5  # of the largest value
OURS, THEIRS = "keras_vit", "transformers"


def image():
    random = np.random.default_rng(0)
    return random.uniform(-2, 2, (1, HEIGHT, WIDTH, 3)).astype("float32")


def prepare_theirs(folder):
    """A warm step of transformers, which writes the file; for `harness.Worker`."""
    import torch
    import transformers

    torch.set_num_threads(int(os.environ["BENCHMARK_THREADS"]))
    torch.manual_seed(0)
    config = transformers.YolosConfig(
        hidden_size=192,
        num_hidden_layers=12,
        num_attention_heads=3,
        intermediate_size=768,
        image_size=[800, 1333],
        use_mid_position_embeddings=False,
        num_labels=91,
    )
    model = transformers.YolosForObjectDetection(config).eval()
    with torch.no_grad():  # the tables are zeros at first
        for name, weight in model.named_parameters():
            if "embeddings" in name or "token" in name:
                weight.normal_(0, 0.3)
    model.save_pretrained(folder)
    pixels = torch.from_numpy(image().transpose(0, 3, 1, 2).copy())

    def step():
        with torch.inference_mode():
            out = model(pixel_values=pixels)
        return out.logits.numpy(), out.pred_boxes.numpy()

    logits, boxes = step()
    np.savez(pathlib.Path(folder) / "outputs.npz", logits=logits, boxes=boxes)
    step()
    return step, {"params": sum(p.numel() for p in model.parameters())}


def prepare_ours(folder, jit=False):
    """A warm step of keras_vit with the file's weights; for `harness.Worker`."""
    import tensorflow as tf

    threads = int(os.environ["BENCHMARK_THREADS"])
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    import keras_vit

    size = {"image_size": (HEIGHT, WIDTH), "input_scaling": None}
    model = keras_vit.from_checkpoint(folder, **size)
    call = tf.function(lambda x: model(x, training=False), jit_compile=jit)
    pixels = tf.constant(image())

    def step():
        return {name: value.numpy() for name, value in call(pixels).items()}

    found = step()
    difference = 0.0
    with np.load(pathlib.Path(folder) / "outputs.npz") as theirs:
        for name, value in found.items():
            apart = np.abs(value - theirs[name]).max() / np.abs(theirs[name]).max()
            difference = max(difference, float(apart))
    step()
    return step, {"params": int(model.count_params()), "difference": difference}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--iterations", type=int, default=1)
    parser.add_argument("--jit", action="store_true", help="compile ours with XLA")
    parser.add_argument("--threads", type=int, default=machine.cores())
    options = parser.parse_args()
    workers = {}
    with tempfile.TemporaryDirectory() as folder:
        try:
            for name, (target, kwargs) in {
                THEIRS: ("prepare_theirs", {}),
                OURS: ("prepare_ours", {"jit": options.jit}),
            }.items():
                target, kwargs = f"compare_yolos:{target}", {"folder": folder, **kwargs}
                workers[name] = harness.Worker(name, target, kwargs, options.threads)
                workers[name].ready()  # one at a time: theirs writes, ours reads
            results = harness.interleave(workers, options.rounds, options.iterations)
        finally:
            for worker in workers.values():
                worker.close()
    difference = workers[OURS].facts["difference"]
    word = "met" if difference <= CLOSE else "MISSED"
    print(f"largest difference {difference:.1e} of the largest value  {word}")
    for name, result in results.items():
        if "error" in result:
            print(f"{name:14s} failed: {result['error']}")
            return
        wall, cpu = (statistics.median(result[key]) for key in ("wall", "cpu"))
        row = f"{name:14s} wall {wall:6.3f} s  cpu {cpu:6.3f} s"
        print(f"{row}  peak {result['peak'] / 1e9:5.2f} GB")
    for key in ("wall", "cpu"):
        ratio = harness.paired_ratio(results[OURS], results[THEIRS], key)
        word = "met" if ratio <= LIMIT else "MISSED"
        print(f"ours / theirs {key:5s} {ratio:.3f}  target {LIMIT:.2f} {word}")


if __name__ == "__main__":
    main()
