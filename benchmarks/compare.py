"""Compare keras_vit's speed and memory with its peers', side by side in one run.

    python benchmarks/compare.py                       about 25 minutes on two cores
    python benchmarks/compare.py --quick               a rough idea in some minutes
    python benchmarks/compare.py --only train-float32 --contenders keras-hub timm

Every contender runs in a process of its own; they take turns, round by round. Prints a
table per case and the targets; writes compare.json and compare.png. See README.md.
"""

import argparse
import json
import pathlib
import statistics
import sys
import time
from importlib.util import find_spec
from typing import NamedTuple

import chart
import contenders
import harness
import machine
import tables

OURS, GEMM = "keras_vit", "GEMM"
MODELS = {"forward": "ViT-B/16 forward", "train": "ViT-S/16 training step"}
CASES = {
    f"{workload}-{dtype}": (workload, dtype)
    for workload in ("forward", "train")
    for dtype in ("float32", "bfloat16")
}
TITLES = {
    case: f"{model}, {dtype}, batch {contenders.BATCH}"
    for case, (workload, dtype) in CASES.items()
    for model in [MODELS[workload]]
}
FLOAT32 = f"{OURS} float32"  # a reference beside the bfloat16 contenders


class Target(NamedTuple):
    """Ours over the other's `key` is at most the limit; of the ceiling at least."""

    case: str
    key: str  # "wall", "peak" or "ceiling"
    other: str
    limit: float


TARGETS = (
    Target("forward-float32", "wall", "keras-hub", 0.95),
    Target("forward-float32", "wall", "transformers", 0.90),
    Target("forward-float32", "ceiling", GEMM, 0.92),
    Target("forward-bfloat16", "wall", "transformers", 0.85),
    Target("train-float32", "wall", "keras-hub", 0.90),
    Target("train-float32", "wall", "transformers", 0.95),
    Target("train-float32", "ceiling", GEMM, 0.78),
    Target("train-float32", "peak", "keras-hub", 0.85),
    Target("train-bfloat16", "wall", "keras-hub", 0.95),
    Target("train-bfloat16", "wall", FLOAT32, 0.68),
)


def base(name):
    """The contender's key in `contenders.py`."""
    return OURS if name == FLOAT32 else name


def start(case, name, options, jit=False):
    """Starts the worker of one contender; `None` and a reason if it cannot run."""
    workload, dtype = CASES[case]
    if name in (GEMM, FLOAT32):
        dtype = "float32"
    contender = base(name)
    for module in contenders.NEEDS.get(contender, ("tensorflow",)):
        if find_spec(module) is None:
            return None, f"not installed (no module {module!r})"
    target, kwargs = "contenders:prepare_gemm", {"dtype": dtype}
    if name != GEMM:
        target = "contenders:prepare"
        kwargs.update(contender=contender, workload=workload, jit=jit)
    worker = harness.Worker(name, target, kwargs, threads=options.threads)
    try:
        worker.ready()  # one at a time, or the start-ups would slow each other
    except harness.WorkerError as error:
        worker.close()
        return None, f"failed: {error}"
    return worker, None


def start_fastest(case, name, options):
    """The worker of `name`; of a Keras model with or without XLA, whichever is faster.

    Returns:
        The worker or `None`, and what is known about it, for the report.
    """
    is_keras = base(name) in contenders.KERAS_MODELS
    jit = is_keras and options.jit == "on"
    worker, reason = start(case, name, options, jit)
    row = {"contender": name, "status": reason or "ok", "jit": jit}
    if worker is None or not is_keras or options.jit != "auto":
        return worker, row
    compiled, reason = start(case, name, options, jit=True)
    if compiled is None:
        row["with_jit"] = reason
        return worker, row
    pair = {"plain": worker, "jit": compiled}
    trial = harness.interleave(pair, 3, 1)
    ratio = harness.paired_ratio(trial["jit"], trial["plain"], "wall")
    row["with_jit"] = trial["jit"].get("error") or {"time_ratio_to_without": ratio}
    if ratio is not None and ratio < 1:
        worker, compiled, row["jit"] = compiled, worker, True
    compiled.close()
    return worker, row


