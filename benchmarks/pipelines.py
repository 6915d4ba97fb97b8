"""Input pipelines: how near do they come to decoding alone, and do they keep it up?

    python benchmarks/pipelines.py [--quick] [--rounds 5] [--out FILE.json]
    python benchmarks/pipelines.py --only memory

Makes a few hundred JPEGs of about 500 pixels and 100 kB, as ImageNet's are, and turns
them into batches of 64 at 224 pixels. `limit` is what this machine can decode: tf.data
with a parallel map that reads, decodes (in training: samples an Inception crop, decodes
that, accurate DCT) and resizes, and batches; nothing else. `keras_vit` is
`Source.batches`: evaluation; and training with Inception crop, flip, RandAugment(2, 10)
and mixup. `torchvision` does the same in a DataLoader of two workers, `keras` with
`image_dataset_from_directory` and Keras's layers; both only where they are installed.

Each contender has a process of its own. They take turns, and start afresh at every
turn, so that nothing was prepared while others worked. Ratios are medians over the
rounds. The memory of the training pipeline is read after 5,000 and 20,000 images.
"""

import argparse
import json
import os
import pathlib
import statistics
import tempfile
from importlib.util import find_spec

import harness
import machine
import numpy as np
import pipeline_contenders

DISTINCT, COPIES = 256, 8
WORKLOADS = ("evaluation", "training")
CONTENDERS = {"keras_vit": "tensorflow", "torchvision": "torchvision", "keras": "keras"}
# Images per turn. Keras's RandAugment manages some ten in a second.
TURN = {("keras", "training"): 64}
TARGETS = {  # images per second of ours over theirs
    ("evaluation", "limit"): 0.90,
    ("training", "limit"): 0.70,
    ("evaluation", "torchvision"): 1.0,
    ("training", "torchvision"): 1.0,
    ("evaluation", "keras"): 1.0,
    ("training", "keras"): 1.0,
}
STEADY = 1.05  # memory after 20,000 images over that after 5,000


def make_photos(folder, distinct, copies):
    """JPEGs in `folder/<a, b>/`: octaves of smooth noise, grain, 500 pixels long."""
    from PIL import Image

    for name in ("a", "b"):
        (folder / name).mkdir()
    shapes = ((375, 500), (500, 375), (333, 500), (500, 500))
    size = 0
    for i in range(distinct):
        random = np.random.default_rng(i)
        pixels = _photo(random, *shapes[i % 4])
        first = folder / "ab"[i % 2] / f"{i:04d}_0.jpg"
        Image.fromarray(pixels).save(first, quality=92)
        size += first.stat().st_size
        for copy in range(1, copies):
            os.link(first, first.with_name(f"{i:04d}_{copy}.jpg"))
    return size / distinct


