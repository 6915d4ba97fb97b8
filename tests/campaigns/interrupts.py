"""Interrupts a training command at many moments, and judges each in the same way.

python tests/campaigns/interrupts.py [--count 40] [--seed 0] [--only SIGTERM] [--show]

From its first line on, a command that is sent SIGINT or SIGTERM ends with the status
of the signal and "Stopped" on stderr, without a traceback. It leaves no folder, or a
run and the command that continues it. A moment is one of the events that Python's audit
hooks see: imports, files that are opened, code that is compiled. The exit status is 1
if one fell short.
"""

import collections
import os
import random
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import beside  # noqa: F401  must be first
import numpy as np
from PIL import Image
from telling import main

SECONDS = 300
WORDS = "train --data photos --run r --epochs 3 --image-size 32 --batch-size 16"
WORDS = [*WORDS.split(), "--jit-compile", "no"]

# Runs the command, and sends a signal twice, as `timeout` does, at its N-th event after
# the first line of the package.
_PROGRAM = """
import os, runpy, signal, sys
from _thread import get_ident
left, sent = int(sys.argv[1]), int(sys.argv[2])
begun, main, own, kill = False, get_ident(), os.getpid(), os.kill

def look(name, args):
    global begun, left
    if name == "import" and args[0] == "keras_vit.common.environment":
        begun = True
    if begun and get_ident() == main:
        left -= 1
        if left == 0:
            kill(own, sent)
            kill(own, sent)

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.addaudithook(look)
sys.argv[:] = ["keras-vit", *sys.argv[3:]]
try:
    runpy.run_module("keras_vit", run_name="__main__")
finally:
    begun = False
    if left > 0:
        print("events left:", left, file=sys.stderr)
"""


def command(moment, sent, folder):
    """The ended process of a command that is sent a signal at a moment."""
    package = str(Path(__file__).parents[2])
    paths = os.pathsep.join([package, os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(moment), str(int(sent)), *WORDS],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


def judged(result, folder, sent):
    lines, last = result.stderr.splitlines(), "keras-vit: Stopped"
    if result.returncode != 128 + sent:
        return "lost", f"status {result.returncode}: {result.stderr[-300:]!r}"
    if "Traceback" in result.stderr or "Exception ignored" in result.stderr:
        return "lost", f"a traceback: {result.stderr[-300:]!r}"
    if (folder / "r").exists():
        if not (folder / "r" / "run.json").exists():
            return "lost", f"left {sorted(p.name for p in (folder / 'r').iterdir())}"
        if not any("--resume" in line for line in lines):
            return "lost", f"does not say how to go on: {lines[-2:]}"
    if not any(line.startswith(last) for line in lines):
        return "lost", f"does not say that it stopped: {lines[-2:]}"
    left = {path.name for path in folder.iterdir()} - {"photos", "r"}
    return ("lost", f"left {left}") if left else ("held", lines[-1])


def run(count, seed, only="", show=False):
    """`{"held" or "lost": number}`, and the lines about what was lost."""
    outcome, lines, rng = collections.Counter(), [], random.Random(seed)
    with tempfile.TemporaryDirectory() as room:
        whole = _place(Path(room) / "whole")
        many = 10**9
        result = command(many, signal.SIGINT, whole)
        assert result.returncode == 0, result.stderr
        events = many - int(result.stderr.rpartition("events left:")[2])
        for number in range(count):
            # As many early ones as late ones, which are further apart.
            moment = round(events ** rng.uniform(0.2, 1))
            sent = rng.choice((signal.SIGINT, signal.SIGTERM))
            if only not in sent.name:
                continue
            folder = _place(Path(room) / str(number))
            what, why = judged(command(moment, sent, folder), folder, sent)
            outcome[what] += 1
            line = f"{what}: event {moment} of {events}, signal {int(sent)}: {why}"
            if what == "lost":
                lines.append(line)
            if show or what == "lost":
                print(line, flush=True)
    return outcome, lines


def _place(folder):
    """A folder with a few images of two classes."""
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (folder / "photos" / name).mkdir(parents=True)
        for k in range(8):
            pixels = rng.integers(0, 256, (20, 24, 3), "uint8")
            Image.fromarray(pixels).save(folder / "photos" / name / f"{k}.png")
    return folder


if __name__ == "__main__":
    main("interrupts", __doc__, 40, run)
