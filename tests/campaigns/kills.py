"""Runs are killed at random moments, and end as if they never had been.

python tests/campaigns/kills.py [--count 20] [--seed 0] [--show]

A run that saves after every update is killed by SIGKILL at a random moment, resumed,
and perhaps killed again. At the end weights and history are those of a run that was
never killed, to the bit, and nothing else is left. Prints a line for each that falls
short, and one line of all.
"""

import os
import random
import signal
import tempfile
import time
from functools import partial
from pathlib import Path

import beside  # noqa: F401  must be first
from rooms import Room, import_all, undisturbed
from telling import main, tell

NAMES = ("train", "pretrain")
MOST = 3  # kills of one run


def run(count, seed, only="", show=False):
    """`{"held" or "lost": number}`, and the lines about what was lost.

    Args:
        count: Integer, the number of kills.
    """
    import_all()
    with tempfile.TemporaryDirectory() as top:
        top, rng = Path(top), random.Random(seed)
        first, known = Room.made(top / "first"), {}
        cases, left = [], count
        while left > 0:
            name = NAMES[len(cases) % len(NAMES)]
            if name not in known:
                begun = time.monotonic()
                _, result = undisturbed(first, name, top)
                known[name] = result, time.monotonic() - begun
            result, seconds = known[name]
            moments = [rng.uniform(0, seconds) for _ in range(min(left, MOST))]
            left -= len(moments)
            words = " ".join(f"{moment:.1f}" for moment in moments)
            cases.append(
                (f"{name} {words} s", partial(_try, first, name, moments, result))
            )
        return tell(cases, show)


def _try(first, name, moments, result):
    """What fell short, or `None`."""
    with tempfile.TemporaryDirectory(dir=first.path.parent) as place:
        room = first.copy(Path(place) / "room")
        for moment in moments:
            child = room.start(room.next_command(name) + " --save-minutes 0")
            time.sleep(moment)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            if broken := room.broken():
                return broken
        return room.after(name, result)


if __name__ == "__main__":
    main("kills", __doc__, 20, run)
