"""CIFAR-10 at equal CPU time: our small ViT, the Keras tutorial's, a small ResNet.

The networks of the lineage take part where `--only` names them.

    python benchmarks/evidence_cifar10.py --data cifar10.npz
    python benchmarks/evidence_cifar10.py --data cifar10.npz --only ours --seeds 0

Each run is a process of its own with 1,800 seconds of CPU time (all threads together;
reading the data, compiling and augmenting included), about 16 minutes on two idle
cores. The learning rate follows the time that is used up. A run that is in the output
already is not repeated, so the command can be stopped and started again. Then a table
is printed, and the chart drawn.

`cifar10.npz` holds x_train, y_train, x_test, y_test: uint8, the images (N, 32, 32, 3).
Without `--data`, `keras.datasets.cifar10` downloads them.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import time

import harness
import machine

HERE = pathlib.Path(__file__).resolve().parent
NAMES = ("ours", "tutorial", "resnet")
TITLES = {
    "ours": "keras_vit.ViT, our recipe",
    "tutorial": "Keras tutorial's ViT and recipe",
    "resnet": "keras_vit.BiT, our recipe",
    "lenet5": "keras_vit.LeNet5, our recipe",
    "vgg": "keras_vit.VGG, our recipe",
    "resnet_batch_norm": "keras_vit.ResNet, our recipe",
    "hybrid": "keras_vit.HybridViT, our recipe",
}
COLOURS = {
    "ours": "#1f6f8b",
    "tutorial": "#b9b4aa",
    "resnet": "#c98a3d",
    "lenet5": "#7a6a9e",
    "vgg": "#5f8f4e",
    "resnet_batch_norm": "#b5485d",
    "hybrid": "#3d3d3d",
}
# By how many standard errors a mean of so many runs may be off, in 95 % of all cases.
STUDENT = {3: 4.30, 4: 3.18, 5: 2.78}
TARGET = 0.10  # ours over the tutorial's, test accuracy


def main():
    options = parse()
    runs = read(options.out)
    for seed in options.seeds:
        for name in options.only:
            done = {(run["contender"], run["seed"], run["budget"]) for run in runs}
            if (name, seed, options.cpu_seconds) in done:
                print(f"{name} seed {seed}: done already", flush=True)
                continue
            print(f"{name} seed {seed}: {options.cpu_seconds:g} CPU-s", flush=True)
            runs.append(in_own_process(name, seed, options))
            write(options.out, runs)
    runs = [run for run in runs if run["budget"] == options.cpu_seconds]
    print(table(runs))
    draw(runs, options.out.with_suffix(".png"))


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, help="npz; default: download")
    parser.add_argument("--only", nargs="+", choices=TITLES, default=NAMES)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--cpu-seconds", type=float, default=1800.0)
    parser.add_argument("--threads", type=int, default=min(2, machine.cores()))
    parser.add_argument(
        "--out", type=pathlib.Path, default=HERE / "results" / "evidence_cifar10.json"
    )
    parser.add_argument("--worker", help=argparse.SUPPRESS)  # a contender's name
    options = parser.parse_args()
    if options.worker:
        work(options)
        sys.exit()
    return options


def in_own_process(name, seed, options):
    """Runs one contender; what it learned, as a dictionary."""
    command = [sys.executable, __file__, "--worker", name, "--seeds", str(seed)]
    command += ["--cpu-seconds", str(options.cpu_seconds)]
    command += ["--threads", str(options.threads)]
    command += ["--data", str(options.data)] if options.data else []
    done = subprocess.run(
        command,
        env=harness.worker_environment(options.threads),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def work(options):
    """The run's own process: progress goes to stderr, the result to stdout."""
    import keras  # before the clock starts: the same for all
    import numpy as np
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.config.threading.set_inter_op_parallelism_threads(options.threads)
    import evidence_contenders
    import evidence_run

    start = time.process_time()
    if options.data:
        with np.load(options.data) as file:
            arrays = {key: file[key] for key in file.files}
    else:
        (x, y), (x_test, y_test) = keras.datasets.cifar10.load_data()
        arrays = {"x_train": x, "y_train": y[:, 0]}
        arrays |= {"x_test": x_test, "y_test": y_test[:, 0]}
    name, seed = options.worker, options.seeds[0]
    result = evidence_run.run(
        evidence_contenders.CONTENDERS[name],
        arrays,
        seed,
        options.cpu_seconds,
        start,
        say=lambda line: print(f"{name} {line}", file=sys.stderr, flush=True),
    )
    facts = {"contender": name, "seed": seed, "budget": options.cpu_seconds}
    place = {"threads": options.threads, "cpu": machine.cpu_model()}
    # Not by distribution: TensorFlow's is called tensorflow or tensorflow-cpu.
    place["versions"] = {"keras": keras.__version__, "tensorflow": tf.__version__}
    print(json.dumps({**facts, **result, **place}))


def read(path):
    """The finished runs."""
    return json.loads(path.read_text()) if path.exists() else []


def write(path, runs):
    """A JSON list, one run per line; the file is never half written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    partial.write_text("[\n" + ",\n".join(map(json.dumps, runs)) + "\n]\n")
    partial.replace(path)


def table(runs):
    """Markdown: a row per contender, the seeds side by side."""
    rows = ["| | parameters | images seen | test accuracy | mean |", "|" + " --- |" * 5]
    means = {}
    for name in TITLES:
        own = [run for run in runs if run["contender"] == name]
        own.sort(key=lambda run: run["seed"])
        if not own:
            continue
        scores = [run["test_accuracy"] for run in own]
        means[name] = statistics.mean(scores)
        each = ", ".join(f"{score:.1%}" for score in scores)
        images = statistics.mean(run["images"] for run in own)
        mean = f"{means[name]:.1%}"
        if len(scores) in STUDENT:
            error = statistics.stdev(scores) / len(scores) ** 0.5
            mean += f" ± {100 * STUDENT[len(scores)] * error:.1f}"
        rows.append(
            f"| {TITLES[name]} | {own[0]['parameters']:,} | {images:,.0f} "
            f"| {each} | {mean} |"
        )
    if {"ours", "tutorial"} <= means.keys():
        lead = means["ours"] - means["tutorial"]
        word = "met" if lead >= TARGET else "MISSED"
        rows.append(
            f"\nOurs over the tutorial's: {100 * lead:.1f} points, target "
            f"{100 * TARGET:.0f}: {word}."
        )
    return "\n".join(rows)


def draw(runs, path):
    """Accuracy on the held-out images against CPU time."""
    try:
        import matplotlib
    except ImportError:
        print("matplotlib is not installed: no chart")
        return
    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    figure, axis = plt.subplots(figsize=(9, 4.2))
    labelled = set()
    for run in runs:
        name = run["contender"]
        seconds, right = zip(*run["curve"])
        label = None if name in labelled else TITLES[name]
        labelled.add(name)
        axis.plot(seconds, [100 * share for share in right], color=COLOURS[name])
        last = [100 * run["test_accuracy"]]
        axis.plot(seconds[-1:], last, "o", color=COLOURS[name], label=label)
    axis.set_xlim(left=0)
    axis.set_ylim(bottom=0)
    axis.set_xlabel("CPU-seconds of training, data loading included")
    axis.set_ylabel("accuracy on 1,000 held-out images, %")
    title = "CIFAR-10 from scratch, a line per seed; dots: the 10,000 test images"
    axis.set_title(title, fontsize=10, loc="left")
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    main()
