"""The trials of a search as a table: while it runs, at its end, and as CSV."""

import collections
import logging
import sys

from keras_vit.common.files import write_text
from keras_vit.common.installed import install_line, is_installed
from keras_vit.common.streams import console
from keras_vit.common.tables import aligned, as_csv
from keras_vit.tuner.chief import in_background
from keras_vit.tuner.parallel_coordinates import plot_search

logger = logging.getLogger(__name__)

# Seconds between two looks at the folder during a search.
LOOK = 1.0

# Rows of the table for people: in the end, and live.
SHOWN, SHOWN_LIVE = 10, 12


def write_results(folder):
    """Writes the best recipe, every trial as CSV and, with matplotlib, a plot.

    Args:
        folder: A `SearchFolder` in which at least one trial has ended well.
    """
    folder.write_best_recipe()
    write_text(folder.table, as_csv(*table_of(folder)))
    if is_installed("matplotlib"):
        plot_search(folder)
    else:
        logger.info("No plot: matplotlib is not installed (%s).", install_line("train"))


def table_of(folder):
    """Every trial: `(header, rows)` of plain values, the best ones first."""
    settings = folder.settings()
    others = [row for row in folder.trials(settings) if row.status != "COMPLETED"]
    names = settings.searched
    header = ["trial", settings.objective, "epochs", "parameters", *names]
    rows = []
    for row in (*folder.ranked(), *others):
        score = row.status.lower() if row.score is None else row.score
        values = [row.values.get(name, "") for name in names]
        parameters = "" if row.parameters is None else row.parameters
        rows.append([row.name, score, row.epochs, parameters, *values])
    return header, rows


def table_text(folder, shown=SHOWN):
    """The best trials as a table for people."""
    header, rows = table_of(folder)
    text = aligned([header, *([_cell(v) for v in row] for row in rows[:shown])])
    more = len(rows) - shown
    return f"{text}\nand {more} more" if more > 0 else text


def progress_shown(folder):
    """Shows the trials of a search inside the block, from what is in its folder.

    Where stderr is a terminal, as a table; else a line for each trial that has ended.

    Args:
        folder: A `SearchFolder`.
    """
    if not sys.stderr.isatty():
        return in_background(lambda stop: _log_trials(folder, stop))
    from rich.live import Live

    return Live(
        get_renderable=lambda: live_table(folder),
        refresh_per_second=1 / LOOK,
        console=console(),
        transient=True,
    )


def live_table(folder):
    """The best trials of a search and those running, for rich to print."""
    from rich.table import Column, Table

    header, rows = table_of(folder)
    counts = collections.Counter(row[1] for row in rows if isinstance(row[1], str))
    working = [row for row in rows if row[1] == "running"]
    done = len(rows) - sum(counts.values())
    table = Table(
        *(Column(name, justify="right") for name in header),
        title=f"{folder.path.name}: {done} trials done",
        caption=f"{len(working)} at work, {counts['failed']} failed, "
        f"{folder.rejected} drawn but rejected",
    )
    for row in (*rows[: min(done, SHOWN_LIVE - len(working))], *working):
        style = "bold green" if row is rows[0] and done else ""
        table.add_row(*map(_cell, row), style=style)
    return table


def _log_trials(folder, stop):
    """Logs every trial once, when it has ended."""
    settings = folder.settings()
    done = {row.name for row in folder.trials(settings) if row.has_ended}
    while True:
        last = stop.wait(LOOK)
        for row in folder.trials(settings):
            if row.has_ended and row.name not in done:
                done.add(row.name)
                logger.info("%s", _line(row, settings, folder.best))
        if last:
            return


def _line(row, settings, best):
    values = " ".join(f"{n}={_cell(row.values[n])}" for n in settings.searched)
    if row.score is None:
        return f"trial {row.name} failed: {row.error}  ({values})"
    so_far = "" if best is None else f", best {best.score:.4f}"
    return f"trial {row.name}: {settings.objective} {row.score:.4f}{so_far}  {values}"


def _cell(value):
    return f"{value:.4g}" if isinstance(value, float) else str(value)