def _photo(random, height, width):
    from PIL import Image

    image = random.normal(0, 11, (height, width, 1))  # grain
    strength = 50.0
    for octave in (4, 8, 16, 32, 64, 128, 256, 500):
        cells = [max(2, length * octave // 500) for length in (height, width)]
        grey, colour = random.normal(size=(*cells, 1)), random.normal(size=(*cells, 3))
        noise = (0.7 * grey + 0.3 * colour).astype(np.float32)
        layers = [
            Image.fromarray(noise[..., c]).resize((width, height), Image.BICUBIC)
            for c in range(3)
        ]
        image = image + strength * np.stack(layers, -1)
        strength *= 0.62
    return np.clip(127 + image, 0, 255).astype(np.uint8)


def compare(workload, folder, total, rounds):
    """One row per contender, the limit first."""
    rows, workers, counts = [], {}, {}
    for name in ("limit", *CONTENDERS):
        needs = CONTENDERS.get(name, "tensorflow")
        if not find_spec(needs):
            rows.append({"contender": name, "status": "not installed"})
            continue
        counts[name] = min(total, TURN.get((name, workload), total))
        workers[name] = harness.Worker(
            name,
            f"pipeline_contenders:{name}",
            {"folder": str(folder), "training": workload == "training"}
            | {"count": counts[name]},
        )
        try:
            workers[name].ready()
        except harness.WorkerError as error:
            workers.pop(name).close()
            rows.append({"contender": name, "status": str(error)})
    results = harness.interleave(workers, rounds, 1)
    for worker in workers.values():
        worker.close()
    measured = [_row(name, results, counts) for name in results]
    return measured + rows


def _row(name, results, counts):
    result = results[name]
    if "error" in result:
        return {"contender": name, "status": result["error"]}
    rates = [counts[name] / seconds for seconds in result["wall"]]
    row = {
        "contender": name,
        "status": "ok",
        "images_per_second": statistics.median(rates),
        "cpu_ms_per_image": 1e3 * statistics.median(result["cpu"]) / counts[name],
        "peak": result["peak"],
        "rounds": rates,
    }
    ratio = harness.paired_ratio(result, results.get("keras_vit", {}), "wall")
    if ratio:  # seconds per image of theirs over ours
        row["ours_over_this"] = ratio * counts["keras_vit"] / counts[name]
    return row


def memory(folder, marks):
    """Resident bytes of the training pipeline after so many images each."""
    worker = harness.Worker(
        "memory",
        "pipeline_contenders:memory",
        {"folder": str(folder), "marks": marks},
    )
    try:
        worker.ready()
    except harness.WorkerError as error:
        return {"error": str(error)}
    finally:
        worker.close()
    return worker.facts


def print_rows(workload, rows):
    print(f"\n{workload}\ncontender     images/s   CPU/image      peak   ours / this")
    for row in rows:
        if row["status"] != "ok":
            print(f"{row['contender']:12} {row['status']}")
            continue
        print(
            f"{row['contender']:12} {row['images_per_second']:9.0f} "
            f"{row['cpu_ms_per_image']:8.2f} ms {row['peak'] / 1e9:6.2f} GB "
            f"{row.get('ours_over_this', float('nan')):13.2f}"
        )


def check_targets(report):
    for (workload, other), limit in TARGETS.items():
        for row in report.get(workload, ()):
            if row["contender"] == other and row["status"] == "ok":
                value = row.get("ours_over_this")
                if value is None:
                    print(f"{workload} / {other}: not known, keras_vit did not run")
                    continue
                verdict = "met" if value >= limit else "MISSED"
                print(f"{workload} / {other}: {value:.2f} >= {limit:.2f}  {verdict}")
    if "memory" in report:
        _check_memory(report)


def _check_memory(report):
    if "error" in report["memory"]:
        print(f"memory: not measured; {report['memory']['error']}")
        return
    small, large = report["memory"].values()
    verdict = "met" if large <= STEADY * small else "MISSED"
    marks = " and ".join(f"{int(mark):,}" for mark in report["memory"])
    print(
        f"memory after {marks} images: {small / 1e6:.0f} and {large / 1e6:.0f} MB  "
        f"{verdict}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few images, two rounds")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=(*WORKLOADS, "memory"))
    parser.add_argument("--out", type=pathlib.Path)
    arguments = parser.parse_args()
    copies, rounds = (3, 2) if arguments.quick else (COPIES, arguments.rounds)
    marks = (1000, 2000) if arguments.quick else (5000, 20000)
    report = {"machine": machine.describe(), "batch": pipeline_contenders.BATCH}
    names = ("keras-vision-transformer", "tensorflow", "keras", "torchvision", "pillow")
    report["versions"] = machine.versions(*names)
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        report["bytes_per_image"] = make_photos(folder, DISTINCT, copies)
        for workload in WORKLOADS:
            if arguments.only in (None, workload):
                rows = compare(workload, folder, DISTINCT * copies, rounds)
                report[workload] = rows
                print_rows(workload, rows)
        if arguments.only in (None, "memory"):
            report["memory"] = memory(folder, marks)
        check_targets(report)
    if arguments.out:
        arguments.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
