"""Early stopping, class weights and balanced sampling, each beside a run without it.

    python benchmarks/evidence_weekly.py OUT --xray XRAY [--cifar DATA_DIR] [--seeds 3]
    python benchmarks/evidence_weekly.py OUT --table

XRAY is a folder `train` and `test`, each with NORMAL and PNEUMONIA: 1,264 and 1,268
chest X-rays to train on. Of the second class a tenth is taken, so that classes are 10
to 1; the test images stay as they are. DATA_DIR holds CIFAR-10, of which 50 images a
class (1 %) are trained on; see `make_cifar10.py`. The two arms of a pair have the same
images, seeds and model, and validation images where either chooses by them. What is in
OUT is not run again, so that a stopped call goes on. The table gives the differences of
the pairs, with the 95 % interval of Student's t over the seeds.
"""

import argparse
import dataclasses
import json
import math
import os
import pathlib

import numpy as np
import scipy.stats

from keras_vit.evaluation import evaluate
from keras_vit.training import Recipe, train

SMALL = Recipe(
    model="small", epochs=40, num_layers=6, hidden_dim=128, mlp_dim=256, num_heads=4
)
# A validation part in both arms: a tenth of the training images.
HELD = {"validation_fraction": 0.1}
STOPPED = {"early_stopping": 5, "keep": "best"}
# Pairs: the data, what both arms have, what one has.
PAIRS = {
    "early stopping, X-rays 10:1": ("xray", HELD, {**STOPPED, "monitor": "val_loss"}),
    "early stopping, CIFAR-10 1 %": ("cifar", HELD, STOPPED),
    "class weights, X-rays 10:1": ("xray", {}, {"class_weights": "balanced"}),
    "balanced sampling, X-rays 10:1": ("xray", {}, {"sampling": "balanced"}),
}
MEASURES = ("accuracy", "balanced_accuracy", "least_recall", "updates", "cpu_seconds")


def unbalanced(xray, out):
    """A folder of the X-rays with a tenth of the second class to train on."""
    for path in sorted(xray.glob("*/*/*")):
        target = out / path.relative_to(xray)
        target.parent.mkdir(parents=True, exist_ok=True)
        number = len(os.listdir(target.parent))
        rare = target.parent == out / "train" / "PNEUMONIA"
        if not target.exists() and (not rare or number < 126):
            target.symlink_to(path.resolve())
    return out


def bases(args):
    """The recipe of each set that was given."""
    found = {}
    if args.xray:
        data = str(unbalanced(args.xray, args.out / "xray"))
        sizes = {"image_size": 64, "patch_size": 8, "num_channels": 1}
        found["xray"] = dataclasses.replace(SMALL, data=data, **sizes)
    if args.cifar:
        found["cifar"] = dataclasses.replace(
            SMALL, data="cifar10:train,per_class=50", data_dir=str(args.cifar)
        )
    return {k: dataclasses.replace(r, epochs=args.epochs) for k, r in found.items()}


def run(recipe, folder):
    """Trains and evaluates; returns the numbers of `MEASURES`."""
    result = train(recipe, folder, resume=(folder / "run.json").exists(), check=False)
    found = evaluate(folder)
    tests = result.folder.read_record()["resolved"]["steps_per_test"]
    return {
        "accuracy": found.accuracy,
        "balanced_accuracy": found.balanced_accuracy,
        "least_recall": min(row["recall"] for row in found.classes),
        "updates": len(result.history) * tests,
        "cpu_seconds": result.cpu_seconds,
    }


def table(out):
    """Markdown of the mean of both arms, and of the differences within pairs."""
    lines = ["| pair | measure | without | with | difference (95 % interval) | n |"]
    lines.append("| --- | --- | --- | --- | --- | --- |")
    for name in PAIRS:
        arms = {}
        for arm in ("without", "with"):
            cells = out.glob(f"{slug(name)}-*-{arm}.json")
            read = {c.name.split("-")[-2]: json.loads(c.read_text()) for c in cells}
            arms[arm] = read
        seeds = sorted(arms["without"].keys() & arms["with"].keys())
        for measure in MEASURES if seeds else ():
            one, other = (np.array([arms[a][s][measure] for s in seeds]) for a in arms)
            lines.append(
                f"| {name} | {measure} | {one.mean():.4g} | {other.mean():.4g} | "
                f"{interval(other - one)} | {len(seeds)} |"
            )
    return "\n".join(lines) + "\n"


def interval(differences):
    """Mean and 95 % interval of paired differences."""
    n, mean = len(differences), differences.mean()
    if n < 2:
        return f"{mean:+.4g}"
    half = scipy.stats.t.ppf(0.975, n - 1) * differences.std(ddof=1) / math.sqrt(n)
    return f"{mean:+.4g} ({mean - half:+.4g} to {mean + half:+.4g})"


def slug(name):
    return "".join(c for c in name if c.isalnum())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--xray", type=pathlib.Path)
    parser.add_argument("--cifar", type=pathlib.Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--table", action="store_true")
    args = parser.parse_args()
    recipes = {} if args.table else bases(args)
    for seed in range(args.seeds):
        for name, (data, both, one) in PAIRS.items():
            for arm, fields in (("without", both), ("with", {**both, **one})):
                cell = args.out / f"{slug(name)}-{seed}-{arm}.json"
                if data not in recipes or cell.exists():
                    continue
                recipe = dataclasses.replace(recipes[data], seed=seed, **fields)
                numbers = run(recipe, args.out / "runs" / cell.stem)
                cell.write_text(json.dumps(numbers) + "\n")
                print(cell.stem, numbers, flush=True)
    text = table(args.out)
    (args.out / "table.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
