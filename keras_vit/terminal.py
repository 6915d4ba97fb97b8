"""Terminal output of the commands: results, errors, the log, progress."""

import contextlib
import dataclasses
import json
import logging
import os
import shlex
import sys
from pathlib import Path

from keras_vit.common.interrupts import PROGRAM
from keras_vit.common.streams import console, for_programs
from keras_vit.common.tables import as_csv

# With this environment variable set, errors come with a traceback.
DEBUG = "KERAS_VIT_DEBUG"


class WrongUsage(ValueError):
    """Options that contradict each other, or an invalid value: exit status 2."""


def show(result, format="text"):
    """Prints a result on stdout: as text, as JSON, or a list as CSV."""
    if format == "text":
        print(result)
    elif format == "json":
        print(json.dumps(result, default=_plain, indent=2))
    elif rows := [_plain(row) for row in result]:
        show_csv(rows[0], (row.values() for row in rows))


def show_csv(header, rows):
    """Writes a table as CSV on stdout, for other programs."""
    print(as_csv(header, rows), end="", file=for_programs(), flush=True)


def _plain(value):
    return value.to_json() if hasattr(value, "to_json") else dataclasses.asdict(value)


def show_mistakes(result, count=5):
    """Prints which classes an evaluation or a probe confuses most."""
    names, support = result.class_names, result.counts.support
    for true, predicted, examples in result.counts.worst_pairs(count):
        print(
            f"  {names[true]} taken for {names[predicted]}: "
            f"{examples} of {support[true]}"
        )


def complain(message):
    """One message on stderr, with the program's name before it."""
    print(f"{PROGRAM}: {message}", file=sys.stderr, flush=True)


def error_message(error):
    """One error in one paragraph, with a hint if it does not come from this package."""
    text = str(error).strip() or type(error).__name__
    if isinstance(error, OSError) and error.filename:
        text = f"{error.filename}: {error.strerror}"
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    file = frame.tb_frame.f_code.co_filename if frame is not None else ""
    ours = Path(__file__).parent in Path(file).parents
    if ours or isinstance(error, OSError):
        return text
    return f"{text}\n(Set {DEBUG}=1 to see the traceback.)"


def command(*words):
    """A command as the user would type it, quoted where needed."""
    module = os.path.basename(sys.argv[0]) == "__main__.py"
    program = ["python", "-m", "keras_vit"] if module else [PROGRAM]
    return shlex.join([*program, *map(str, words)])


@contextlib.contextmanager
def stages(title):
    """Yields a function (stage, seconds) that shows progress on stderr.

    On a terminal one line, always the last; else a line for every new stage.
    """
    if sys.stderr.isatty():
        from rich.text import Text  # which is no markup

        with console().status(Text(title), spinner="line") as status:
            yield lambda stage, s: status.update(Text(f"{title}: {stage}, {s:.0f} s"))
        return
    last = None

    def report(stage, seconds):
        nonlocal last
        if stage != last:
            last = stage
            print(f"{title}: {stage}", file=sys.stderr, flush=True)

    yield report


def log_to_stderr():
    """Shows the package's log on stderr, warnings marked."""
    logger = logging.getLogger("keras_vit")
    if not any(isinstance(h, _Handler) for h in logger.handlers):
        logger.addHandler(_Handler())
    logger.setLevel(logging.INFO)
    logger.propagate = False


class _Handler(logging.Handler):
    def emit(self, record):
        message = record.getMessage()
        if record.levelno >= logging.WARNING:
            message = f"warning: {message}"
        # Not kept from construction: tests and pipes replace stderr.
        print(message, file=sys.stderr, flush=True)


@contextlib.contextmanager
def log_levels(levels):
    """Logs less while the block lasts: a dictionary of loggers' names to levels."""
    before = {name: logging.getLogger(name).level for name in levels}
    try:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
