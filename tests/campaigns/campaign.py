"""Tries hundreds of changed weight files, and judges each in the same way.

python tests/campaigns/campaign.py [--count 500] [--seed 0] [--only WORDS] [--show]

A file must load right (the numbers that it holds, in their places), or be refused by a
ValueError or OSError that names it and a remedy, in less than 20 seconds and 4 GB, and
the model that it was for stays as it was. A harmlessly changed file must load right.
Prints a line for each file that falls short, and at the end one line of all. The exit
status is 1 if one fell short.
"""

import collections
import contextlib
import json
import os
import queue
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import beside  # noqa: F401  must be first
from drawing import draw
from judging import Judge
from layouts_of_files import LAYOUTS, write_sound
from telling import main

SECONDS, BYTES = 20, 4 * 10**9
_PATIENCE = 6  # as many times longer on the clock, where the processor is shared


def work():
    """Judges the files that come in by name, one a line."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    answers = os.dup(1)
    os.dup2(2, 1)  # nobody else writes where the answers go
    with tempfile.TemporaryDirectory() as room:
        judge = Judge(room)
        for layout in LAYOUTS:
            judge.sound_model(layout)
        os.write(answers, b'["ready", ""]\n')
        for line in sys.stdin:
            layout, kind, folder = json.loads(line)
            try:
                answer = judge(layout, kind, Path(folder))
            except Exception as error:  # of an independent reader
                answer = "lost", f"the judge: {type(error).__name__}: {error}"
            answer = [answer[0], answer[1][:400]]
            os.write(answers, json.dumps(answer).encode() + b"\n")


class Worker:
    """A process that judges files, replaced when it dies or goes too far."""

    script = __file__

    def __init__(self):
        self._process = None

    def judged(self, *case):
        if self._process is None:
            self._start()
        self._process.stdin.write(json.dumps(case) + "\n")
        self._process.stdin.flush()
        answer = self._answer(SECONDS)
        if answer[0] not in ("held", "lost"):
            self.stop()
            return "lost", answer[1]
        return answer

    def _start(self):
        command = [sys.executable, self.script, "--worker"]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._lines = queue.Queue()
        threading.Thread(
            target=_forward, args=(self._process.stdout, self._lines), daemon=True
        ).start()
        assert self._answer(600)[0] == "ready"

    def _answer(self, seconds):
        end, begun = time.monotonic() + _PATIENCE * seconds, self._busy()
        while time.monotonic() < end and self._busy() < begun + seconds:
            line = None
            with contextlib.suppress(queue.Empty):
                line = self._lines.get(timeout=0.1)
            if _memory(self._process.pid) > BYTES:
                return ["memory", f"more than {BYTES:,} bytes of memory"]
            if line is not None:
                return json.loads(line) if line else ["died", "the process died"]
        return ["time", f"longer than {seconds} seconds"]

    def _busy(self):
        """The seconds of processor time that it took, where Linux tells them."""
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{self._process.pid}/stat").read_text().split()
            return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
        return 0

    def stop(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = None


def _forward(stream, lines):
    for line in stream:
        lines.put(line)
    lines.put("")


def _memory(process):
    """The most bytes of memory that a process has held, where Linux tells them."""
    with contextlib.suppress(OSError):
        status = Path(f"/proc/{process}/status").read_text()
        if found := re.search(r"VmHWM:\s*(\d+) kB", status):
            return int(found[1]) * 1024
    return 0


def run(count, seed, only="", show=False):
    """`{"held" or "lost": number}`, and the lines about what was lost."""
    worker, outcome, lines = Worker(), collections.Counter(), []
    with tempfile.TemporaryDirectory() as room:
        sound = Path(room) / "sound"
        for layout in LAYOUTS:
            (sound / layout).mkdir(parents=True)
            write_sound(layout, sound / layout)
        for number, name, kind, layout, change in draw(count, seed):
            case = f"{number} {kind} {layout} {name}"
            if not re.search(only, case):
                continue
            folder = Path(room) / f"case{number}"
            _copy(sound / layout, folder)
            change(random.Random(f"{seed} {number}"), folder, layout)
            what, why = worker.judged(layout, kind, str(folder))
            outcome[what] += 1
            if what == "lost":
                lines.append(f"lost: {case}: {why}".replace(room, ""))
            if show or what == "lost":
                print(f"{what}: {case}: {why}".replace(room, ""), flush=True)
            if Path("hacked").exists():
                raise SystemExit(f"code of a file ran: {case}")
    worker.stop()
    return outcome, lines


def _copy(source, target):
    target.mkdir()
    for file in source.iterdir():
        (target / file.name).write_bytes(file.read_bytes())


if __name__ == "__main__":
    main("campaign", __doc__, 500, run, work)
