"""Prepares TFDS data sets, after checking that their hosts answer.

TFDS retries an unreachable host for minutes, silently. So its hosts are asked first,
all at once and for a few seconds only.
"""

import contextlib
import logging
import os
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from keras_vit.common.streams import unescaped
from keras_vit.data.sets.known import facts_of, missing_files

PROBE_SECONDS = 5
MOST_HOSTS = 8


@contextlib.contextmanager
def quiet():
    """Silences those warnings of TFDS and TensorFlow that users can't act on."""
    loggers = [logging.getLogger(name) for name in ("absl", "tensorflow")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels):
            logger.setLevel(level)


def prepare(builder, name: str) -> None:
    """Downloads and prepares a TFDS builder's data, unless they are prepared.

    Raises:
        ConnectionError: if none of its hosts answers within seconds.
        ValueError: if files must be placed by hand first.
    """
    if os.path.exists(os.path.join(builder.data_dir, "dataset_info.json")):
        return
    _need_manual_files(builder, name)
    urls = list(builder.url_infos or {})
    failures = unreachable(urls)
    if failures:
        raise ConnectionError(_instructions(builder, name, failures))
    logging.getLogger(__name__).info("Preparing %s in %s", name, builder.data_dir)
    with contextlib.redirect_stderr(unescaped(sys.stderr)):  # it draws bars
        builder.download_and_prepare()


def unreachable(urls) -> dict[str, str]:
    """Checks whether each host of some addresses answers.

    Args:
        urls: Addresses. A proxy named in the environment is used.

    Returns:
        The reason by host, if none of them answers; else nothing.
    """
    by_host = {urllib.parse.urlsplit(url).netloc: url for url in urls}
    by_host = dict(list(by_host.items())[:MOST_HOSTS])
    failures = {host: f"no answer in {PROBE_SECONDS} s" for host in by_host}

    def ask(host, url):
        failures[host] = answer(url)

    # Daemons: a name server that hangs must not hold up the end of the program.
    threads = [
        threading.Thread(target=ask, args=pair, daemon=True) for pair in by_host.items()
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + PROBE_SECONDS + 1
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return dict(failures) if all(failures.values()) else {}


def answer(url: str) -> str | None:
    """None if the host answers anything at all, else the reason."""
    request = urllib.request.Request(url, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=PROBE_SECONDS):
            return None
    except urllib.error.HTTPError:  # an answer too
        return None
    except (OSError, ValueError) as error:
        return str(getattr(error, "reason", error)) or type(error).__name__


def _need_manual_files(builder, name):
    instructions = builder.MANUAL_DOWNLOAD_INSTRUCTIONS
    root = getattr(builder, "_data_dir_root", os.path.dirname(builder.data_dir))
    folder = os.path.join(os.path.expanduser(root), "downloads", "manual")
    if not instructions:
        return
    facts = facts_of(name)
    if facts is None:
        there = os.path.isdir(folder) and os.listdir(folder)
        how = f"Put the files into {folder}"
    else:
        there = len(missing_files(facts, folder)) < len(facts.manual)
        how = f"{facts.how} Put {', '.join(facts.manual)} into {folder}"
    if not there:
        raise ValueError(
            f"{name} must be downloaded by hand. {how} and run this again. TFDS says:\n"
            + " ".join(instructions.split())
        )


def _instructions(builder, name, failures):
    reasons = "; ".join(f"{host}: {reason}" for host, reason in failures.items())
    folder = name.split("/")[0].split(":")[0]
    root = str(builder.data_dir).split(f"{os.sep}{folder}{os.sep}")[0]
    return (
        f"{name} is not prepared in {root}, and can't be downloaded from here "
        f"({reasons}). On a machine with a network:\n"
        f"    pip install tensorflow-datasets importlib_resources\n"
        f"    tfds build {name} --data_dir ./prepared\n"
        f"then copy ./prepared/{folder} to {os.path.join(root, folder)} on this one, "
        "or name another place with data_dir. (`fashion_mnist_mini` needs no download.)"
    )
