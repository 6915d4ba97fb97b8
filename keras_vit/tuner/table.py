"""What comes out of a search: a table, a recipe, a picture."""

import csv
import importlib.util
import io
import logging

from keras_vit.common.files import replacing
from keras_vit.common.tables import aligned
from keras_vit.tuner.parallel_coordinates import plot_search

logger = logging.getLogger(__name__)

# Rows of the table for people.
SHOWN = 10


def write_results(folder):
    """Writes the best recipe, every trial as CSV and, with matplotlib, a plot.

    Args:
        folder: A `SearchFolder` in which one trial at least has ended well.
    """
    recipe = folder.write_best_recipe()
    header, rows = table_of(folder)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([header, *rows])
    with replacing(folder.table) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")
    if importlib.util.find_spec("matplotlib") is None:
        logger.info(
            "No plot: matplotlib is not installed "
            "(pip install 'keras-vision-transformer[train]')."
        )
    else:
        plot_search(folder)
    return recipe


def table_of(folder):
    """Every trial: `(header, rows)` of plain values, the best ones first."""
    settings = folder.settings()
    ranked = folder.ranked()
    others = [row for row in folder.trials(settings) if row.status != "COMPLETED"]
    names = searched(settings)
    header = ["trial", settings.objective, "epochs", "parameters", *names]
    rows = []
    for row in (*ranked, *others):
        score = row.status.lower() if row.score is None else row.score
        values = [row.values.get(name, "") for name in names]
        parameters = "" if row.parameters is None else row.parameters
        rows.append([row.name, score, row.epochs, parameters, *values])
    return header, rows


def searched(settings):
    """The fields that differ from trial to trial."""
    return [name for name, values in settings.space.items() if not values.is_fixed]


def table_text(folder, shown=SHOWN):
    """The best trials as a table for people."""
    header, rows = table_of(folder)
    lines = [[_cell(value) for value in row] for row in rows[:shown]]
    more = len(rows) - shown
    text = aligned([header, *lines])
    return f"{text}\nand {more} more" if more > 0 else text


def _cell(value):
    return f"{value:.4g}" if isinstance(value, float) else str(value)
