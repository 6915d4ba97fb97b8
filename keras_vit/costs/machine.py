"""The free memory of this machine."""

import re
import subprocess
import sys
from pathlib import Path

import keras

# Larger limits of a control group mean that there is none.
_NO_LIMIT = 2**60


def available_memory():
    """Bytes that a training run could still use, or `None` if unknown.

    On a GPU, its memory; else what Linux calls available, or the rest of the limit of
    the container, if that is less; on macOS, all of the machine's memory.
    """
    devices = [str(device).lower() for device in keras.distribution.list_devices()]
    if any("gpu" in device or "cuda" in device for device in devices):
        return _of_gpu()
    if any("tpu" in device for device in devices):
        return None
    if sys.platform == "darwin":
        return _number(_output("sysctl", "-n", "hw.memsize"))
    return available_to_process()


def available_to_process(root="/"):
    """Bytes that a process may still use on Linux; `None` elsewhere.

    Args:
        root: Path, the folder that holds `proc` and `sys`.
    """
    root = Path(root)
    text = _text(root / "proc/meminfo")
    found = re.search(r"^MemAvailable:\s+(\d+) kB", text, re.M)
    limits = [int(found[1]) * 1024] if found else []
    for folder in _control_groups(root):
        for limit, used, cached in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            most = _number(_text(folder / limit))
            now = _number(_text(folder / used))
            if most is None or now is None or most >= _NO_LIMIT:
                continue
            # Files that were read are given up as soon as memory is needed.
            stat = _text(folder / "memory.stat")
            files = re.search(rf"^{cached} (\d+)$", stat, re.M)
            limits.append(max(0, most - now + (int(files[1]) if files else 0)))
    return min(limits, default=None)


def memory_of_process(root="/"):
    """Bytes that this process holds now on Linux; `None` elsewhere."""
    text = _text(Path(root) / "proc/self/status")
    found = re.search(r"^VmRSS:\s+(\d+) kB", text, re.M)
    return int(found[1]) * 1024 if found else None


def _control_groups(root):
    """The folders that may hold a limit: those of the process and all above."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if controllers and "memory" not in controllers.split(","):
            continue
        top = root / "sys/fs/cgroup" / ("memory" if controllers else "")
        folder = top / group.lstrip("/")
        while True:
            yield folder
            if folder == top or top not in folder.parents:
                break
            folder = folder.parent


def _of_gpu():
    """The memory of the smallest GPU, whatever this process has reserved of it."""
    query = ("--query-gpu=memory.total", "--format=csv,noheader,nounits")
    lines = _output("nvidia-smi", *query).split()
    sizes = [_number(line) for line in lines]
    return min((size * 2**20 for size in sizes if size), default=None)


def _output(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):  # or there is no such command
        return ""
    return done.stdout if done.returncode == 0 else ""


def _text(path):
    try:
        return path.read_text()
    except OSError:
        return ""


def _number(text):
    text = text.strip()
    return int(text) if text.isdigit() else None
