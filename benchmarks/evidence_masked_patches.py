"""CIFAR-10 with few labels: what masked patch prediction buys a small ViT.

    python benchmarks/evidence_masked_patches.py --data cifar10.npz
    python benchmarks/evidence_masked_patches.py --data cifar10.npz --only pretrain
    python benchmarks/evidence_masked_patches.py --only report

Three arms, on 1, 10 and 100 % of the training labels:

- `pretrained`: the encoder learns from all 50,000 training images without labels, once,
  and is then fine-tuned;
- `scratch`: the same fine-tuning, the same number of updates, from random weights;
- `control`: from random weights, with so many more updates that it has the CPU time of
  the pretraining, too.

Every run is one of `keras_vit.training.train` in a folder below `--work`. A finished
one is not repeated, one that was stopped goes on where it was: the command can be
stopped and started again. Options belong to the work folder: others need another one.
`--known results.json` names runs that another work folder, now gone, has finished: with
the same options they are not repeated, and the report holds them.

The pretraining gets `--pretrain-cpu-seconds` (all threads together, evaluation and
compilation included): the time of an update is measured first, which decides their
number. The test images are looked at, but nothing is chosen by them.

`cifar10.npz` holds x_train, y_train, x_test, y_test: uint8, the images (N, 32, 32, 3).
Without `--data`, `keras.datasets.cifar10` downloads them.
"""

import argparse
import json
import logging
import os
import pathlib
import time
from functools import partial

import machine
from evidence_masked_results import ARMS, draw, summary, table

HERE = pathlib.Path(__file__).resolve().parent
STAGES = ("measure", "pretrain", *ARMS)

# 64 patches of 4x4 pixels, 0.8 million parameters. On one core of an AMD EPYC some 330
# images in a second, so that 5,400 CPU-seconds are about 35 passes over the 50,000.
MODEL = {
    "image_size": 32,
    "patch_size": 4,
    "num_layers": 6,
    "hidden_dim": 128,
    "mlp_dim": 256,
    "num_heads": 4,
    "pooling": "gap",
    "position_embedding": "sincos2d",
}
COMMON = {"batch_size": 64, "weight_decay": 0.05, "dropout_rate": 0.0}
# Mirrored at the edges: patches of black padding would be too easily predicted.
PRETRAINING = {
    "learning_rate": 1e-3,
    "drop_path_rate": 0.0,
    "augment": "pad(4,'reflect')|random_crop(32)|flip",
}
FINE_TUNING = {"label_smoothing": 0.1, "drop_path_rate": 0.1, "augment": "crop_flip"}
TESTS = {"pretrain": 4, "others": 2}  # in the course of a run; each costs 9 seconds
MEASURED, SKIPPED = 150, 30  # updates whose time is taken, and first ones left out


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--data", type=pathlib.Path, help="npz; default: download")
    add("--work", type=pathlib.Path, default=pathlib.Path("runs/masked_patches"))
    add("--only", nargs="+", choices=(*STAGES, "report"), default=STAGES)
    add("--target", default="mean_colour", help="mean_colour, colours_4x4 or pixels")
    add("--pretrain-cpu-seconds", type=float, default=5400.0)
    add("--fractions", nargs="+", type=float, default=[0.01, 0.1, 1.0])
    add("--steps", nargs="+", type=int, default=[1000, 2000, 4000])
    add("--seeds", nargs="+", type=int, default=[3, 3, 1], help="how many, of each")
    add("--controls", nargs="+", type=int, default=[0, 1, 0], help="seeds of each")
    add("--learning-rate", type=float, default=1e-3, help="of fine-tuning")
    add("--layer-decay", type=float, help="of fine-tuning pretrained weights")
    add("--threads", type=int, default=min(2, machine.cores()))
    results = HERE / "results" / "evidence_masked_patches.json"
    add("--known", type=pathlib.Path, help="the --out file of a work folder now gone")
    add("--out", type=pathlib.Path, default=results)
    options = parser.parse_args()
    lists = (options.fractions, options.steps, options.seeds, options.controls)
    if len({len(values) for values in lists}) > 1:
        parser.error("--fractions, --steps, --seeds and --controls: one value for each")
    options.known = known_runs(options) if options.known else {}
    return options


