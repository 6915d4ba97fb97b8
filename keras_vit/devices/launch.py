"""Starts one command in several processes, and restarts all of them when one dies.

    python -m keras_vit.devices.launch --processes 2 -- train --run runs/mine

For the processes of one machine: to try out what several machines do, or one process
for each of several devices. Several machines have their own launchers, which set
`TF_CONFIG` or Keras's variables as this one does; the same holds there: when one
process has died, all must be started again, with `--resume`.
"""

import argparse
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from keras_vit.common.signals import handling
from keras_vit.devices.cluster import Cluster

logger = logging.getLogger(__name__)

_WAIT = 0.2  # seconds between two looks at the processes


def launch(command, processes, *, restarts=0, again=None, environment=None):
    """Runs a command in several processes that know of each other.

    When one fails, or is killed, the others wait for it forever: they are killed, too,
    and all are started again.

    Args:
        command: List of strings.
        processes: Integer, how many.
        restarts: Integer, how often all are started again at most.
        again: Function without arguments that returns the command for another start;
            the same command by default.
        environment: Dictionary of further environment variables, or `None`.

    Returns:
        The exit status of the last start: 0, or that of the process that failed first;
        128 and the number of the signal if one was killed.

    Example:

    >>> launch(["python", "train.py"], processes=2, restarts=3)
    0
    """
    status = 0
    for attempt in range(restarts + 1):
        if attempt:
            logger.warning(
                "A process ended with status %d: restarting all of them (%d of %d).",
                status,
                attempt,
                restarts,
            )
            command = command if again is None else again()
        status = _run_together(command, processes, environment or {})
        if status == 0:
            break
    return status


def free_addresses(count):
    """Unused addresses of this machine, `count` of them."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    return addresses


def sigterm_exits():
    """Makes SIGTERM leave the block by `SystemExit`, so that it is cleaned up."""

    def leave(number, frame):
        sys.exit(128 + number)

    return handling(leave, signal.SIGTERM)


def _run_together(command, processes, environment):
    """The status of processes that have all ended well, or of the first that has not.

    They end, at the latest, with this process.
    """
    addresses = tuple(free_addresses(processes))
    started = []
    with sigterm_exits():
        try:
            for index in range(processes):
                own = Cluster(addresses, processes, index).variables()
                own = {**os.environ, **own, **environment}
                started.append(subprocess.Popen(command, env=own))
            states = [None]
            while None in states:
                time.sleep(_WAIT)
                states = [process.poll() for process in started]
                for status in filter(None, states):
                    return status if status > 0 else 128 - status
            return 0
        finally:
            for process in started:
                process.kill()
                process.wait()


def resumed(command):
    """A command of `keras-vit` that resumes its run, if that has begun."""
    run = None
    for word, following in zip(command, [*command[1:], None]):
        name, equals, value = word.partition("=")
        if name == "--run":
            run = value if equals else following
    begun = run is not None and (Path(run) / "run.json").is_file()
    return [*command, "--resume"] if begun and "--resume" not in command else command


def main(args=None):
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m keras_vit.devices.launch",
        description="Starts a command of keras-vit in several processes on this "
        "machine, and restarts all of them with --resume when one dies.",
    )
    parser.add_argument("--processes", "-n", type=int, required=True)
    parser.add_argument("--restarts", type=int, default=3)
    parser.add_argument("command", nargs="+", help="after --, such as: train --run R")
    options = parser.parse_args(args)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    start = [sys.executable, "-m", "keras_vit"]
    return launch(
        [*start, *options.command],
        options.processes,
        restarts=options.restarts,
        again=lambda: [*start, *resumed(options.command)],
    )


if __name__ == "__main__":
    sys.exit(main())
