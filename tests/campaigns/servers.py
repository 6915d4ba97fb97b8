"""Downloads from many kinds of servers, and judges each in the same way.

python tests/campaigns/servers.py [--count 100] [--seed 0] [--only WORDS] [--show]

A download ends in the right file, or in one ValueError or OSError that names the
address and leaves nothing behind, within a bound. It must be right from servers that
send the file in an unusual way, or break off and go on. Prints a line for each that
falls short, and at the end one line of all. The exit status is 1 if one fell short.
"""

import collections
import contextlib
import hashlib
import io
import os
import random
import re
import socket
import tempfile
import threading
import time
from pathlib import Path
from unittest import mock

import beside  # noqa: F401  must be first
import golden
import numpy as np
from misbehaving import KINDS, REFUSED, RIGHT, Talk
from telling import main

SECONDS = 60  # the bound, on a machine that does other things too
LETTERS = 900  # of a message, with a path twice

# Kinds that end by a time-out.
SLOW = "drip|silent"

# Some of the kinds leave a file that only its checksum tells from the right one.
KNOWN_BY_CHECKSUM = ("one other byte", "cut without length")


@contextlib.contextmanager
def serving(behave, data, rng):
    """The address of a server that behaves so, and how often it was asked."""
    listener = socket.create_server(("127.0.0.1", 0))
    over, asked, threads = threading.Event(), [], []

    def talk(connection, number):
        with connection, contextlib.suppress(OSError):
            connection.settimeout(30)
            request = b""
            while b"\r\n\r\n" not in request:
                request += connection.recv(10_000) or b"\r\n\r\n"
            first, *lines = request.decode("latin-1").splitlines()
            asked.append(first)
            pairs = (line.partition(": ") for line in lines if line)
            headers = {name.lower(): value for name, _, value in pairs}
            path = (first.split() + ["", ""])[1]
            behave(Talk(connection, headers, number, path, data, rng, over.is_set))

    def accept():
        while not over.is_set():
            with contextlib.suppress(TimeoutError):
                connection = listener.accept()[0]
                threads.append(
                    threading.Thread(target=talk, args=(connection, len(threads)))
                )
                threads[-1].start()

    listener.settimeout(0.05)
    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/w.npz", asked
    finally:
        over.set()
        for thread in (accepting, *threads):
            thread.join()
        listener.close()


def judged(name, data, rng, room):
    """Whether a download from one kind of server held, and why."""
    from keras_vit.checkpoints.files import download, transfer
    from keras_vit.checkpoints.opening import open_source

    must, behave = KINDS[name]
    sha256 = hashlib.sha256(data).hexdigest() if name in KNOWN_BY_CHECKSUM else None
    limits = transfer.Limits(
        idle=2.0, window=2.0, least=1000, total=20.0, size=10**7, header=10**5
    )
    begun, folder = time.monotonic(), Path(room) / "models" / "keras_vit"
    with (
        serving(behave, data, rng) as (address, _),
        mock.patch.object(transfer, "LIMITS", limits),
        mock.patch.dict(os.environ, {"KERAS_HOME": room, "KERAS_VIT_OFFLINE": "0"}),
    ):
        try:
            path = download.fetch(address, sha256=sha256, check=open_source)
        except (ValueError, OSError) as error:
            what, why = REFUSED, str(error)
        except Exception as error:
            return "lost", f"{type(error).__name__}: {error}"
        else:
            what, why = RIGHT, ""
            if path.read_bytes() != data:
                return "lost", "took other bytes"
    took, left = time.monotonic() - begun, sorted(p.name for p in folder.iterdir())
    if what != must:
        return "lost", f"{what}, and must be {must}: {why}"
    if what == REFUSED and left:
        return "lost", f"left {left}"
    if what == REFUSED and not (address in why and why.isprintable()):
        return "lost", f"does not name its address, or rings: {why!r}"
    if what == REFUSED and len(why) > LETTERS:
        return "lost", f"a message of {len(why)} characters"
    if what == RIGHT and len(left) != 2:
        return "lost", f"left {left}"
    if took > SECONDS:
        return "lost", f"took {took:.0f} seconds"
    if socket.getdefaulttimeout() is not None:
        return "lost", "changed the time-out of the whole process"
    return "held", why or what


def run(count, seed, only="", show=False, without="$^"):
    """`{"held" or "lost": number}`, and the lines about what was lost."""
    outcome, lines = collections.Counter(), []
    names = list(KINDS)
    random.Random(seed).shuffle(names)
    for number in range(count):
        name, rng = names[number % len(names)], random.Random(f"{seed} {number}")
        if not re.search(only, name) or re.search(without, name):
            continue
        with tempfile.TemporaryDirectory() as room:
            what, why = judged(name, _weights(number), rng, room)
            why = why.replace(room, "")
        outcome[what] += 1
        if what == "lost":
            lines.append(f"lost: {number} {name}: {why}")
        if show or what == "lost":
            print(f"{what}: {number} {name}: {why}", flush=True)
    return outcome, lines


def _weights(number):
    """The bytes of a sound file, other ones for each number."""
    arrays = golden.arrays("vit/token_norep.ckpt.npz")
    first = next(iter(arrays))
    buffer = io.BytesIO()
    np.savez(buffer, **{**arrays, first: np.full_like(arrays[first], number)})
    return buffer.getvalue()


if __name__ == "__main__":
    main("servers", __doc__, len(KINDS), run)
