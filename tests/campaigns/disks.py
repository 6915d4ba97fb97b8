"""Commands meet a full disk, say so in one sentence, and lose nothing.

python tests/campaigns/disks.py [--count 60] [--seed 0] [--only WORDS] [--show]

From one of its changes on, a command finds no room for new files and folders; or no
file may grow beyond so many bytes. Then it ends with status 1 and a sentence without a
traceback, or well; every file under a final name is whole; and with room again the next
command gives what one gives that was never disturbed. Prints a line for each that falls
short, and one line of all.
"""

import random
import tempfile
from functools import partial
from pathlib import Path

import beside  # noqa: F401  must be first
from rooms import COMMANDS, files_up_to, full_from, known_commands
from telling import main, tell

BYTES = 30_000  # of the largest file that may be written, at most


def run(count, seed, only="", show=False):
    """`{"held" or "lost": number}`, and the lines about what was lost."""
    cases, rng = [], random.Random(seed)
    with known_commands(count, only) as (first, names, known):
        for name in names:
            changes, result = known[name]
            kind, number = rng.choice((full_from, files_up_to)), rng.randrange(BYTES)
            if kind is full_from:
                number = rng.randint(1, changes)
            case = partial(_try, first, name, kind(number), result)
            cases.append((f"{name} {kind.__name__} {number}", case))
        return tell(cases, show)


def _try(first, name, trouble, result):
    """What fell short, or `None`."""
    with tempfile.TemporaryDirectory(dir=first.path.parent) as place:
        room = first.copy(Path(place) / "room")
        status, said = room.run(COMMANDS[name][0], trouble)
        if status not in (0, 1) or "Traceback" in said:
            return f"ended with {status}: {said[-400:]}"
        complaints = [line for line in said.splitlines() if "keras-vit: " in line]
        if status == 1 and not complaints:
            return f"status 1 without a word: {said[-300:]}"
        if broken := room.broken():
            return broken
        return room.after(name, result) if status else None


if __name__ == "__main__":
    main("disks", __doc__, 60, run)
