"""Changes of any file: bytes that got lost, and what is no file."""

import os

from changing import DAMAGED, HOSTILE, change, file_of


@change(DAMAGED, each=(0.0, 0.01, 0.3, 0.9, 0.999))
def truncated(share, rng, folder, layout):
    path = file_of(folder, layout)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share * rng.uniform(0.9, 1))])


@change(DAMAGED, each=(1, 2, 3, 4, 5, 6))
def bits_flipped(count, rng, folder, layout):
    """Anywhere, or where the tables of most formats are."""
    path = file_of(folder, layout)
    data = bytearray(path.read_bytes())
    ranges = (
        (0, len(data)),
        (0, min(4000, len(data))),
        (len(data) * 9 // 10, len(data)),
    )
    low, high = ranges[count % 3]
    for _ in range(count):
        data[rng.randrange(low, high)] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


@change(DAMAGED, each=("zeros", "gone", "twice", "noise", "tail"))
def block_changed(how, rng, folder, layout):
    path = file_of(folder, layout)
    data = path.read_bytes()
    start, size = rng.randrange(len(data)), rng.choice((1, 16, 512, 4096))
    block = data[start : start + size]
    new = {
        "zeros": bytes(len(block)),
        "gone": b"",
        "twice": block * 2,
        "noise": rng.randbytes(len(block)),
        "tail": block,
    }[how]
    end = rng.randbytes(size) if how == "tail" else b""
    path.write_bytes(data[:start] + new + data[start + size :] + end)


@change(HOSTILE, each=("pipe", "folder", "loop", "device", "pickle", "page"))
def no_file(what, rng, folder, layout):
    path = file_of(folder, layout)
    path.unlink()
    if what == "pipe":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    elif what == "loop":
        path.symlink_to(path.name)
    elif what == "device":
        path.symlink_to("/dev/zero")
    elif what == "pickle":
        path.write_bytes(b"\x80\x04cos\nsystem\n(S'touch hacked'\ntR.")
    else:
        path.write_bytes(b"<!DOCTYPE html><html>404</html>" * 40)