def run_case(case, options):
    """Measures every contender of one case; returns its part of the report."""
    names = [OURS, *options.contenders, GEMM]
    if case == "train-bfloat16":
        names.insert(1, FLOAT32)
    rows, workers = {}, {}
    try:
        for name in names:
            show(f"{case}: starting {name}")
            worker, rows[name] = start_fastest(case, name, options)
            if worker:
                workers[name] = worker
                rows[name].update(worker.facts, startup=worker.startup)
        before, began = machine.busy_seconds(), time.perf_counter()
        results = harness.interleave(
            workers,
            options.rounds,
            options.iterations,
            lambda i, n: show(f"{case}: round {i} of {n}"),
        )
        elapsed = time.perf_counter() - began
    finally:
        for worker in workers.values():
            worker.close()
    show("")
    for name, result in results.items():
        rows[name].update(result)
        if "error" in result:
            rows[name]["status"] = f"failed: {result['error']}"
    report = {"rows": list(rows.values()), "rounds": options.rounds}
    if before is not None:
        own = sum(sum(r.get("cpu", ())) for r in results.values()) * options.iterations
        others = (machine.busy_seconds() - before - own) / (elapsed * machine.cores())
        report["machine_used_by_others"] = max(others, 0.0)
    add_ratios(case, rows)
    return report


def add_ratios(case, rows):
    """Medians, ours relative to each row, and each row's share of the ceiling."""
    work = contenders.gflops(CASES[case][0])
    ceiling = rows[GEMM]
    for name, row in rows.items():
        if not row.get("wall"):
            continue
        for key in ("wall", "cpu"):
            row[f"median_{key}"] = statistics.median(row[key])
            row[f"ours_over_this_{key}"] = harness.paired_ratio(rows[OURS], row, key)
        if rows[OURS].get("peak"):
            row["ours_over_this_peak"] = rows[OURS]["peak"] / row["peak"]
        done = row["gflops"] if name == GEMM else work
        row["gflops_per_second"] = done / row["median_wall"]
        if ceiling.get("wall"):
            rate = harness.paired_ratio(ceiling, row, "wall")
            row["share_of_ceiling"] = rate * done / ceiling["gflops"]


def check_targets(cases):
    """The targets that this run could measure, each with its value."""
    checked = []
    for target in TARGETS:
        rows = {r["contender"]: r for r in cases.get(target.case, {}).get("rows", ())}
        if target.key == "ceiling":
            value = rows.get(OURS, {}).get("share_of_ceiling")
            met = value is not None and value >= target.limit
        else:
            value = rows.get(target.other, {}).get(f"ours_over_this_{target.key}")
            met = value is not None and value <= target.limit
        if value is not None:
            checked.append({**target._asdict(), "value": value, "met": met})
    return checked


def show(text):
    """A line on stderr that the next one overwrites."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def parse(arguments=None):
    peers = [name for name in contenders.NEEDS if name != OURS]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="3 rounds of 1 step, XLA not tried")
    add("--rounds", type=int, help="default 9")
    add("--iterations", type=int, help="steps per round and contender, default 2")
    add("--only", nargs="+", choices=list(CASES), default=list(CASES), metavar="CASE")
    add("--contenders", nargs="*", choices=peers, default=peers, metavar="PEER")
    add("--jit", choices=["auto", "on", "off"], help="XLA for the Keras models")
    add("--threads", type=int, default=machine.cores(), help="default: all cores")
    add("--out", type=pathlib.Path, default=pathlib.Path("benchmark_results"))
    options = parser.parse_args(arguments)
    quick = {"rounds": 3, "iterations": 1, "jit": "off"}
    full = {"rounds": 9, "iterations": 2, "jit": "auto"}
    for name, value in (quick if options.quick else full).items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    return options


def main():
    options = parse()
    sys.path.append(str(harness.HERE.parent))  # where the workers find keras_vit
    report = {
        "machine": machine.describe(),
        "threads": options.threads,
        "versions": machine.versions(
            *"keras tensorflow tensorflow-cpu keras-hub vit-keras torch".split(),
            *"transformers timm numpy".split(),
        ),
        "options": {k: str(v) for k, v in vars(options).items()},
        "date": time.strftime("%Y-%m-%d %H:%M:%S%z"),
        "cases": {},
    }
    options.out.mkdir(parents=True, exist_ok=True)
    for case in options.only:
        report["cases"][case] = run_case(case, options)
        tables.print_case(TITLES[case], report["cases"][case])
        report["targets"] = check_targets(report["cases"])
        # After every case: an interrupted run keeps what it has measured.
        (options.out / "compare.json").write_text(json.dumps(report, indent=1) + "\n")
    tables.print_targets(report["targets"])
    print(f"\nWrote {options.out / 'compare.json'}", end="")
    if chart.draw(report, TITLES, options.out / "compare.png"):
        print(f" and {options.out / 'compare.png'}", end="")
    print()


if __name__ == "__main__":
    main()
