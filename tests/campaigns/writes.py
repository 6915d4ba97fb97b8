"""Commands die at a write, and the next one must make up for it.

python tests/campaigns/writes.py [--count 100] [--seed 0] [--only WORDS] [--show]

A command is killed before one of its changes of a file or folder: opening to write,
flushing, renaming, making or removing. Then every file under a final name is whole, the
next command ends well, its result is that of a command that was never disturbed, and
nothing else is left. Prints a line for each that falls short, and one line of all.
"""

import random
import signal
import tempfile
from functools import partial
from pathlib import Path

import beside  # noqa: F401  must be first
from rooms import COMMANDS, dying, known_commands
from telling import main, tell


def run(count, seed, only="", show=False):
    """`{"held" or "lost": number}`, and the lines about what was lost."""
    cases, rng = [], random.Random(seed)
    with known_commands(count, only) as (first, names, known):
        for name in names:
            changes, result = known[name]
            at = rng.randint(1, changes)
            cases.append((f"{name} {at}", partial(_try, first, name, at, result)))
        return tell(cases, show)


def _try(first, name, at, result):
    """What fell short, or `None`."""
    with tempfile.TemporaryDirectory(dir=first.path.parent) as place:
        room = first.copy(Path(place) / "room")
        status, said = room.run(COMMANDS[name][0], dying(at))
        if status != -signal.SIGKILL:  # it had fewer changes this time
            return None if status == 0 else f"ended with {status}: {said[-300:]}"
        return room.broken() or room.after(name, result)


if __name__ == "__main__":
    main("writes", __doc__, 100, run)
