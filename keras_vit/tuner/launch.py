"""Starts a search in several processes on this machine: one chief and its workers."""

import contextlib
import logging
import os
import subprocess
import sys
import time

from keras_vit.common.checks import check_positive
from keras_vit.common.signals import end_with_parent
from keras_vit.devices.cluster import bypass_proxies
from keras_vit.devices.launch import free_addresses, sigterm_exits
from keras_vit.tuner.chief import SearchError

logger = logging.getLogger(__name__)

# Seconds between two looks at the processes, and until those that were asked to end are
# killed.
LOOK = 0.3
GRACE = 60.0

# How often a worker is started again. One that dies more often does so for a reason.
RESTARTS = 3

# Lines of its log that a failure shows.
SHOWN = 8

# The number of the process that has started this one.
_LAUNCHER = "KERAS_VIT_TUNER_LAUNCHER"


def launch_search(folder, workers, *, devices="auto", restarts=RESTARTS):
    """Runs the search of a folder in processes of their own, and watches them.

    A worker that dies in the middle of a trial is started again under its own name, and
    continues that trial. One that dies before its first sign of life, as with a
    failed import, ends the search: another start would end in the same way. All of them
    save their state and end when this process does, even if that is killed.

    Args:
        folder: A `SearchFolder` that `prepare_search` has written.
        workers: Integer, how many, at least 1. On a CPU they share its cores.
        devices: As for `keras_vit.training.train`, of each worker.
        restarts: Integer, how often each is started again. Defaults to 3.

    Raises:
        SearchError: if the chief fails, or a worker does again and again, with what it
            said last; all others are stopped. The search can be resumed.
    """
    check_positive(workers=workers)
    address = free_addresses(1)[0]
    left = {f"tuner{number}": restarts for number in range(workers)}
    for name in left:  # signs of life of an earlier start
        (folder.workers / name).unlink(missing_ok=True)
    started = {}
    with sigterm_exits():
        try:
            for name in ("chief", *left):
                started[name] = _start(folder, name, address, devices)
            while started["chief"].poll() is None:
                for name in left:
                    status = started[name].poll()
                    if not status:  # at work, or done
                        continue
                    begun = (folder.workers / name).exists()
                    if not begun or left[name] == 0:
                        raise SearchError(_reason(folder, name, status, begun))
                    left[name] -= 1
                    logger.warning(
                        "%s ended with status %d and is being restarted.",
                        name,
                        status,
                    )
                    started[name] = _start(folder, name, address, devices)
                time.sleep(LOOK)
            status = started["chief"].returncode
            if status:
                raise SearchError(_reason(folder, "chief", status))
        except BaseException:
            for process in started.values():  # so that what they train is saved
                process.terminate()
            raise
        finally:
            end = time.monotonic() + GRACE
            for process in started.values():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.0, end - time.monotonic()))
                process.kill()
                process.wait()


def follow_launcher():
    """Makes this process end when `launch_search`, which started it, is gone."""
    if launcher := int(os.environ.get(_LAUNCHER, 0)):
        end_with_parent(launcher)


def _environment(name, address):
    """The environment variables of one process."""
    host, _, port = address.rpartition(":")
    own = {
        **os.environ,
        "KERASTUNER_TUNER_ID": name,
        "KERASTUNER_ORACLE_IP": host,
        "KERASTUNER_ORACLE_PORT": port,
        _LAUNCHER: str(os.getpid()),
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    bypass_proxies([address], own)
    if name == "chief":
        own["CUDA_VISIBLE_DEVICES"] = "-1"  # it trains nothing
    return own


def _start(folder, name, address, devices):
    folder.logs.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "keras_vit", "tune", "--resume"]
    command += ["--folder", str(folder), "--devices", devices]
    with open(folder.logs / f"{name}.log", "ab") as log:
        return subprocess.Popen(
            command,
            env=_environment(name, address),
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us, and we ask them to stop
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def _reason(folder, name, status, begun=True):
    """Why a process ended, for people."""
    file = folder.logs / f"{name}.log"
    text = file.read_text(encoding="utf-8", errors="replace")
    lines = [f"  {line}" for line in text.splitlines() if line.strip()]
    last = "\n".join(lines[-SHOWN:] or ["  (nothing)"])
    when = "" if begun else " before it could begin"
    return (
        f"{name} has ended with status {status}{when}. Its last lines:\n{last}\n"
        f"Its full output is in {file}."
    )
