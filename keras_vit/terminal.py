"""What the command line prints: results as text, JSON and CSV; messages; commands."""

import contextlib
import csv
import io
import json
import logging
import os
import shlex
import sys
from pathlib import Path

PROGRAM = "keras-vit"

# With this environment variable set, errors come with a traceback.
DEBUG = "KERAS_VIT_DEBUG"


def as_text(predictions):
    """Each file with its classes below it."""
    lines = []
    for prediction in predictions:
        if prediction.error is None:
            lines.append(f"{prediction.file}\n")
            lines += [f"  {100 * p:5.1f} %  {name}\n" for name, p in prediction.classes]
    return "".join(lines)


def predictions_as_csv(predictions):
    """One row for each file and class."""
    return as_csv(
        ["file", "rank", "class", "probability"],
        (
            [prediction.file, rank, name, probability]
            for prediction in predictions
            for rank, (name, probability) in enumerate(prediction.classes, 1)
        ),
    )


def as_csv(header, rows):
    """A table as CSV text."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def as_table(header, rows, text=1):
    """A table for people, columns aligned; the first `text` columns to the left."""
    widths = [max(map(len, column)) for column in zip(header, *rows)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place < text else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths))
        ).rstrip()
        for row in (header, *rows)
    )


def percent(share, digits=2):
    """A share in [0, 1] as percent; a dash for `None`."""
    return "–" if share is None else f"{100 * share:.{digits}f} %"


def interval(bounds):
    """`(low, high)` of a share, as it follows the share."""
    low, high = bounds
    return f" (95 % interval {100 * low:.1f} to {100 * high:.1f} %)"


FORMATS = {
    "text": as_text,
    "json": lambda predictions: (
        json.dumps([p.to_json() for p in predictions], indent=2) + "\n"
    ),
    "csv": predictions_as_csv,
}


def complain(message):
    """One message on stderr, with the program's name before it."""
    sys.stderr.write(f"{PROGRAM}: {message}\n")
    sys.stderr.flush()


def error_message(error):
    """One error in one paragraph, and a hint where it is none of ours."""
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
    return f"{text}\n(Set {DEBUG}=1 to see where this comes from.)"


def command(*words):
    """A command as the user would type it, quoted where needed."""
    module = os.path.basename(sys.argv[0]) == "__main__.py"
    program = ["python", "-m", "keras_vit"] if module else [PROGRAM]
    return shlex.join([*program, *map(str, words)])


@contextlib.contextmanager
def stages(title):
    """Yields a function (stage, seconds) that says on stderr what is going on.

    On a terminal one line, always the last; else a line for every new stage.
    """
    if sys.stderr.isatty():
        from rich.console import Console

        with Console(file=sys.stderr).status(title) as status:
            yield lambda stage, s: status.update(f"{title}: {stage}, {s:.0f} s")
        return
    said = []

    def say(stage, seconds):
        if said[-1:] != [stage]:
            said.append(stage)
            sys.stderr.write(f"{title}: {stage}\n")
            sys.stderr.flush()

    yield say


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
        sys.stderr.write(f"{message}\n")
        sys.stderr.flush()