def known_runs(options):
    """What `--known` says of each run, by the name of the folder that it had."""
    found = json.loads(options.known.read_text())
    same, here = found["settings"], settings(options)
    if changed := [name for name in here if name != "cpu" and here[name] != same[name]]:
        raise SystemExit(f"--known: its runs had other options: {', '.join(changed)}.")
    runs = {folder_of(r["arm"], r["fraction"], r["seed"]): r for r in found["runs"]}
    return {"measure": {}, "pretrain": found["pretrain"], **runs}


def settings(options):
    """What the runs of a report have in common."""
    common = {"model": MODEL, **COMMON, "target": options.target}
    common |= {"learning_rate": options.learning_rate, "threads": options.threads}
    return common | {"layer_decay": options.layer_decay, "cpu": machine.cpu_model()}


def main():
    options = parse()
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.config.threading.set_inter_op_parallelism_threads(options.threads)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("absl").setLevel(logging.ERROR)
    options.work = options.work.resolve()
    options.work.mkdir(parents=True, exist_ok=True)
    if set(options.only) & set(STAGES):
        write_data(options)
    try:
        for stage, name, recipe in plan(options):
            if stage not in options.only:
                continue
            if result_of(options, name) is None:
                finish(options.work / name, recipe())
            else:
                print(f"{name}: done already", flush=True)
    except KeyboardInterrupt as interrupt:  # its state is saved
        print(f"{interrupt} The same command goes on.", flush=True)
    report(options)


def plan(options):
    """Every run in its order: (stage, name of the folder, function to its recipe)."""
    yield "measure", "measure", partial(pretraining, options, MEASURED)
    yield "pretrain", "pretrain", lambda: pretraining(options, budget(options))
    for arm in ARMS:
        for i, fraction in enumerate(options.fractions):
            seeds = (options.controls if arm == "control" else options.seeds)[i]
            for seed in range(seeds):
                name = folder_of(arm, fraction, seed)
                yield (
                    arm,
                    name,
                    lambda a=arm, i=i, s=seed: fine_tuning(options, a, i, s),
                )


def folder_of(arm, fraction, seed):
    return f"{arm}-{100 * fraction:g}%-seed{seed}"


