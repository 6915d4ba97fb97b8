"""Words for values: names, durations, sizes, tables."""

import os


def display(name) -> str:
    """A file name that can be printed, also one that isn't valid UTF-8."""
    name = os.fsdecode(name) if isinstance(name, bytes) else str(name)
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def as_duration(seconds):
    """`90` as `"1.5 min"`: a number that nobody takes for exact."""
    for limit, unit, name in ((90, 1, "s"), (5400, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / unit:.2g} {name}"
    return f"{seconds / 86_400:.2g} days"
