"""How changes of files are listed: what kind they are, and for which layouts.

A change is a function of `(rng, folder, layout)` that changes a sound file in place.
"""

import functools

from layouts_of_files import LAYOUTS

HARMLESS, HOSTILE, DAMAGED = "harmless", "hostile", "damaged"
CHANGES = []  # of `(name, kind, layouts, function)`
SAFETENSORS = ("timm", "hub", "sharded")
CONFIGURED = ("hub", "sharded")


def change(kind, *layouts, each=(None,)):
    """Lists a function, once for each value that it takes first."""

    def listed(function):
        for value in each:
            name = function.__name__ + ("" if value is None else f"[{value}]"[:40])
            call = function if value is None else functools.partial(function, value)
            CHANGES.append((name, kind, layouts or tuple(LAYOUTS), call))
        return function

    return listed


def file_of(folder, layout):
    """The file that is changed."""
    return folder / LAYOUTS[layout].file