def pretraining(options, steps):
    from keras_vit.training import Recipe

    return Recipe(
        data="cifar10",
        data_dir=str(options.work),
        masked_target=options.target,
        total_steps=steps,
        evaluate_every=-(-steps // TESTS["pretrain"]),
        **MODEL,
        **COMMON,
        **PRETRAINING,
    )


def fine_tuning(options, arm, i, seed):
    from keras_vit.training import Recipe

    fraction, steps = options.fractions[i], options.steps[i]
    if arm == "control":
        scratch = result_of(options, folder_of("scratch", fraction, seed))
        first = result_of(options, "pretrain")
        if not (scratch and first):
            raise SystemExit("The controls follow on pretrain and scratch.")
        steps += round(steps * first["cpu_seconds"] / scratch["cpu_seconds"])
    start = {}
    if arm == "pretrained":
        if not own_record(options.work / "pretrain"):
            raise SystemExit("Fine-tuning follows on pretrain.")
        start = {"weights": str(options.work / "pretrain")}
        start["layer_decay"] = options.layer_decay
    part = "" if fraction == 1 else f",fraction={100 * fraction:g}%,seed={seed}"
    return Recipe(
        data=f"cifar10:train{part}",
        data_dir=str(options.work),
        seed=seed,
        total_steps=steps,
        evaluate_every=-(-steps // TESTS["others"]),
        learning_rate=options.learning_rate,
        **start,
        **MODEL,
        **COMMON,
        **FINE_TUNING,
    )


def finish(folder, recipe):
    """Runs a recipe in its folder, from the beginning or from where it was stopped."""
    from keras_vit.training import RunFolder, train

    print(f"{folder.name}: {recipe.total_steps:,} updates", flush=True)
    train(
        recipe,
        folder,
        resume=RunFolder(folder).is_run(),
        save_minutes=2,
        callbacks=[clock(folder)] if folder.name == "measure" else (),
        progress=False,
        check=False,
    )


def clock(folder):
    """A callback that writes the CPU seconds of start, update and test."""
    import keras

    class Clock(keras.callbacks.Callback):
        updates, tests = [], []

        def on_train_batch_end(self, batch, logs=None):
            self.updates.append(time.process_time())

        def on_train_begin(self, logs=None):
            if not self.updates:  # `fit` is called again for what is no whole epoch
                self.begin = time.process_time()

        def on_test_begin(self, logs=None):
            self.test_begin = time.process_time()

        def on_test_end(self, logs=None):
            seconds = time.process_time() - self.test_begin
            self.tests.append((seconds, len(self.updates)))

        def on_train_end(self, logs=None):
            # The whole process, the pipeline's threads too, but for the tests.
            marks = self.updates[SKIPPED:]
            between = sum(t for t, at in self.tests if SKIPPED < at < len(self.updates))
            update = (marks[-1] - marks[0] - between) / (len(marks) - 1)
            seconds = {"update": update, "test": min(t for t, _ in self.tests)}
            seconds["start"] = self.updates[0] - self.begin  # compiling, most of it
            (folder / "cpu.json").write_text(json.dumps(seconds))

    return Clock()


def budget(options):
    """The number of updates that the pretraining's CPU time pays for."""
    file = options.work / "measure" / "cpu.json"
    if not file.exists():
        raise SystemExit("pretrain follows on measure.")
    seconds = json.loads(file.read_text())
    left = options.pretrain_cpu_seconds - seconds["start"]
    left -= TESTS["pretrain"] * seconds["test"]
    return max(1, int(left / seconds["update"]))


def write_data(options):
    """CIFAR-10 as a prepared TFDS directory."""
    if (options.work / "cifar10").exists():
        return
    import keras
    import make_cifar10
    import numpy as np

    source = options.data
    if source is None:
        (x, y), (x_test, y_test) = keras.datasets.cifar10.load_data()
        source = options.work / "cifar10.npz"
        np.savez(source, x_train=x, y_train=y, x_test=x_test, y_test=y_test)
    make_cifar10.main(str(source), str(options.work))


def own_record(folder):
    """`run.json` of a finished run of this work folder, or `None`."""
    file = folder / "run.json"
    record = json.loads(file.read_text()) if file.exists() else {}
    return record if record.get("status") == "finished" else None


def result_of(options, name):
    """The last numbers of a finished run, or `None`."""
    record = own_record(options.work / name)
    return record["result"] if record else options.known.get(name)


def report(options):
    """Writes the table and the chart of the runs that are finished."""
    found = {"pretrain": result_of(options, "pretrain"), "runs": []}
    for arm, name, _ in plan(options):
        record = own_record(options.work / name)
        if arm in ARMS and record:
            found["runs"].append(line_of(arm, record))
        elif arm in ARMS and name in options.known:
            found["runs"].append(options.known[name])
    rows = [summary(found["runs"], f) for f in options.fractions]
    found = {"settings": settings(options), **found}
    found["summary"] = [row for row in rows if row]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    half = options.out.with_suffix(".part")
    half.write_text(json.dumps(found, indent=1) + "\n")
    os.replace(half, options.out)
    print(table(found))
    if found["summary"]:
        draw(found["summary"], options.out.with_suffix(".png"))


def line_of(arm, record):
    """A finished run as the report has it."""
    data = record["recipe"]["data"].partition("fraction=")[2].partition("%")[0]
    return {
        "arm": arm,
        "fraction": float(data) / 100 if data else 1.0,
        "seed": record["recipe"]["seed"],
        "updates": record["resolved"]["total_steps"],
        "test_accuracy": record["result"]["val_accuracy"],
        "cpu_seconds": record["result"]["cpu_seconds"],
    }


if __name__ == "__main__":
    main()
