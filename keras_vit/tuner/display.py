"""A search as it goes on: a table on a terminal, else a line for each trial."""

import contextlib
import logging
import sys
import threading

from keras_vit.tuner.table import searched

logger = logging.getLogger(__name__)

# Seconds between two looks at the folder.
LOOK = 1.0

# Rows of the table: the best trials, and those at work.
SHOWN = 12


@contextlib.contextmanager
def shown(folder, live=None):
    """Shows the trials of a search inside the block, from what is in its folder.

    Args:
        folder: A `SearchFolder`.
        live: Boolean, whether to draw a table; by default where stderr is a terminal.
    """
    if sys.stderr.isatty() if live is None else live:
        from rich.console import Console
        from rich.live import Live

        options = {"console": Console(file=sys.stderr), "transient": True}
        with Live(
            get_renderable=lambda: table(folder),
            refresh_per_second=1 / LOOK,
            **options,
        ):
            yield
        return
    stop = threading.Event()
    thread = threading.Thread(target=_say, args=(folder, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def table(folder):
    """The best trials of a search and those at work, for rich to print."""
    from rich.table import Table

    settings = folder.settings()
    rows, ranked = folder.trials(settings), folder.ranked()
    working = [row for row in rows if row.status == "RUNNING"]
    failed = sum(row.status == "FAILED" for row in rows)
    names = searched(settings)
    shown = Table(
        title=f"{folder.path.name}: {len(ranked)} trials done",
        caption=f"{len(working)} at work, {failed} failed, {folder.rejected} drawn but "
        "rejected",
    )
    for name in ("trial", settings.objective, "epochs", *names):
        shown.add_column(name, justify="left" if name == "trial" else "right")
    for row in (*ranked[: SHOWN - len(working)], *working):
        score = "…" if row.score is None else f"{row.score:.4f}"
        values = [_cell(row.values.get(name, "")) for name in names]
        style = "bold green" if ranked and row is ranked[0] else ""
        shown.add_row(row.name, score, str(row.epochs), *values, style=style)
    return shown


def _say(folder, stop):
    """Logs every trial once, when it has ended."""
    settings, said = folder.settings(), set()
    said.update(row.name for row in folder.trials(settings) if _has_ended(row))
    while True:
        last = stop.wait(LOOK)
        for row in folder.trials(settings):
            if row.name not in said and _has_ended(row):
                said.add(row.name)
                logger.info("%s", _line(row, settings, folder.best))
        if last:
            return


def _line(row, settings, best):
    values = " ".join(f"{n}={_cell(row.values[n])}" for n in searched(settings))
    if row.score is None:
        return f"trial {row.name} failed: {row.error}  ({values})"
    so_far = "" if best is None else f", best {best.score:.4f}"
    return f"trial {row.name}: {settings.objective} {row.score:.4f}{so_far}  {values}"


def _has_ended(row):
    return row.status in ("COMPLETED", "FAILED")


def _cell(value):
    return f"{value:g}" if isinstance(value, float) else str(value)
