"""Checks that the files of a study say what its runs say."""

import csv
import io
import re
from pathlib import Path

from keras_vit.common.wording import display
from keras_vit.evaluation.metrics import wilson_interval
from keras_vit.studies.reporting.page import BEGIN, END, study_page
from keras_vit.studies.reporting.results import TABLES, read
from keras_vit.studies.running.facts import facts_of_run
from keras_vit.training.recipes.records import read_json

# Percentages are compared up to the error of floats.
_CLOSE = 1e-6


class Mismatch(ValueError):
    """Files of a study that do not say what its runs say."""


def check(folder):
    """Recomputes everything that a study's folder claims, from its runs.

    The accuracy of each cell is counted from the answers of its run, and its interval
    from that. Sizes, lengths, operations and accuracies of the training are those of
    the run's own files. All tables are computed again, and so are the words and numbers
    of the page, up to its plot.

    Args:
        folder: Path of a study's folder, in which `results.write` has written.

    Returns:
        List of strings, what was checked.

    Raises:
        Mismatch: with a line for every difference.
        ValueError: if there is no study, or a file of it is damaged.

    Example:

    >>> studies.check("studies/data-size")
    ['24 cells', 'results.csv', 'summary.csv', 'differences.csv', 'study.html']
    """
    tables, folder = read(folder), Path(folder)
    wrong = list(_cells(tables.grid))
    for name, text in tables.texts().items():
        wrong += _table(folder / name, text)
    wrong += _page(folder / "study.html", tables)
    if wrong:
        listed = "".join(f"\n  {line}" for line in wrong)
        raise Mismatch(
            f"{display(folder)} does not say what its runs say:{listed}\n"
            "Write its files again (keras-vit study ... --report-only), or find out "
            "who changed them."
        )
    done = sum(r["status"] == "done" for r in tables.grid.results.values())
    return [f"{done} cells", *TABLES, "study.html"]


def _cells(grid):
    """What result.json of each cell claims, against the answers of its run."""
    for cell in grid.cells:
        place = cell.arm, cell.level, cell.seed
        claimed = grid.results.get(cell.name)
        if grid.state(*place) != "done":
            continue
        run = grid.folder.run(cell.name)
        found = _of_run(run) if cell.trains else _of_probe(run)
        if not cell.is_pretraining:
            right = grid.right(*place)
            if right is None:
                yield f"{cell.name}: its run has no predictions.npz"
                continue
            found |= _of_answers(right)
        for name, value in found.items():
            said = claimed.get(name)
            if not _agree(said, value):
                yield f"{cell.name}: {name} is {value}, result.json says {said}"


def _agree(said, value):
    if said is None or value is None or isinstance(value, str):
        return said == value
    return abs(said - value) <= _CLOSE


def _of_answers(right):
    """What the answers to the test images say."""
    low, high = wilson_interval(int(right.sum()), len(right))
    accuracy = 100 * float(right.mean())
    return {
        "outcome": accuracy,
        "test_accuracy": accuracy,
        "low": 100 * low,
        "high": 100 * high,
        "test_images": len(right),
    }


def _of_run(run):
    """What the run itself says of its size, its length and its training."""
    if not run.is_run():
        return {"updates": None}
    try:
        return facts_of_run(run.read_record(), run.read_history())
    except (KeyError, IndexError) as error:
        raise ValueError(
            f"{run} is not the folder of a finished run: it has no {error}. Bring it "
            "back as it was."
        ) from None


def _of_probe(run):
    """What a cell without a run says of its model, its length and its classifier."""
    try:
        found = read_json(run.path / "probe.json")
    except (OSError, ValueError):
        return {"measure": None}
    return {name: value for name, value in found.items() if name != "fit"}


def _table(path, text):
    """Where a CSV file differs from what it should be, cell by cell."""
    if not path.is_file():
        return [f"{path.name} is missing"]
    said = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
    right = list(csv.reader(io.StringIO(text)))
    if len(said) != len(right) or said[0] != right[0]:
        return [f"{path.name} has {len(said)} lines or columns other than it should"]
    return [
        f"{path.name}, line {number}, {name}: {value!r} instead of {other!r}"
        for number, (one, two) in enumerate(zip(said, right), 1)
        for name, value, other in zip(right[0], one, two)
        if value != other
    ]


def _page(path, tables):
    """Where the page differs, its plot apart."""
    if not path.is_file():
        return [f"{path.name} is missing"]
    said = _words(path.read_text(encoding="utf-8"))
    right = _words(study_page(tables, plot=False))
    different = [(one, two) for one, two in zip(said, right) if one != two]
    found = [f"{path.name}: {one!r} instead of {two!r}" for one, two in different]
    return found[:5] or [f"{path.name} is cut"] * (len(said) != len(right))


def _words(page):
    """The texts between the tags of a page, without those of its plot."""
    before, _, rest = page.partition(BEGIN)
    page = before + rest.partition(END)[2]
    return [text for text in re.split(r"<[^>]*>", page) if text.strip()]
