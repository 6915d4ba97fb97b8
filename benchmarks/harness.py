"""Measure several contenders side by side, each in a process of its own.

A worker imports `module:function`, calls it once, and keeps the step that it returns.
The parent then asks the workers in turn, round by round, to run the step a few times,
so that whatever the machine does meanwhile hits all of them alike. While one works the
others block on a pipe and cost nothing.

    workers = {name: Worker(name, "module:function", kwargs) for ...}
    results = interleave(workers, rounds=7, iterations=2)
    paired_ratio(results["a"], results["b"], "wall")

The function returns `(step, facts)`: a callable without arguments that returns when its
work is done, and a JSON-able dictionary. This module imports nothing heavy: a new
process starts with the peak memory of the one that spawned it.
"""

import importlib
import json
import os
import pathlib
import resource
import select
import statistics
import subprocess
import sys
import tempfile
import time

import machine

HERE = pathlib.Path(__file__).resolve().parent
RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes


class WorkerError(RuntimeError):
    """A worker failed; the message is the last line that it wrote to stderr."""


class Worker:
    """A process that holds one prepared step.

    Args:
        name: String, for messages.
        target: `"module:function"`; the module lies beside this file or on the path.
        kwargs: JSON-able keyword arguments of that function.
        threads: Integer, threads of every library's parallel loops.
        timeout: Float, seconds that a single answer may take.
    """

    def __init__(self, name, target, kwargs, threads=None, timeout=900):
        self.name, self.timeout = name, timeout
        self.facts, self.startup = {}, None
        self._log = tempfile.TemporaryFile()
        self._started = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "harness.py"), target],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=worker_environment(threads or machine.cores()),
        )
        self._send(kwargs)

    def ready(self):
        """Waits until the step is prepared; sets `facts` and `startup` (seconds)."""
        self.facts = self._receive()
        self.startup = time.perf_counter() - self._started

    def run(self, iterations):
        """Seconds per iteration and the process's peak memory so far.

        Returns:
            Dictionary with `wall` and `cpu` (user and system) in seconds, and `peak`
            in bytes.
        """
        self._send(iterations)
        return self._receive()

    def close(self):
        if self._process.poll() is None:
            self._process.stdin.close()  # the worker reads the end of file and leaves
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process.stdout.close()
        self._log.close()

    def _send(self, message):
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # `_receive` finds out why

    def _receive(self):
        pipe = self._process.stdout
        if not select.select([pipe], [], [], self.timeout)[0]:
            raise WorkerError(f"no answer within {self.timeout:.0f} s")
        line = pipe.readline()
        if not line:
            raise WorkerError(self._last_words())
        return json.loads(line)

    def _last_words(self):
        code = self._process.wait()
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        lines = [line.strip() for line in lines if line.strip()]
        # Shutdown messages may follow the traceback's last line.
        errors = [s for s in lines if s.split(":")[0].endswith(("Error", "Exception"))]
        last = (errors or lines or ["no message"])[-1]
        return last if code >= 0 else f"killed by signal {-code}; {last}"


def serve(target):
    """The worker's side: prepare, then run what is asked until the pipe closes."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever the libraries print is no answer
    module, _, function = target.partition(":")
    step, facts = getattr(importlib.import_module(module), function)(
        **json.loads(sys.stdin.readline())
    )
    message = facts
    while True:
        print(json.dumps(message), file=answers, flush=True)
        line = sys.stdin.readline()
        if not line:
            break
        message = measure(step, json.loads(line))
    os._exit(0)  # some libraries take seconds to say goodbye


def measure(step, iterations):
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    for _ in range(iterations):
        step()
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return {
        "wall": wall / iterations,
        "cpu": cpu / iterations,
        "peak": after.ru_maxrss * RSS_UNIT,
    }


def interleave(workers, rounds, iterations, progress=None):
    """Lets the workers run in turn, `rounds` times, each round in another order.

    Args:
        workers: Dictionary of names to workers that are ready.
        rounds: Integer.
        iterations: Integer, steps in a row at each turn.
        progress: Callable `(round, rounds)`, or `None`.

    Returns:
        Names to `{"wall": [...], "cpu": [...], "peak": bytes}`, a number per round;
        a worker that failed has an `"error"` instead.
    """
    results = {name: {"wall": [], "cpu": [], "peak": 0} for name in workers}
    alive = list(workers)
    for i in range(rounds):
        shift = i % max(len(alive), 1)
        for name in alive[shift:] + alive[:shift]:
            try:
                sample = workers[name].run(iterations)
            except WorkerError as error:
                results[name] = {"error": str(error)}
                alive = [other for other in alive if other != name]
                continue
            results[name]["wall"].append(sample["wall"])
            results[name]["cpu"].append(sample["cpu"])
            results[name]["peak"] = sample["peak"]
        if progress:
            progress(i + 1, rounds)
    return results


def paired_ratio(ours, theirs, key):
    """The median over the rounds of `ours / theirs`, or `None` if one of them failed.

    Both ran within seconds of each other in every round, so the ratio is steadier
    than that of the two medians.
    """
    if not ours.get(key) or not theirs.get(key):
        return None
    return statistics.median(a / b for a, b in zip(ours[key], theirs[key]))


def worker_environment(threads):
    """The environment of a worker: equal thread counts, and this checkout first."""
    path = [str(HERE.parent), str(HERE), os.environ.get("PYTHONPATH", "")]
    counts = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
    return {
        **os.environ,
        **dict.fromkeys(counts, str(threads)),
        "TF_NUM_INTEROP_THREADS": str(threads),
        "BENCHMARK_THREADS": str(threads),
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "CUDA_VISIBLE_DEVICES": "",
        "HF_HUB_OFFLINE": "1",
    }


if __name__ == "__main__":
    serve(sys.argv[1])
