"""Where a contender's step spends its time, by operation.

    python benchmarks/op_profile.py keras_vit train float32 [--jit] [--steps 5]

Adds up the durations of each kind of operation over all threads. Of every operation the
fastest of the profiled steps counts, so that a busy machine disturbs less. Operations
that run at the same time count both, so the sum can exceed the wall time.
"""

import argparse
import collections
import glob
import os
import sys
import tempfile

import harness
import machine


def tensorflow_events(step, steps):
    """Seconds and calls of each kind of operation, per step."""
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            for _ in range(steps):
                step()
        (path,) = glob.glob(f"{folder}/**/*.xplane.pb", recursive=True)
        space = xplane_pb2.XSpace.FromString(open(path, "rb").read())
    durations = collections.defaultdict(list)  # of every node of the graph
    for plane in space.planes:
        if "host:CPU" not in plane.name:
            continue
        for line in plane.lines:
            for event in line.events:
                name = plane.event_metadata[event.metadata_id].name
                if name.startswith("$") or "::" in name or ":" not in name:
                    continue  # Python frames and the executor itself
                durations[name.partition("#")[0]].append(event.duration_ps / 1e12)
    seconds, calls = collections.Counter(), collections.Counter()
    for name, all_steps in durations.items():
        kind, count = name.rpartition(":")[2], max(len(all_steps) // steps, 1)
        if kind.startswith("__"):
            continue  # a whole function
        seconds[kind] += sum(sorted(all_steps)[:count])
        calls[kind] += count
    return seconds, calls


def torch_events(step, steps):
    """The mean over the steps: PyTorch's operations have no name of their own."""
    from torch import profiler

    with profiler.profile(activities=[profiler.ProfilerActivity.CPU]) as profile:
        for _ in range(steps):
            step()
    averages = profile.key_averages()
    seconds = {e.key: e.self_cpu_time_total / 1e6 / steps for e in averages}
    return collections.Counter(seconds), {e.key: e.count // steps for e in averages}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("contender")
    parser.add_argument("workload", choices=["forward", "train"])
    parser.add_argument("dtype", choices=["float32", "bfloat16"])
    parser.add_argument("--jit", action="store_true")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--threads", type=int, default=machine.cores())
    o = parser.parse_args()
    os.environ.update(harness.worker_environment(o.threads))
    sys.path.append(str(harness.HERE.parent))
    import contenders  # after the thread counts are set

    step, _ = contenders.prepare(o.contender, o.workload, o.dtype, o.jit)
    sample = harness.measure(step, o.steps)
    on_torch = o.contender in contenders.TORCH_MODELS
    read = torch_events if on_torch else tensorflow_events
    seconds, calls = read(step, o.steps)
    print(f"{o.contender} {o.workload} {o.dtype}, unprofiled per step: ", end="")
    print(f"{sample['wall']:.3f} s wall, {sample['cpu']:.3f} s CPU")
    total = sum(seconds.values())
    for kind, time in seconds.most_common(30):
        each = f"{time * 1e3:9.1f} ms {time / total:6.1%} {calls[kind]:7} calls"
        print(f"  {kind[:48]:48} {each}")
    print(f"  {'sum':48} {total * 1e3:9.1f} ms")


if __name__ == "__main__":
    main()
