"""The tables of a study, made from its folder alone, and all files that show them."""

import csv
import dataclasses
import io
import logging
import math
import statistics
from pathlib import Path

from keras_vit import published
from keras_vit.common.files import write_text
from keras_vit.common.installed import is_installed
from keras_vit.common.student import t_quantile
from keras_vit.common.tables import as_csv, as_html
from keras_vit.evaluation.probes.shots import SHOTS
from keras_vit.studies.comparing.differences import differences
from keras_vit.studies.comparing.entries import Difference
from keras_vit.studies.comparing.statistics import FEWEST
from keras_vit.studies.folder import DONE
from keras_vit.studies.grid import NOT_RUN, Grid
from keras_vit.studies.reporting import verdicts
from keras_vit.studies.reporting.comparable import compare_cells
from keras_vit.studies.reporting.figures import write_plots
from keras_vit.studies.reporting.page import write_page

logger = logging.getLogger(__name__)

NORMAL = statistics.NormalDist().inv_cdf(0.975)
TABLES = ("results.csv", "summary.csv", "differences.csv")
# What results.csv says of each cell: keys of its result.json.
CELL = (
    *("name", "arm", "level", "level_value", "seed", "length_check", "status"),
    *("n_train", "num_parameters", "forward_flops", "updates", "images"),
    *("train_flops", "seconds", "cpu_seconds", "devices", "environment", "mixed"),
    *("outcome", "test_accuracy", "low", "high", "train_accuracy"),
    *("best_val_accuracy", "test_images", "message", "folder"),
)
# Behind them, where some cells are no runs: what each measures, and its few-shot
# accuracies, percent.
PROBED = ("measure", *(f"fewshot_{n}" for n in SHOTS))


@dataclasses.dataclass(frozen=True)
class Summary:
    """One line of summary.csv: an arm at a level, over its seeds."""

    arm: str
    level: str
    level_value: float | None
    # Seeds that are done, and cells that ended otherwise or were not run.
    n: int
    diverged: int
    failed: int
    not_run: int
    # Percent; the 95 % interval covers seeds and test images.
    mean: float | None = None
    sd: float | None = None
    low: float | None = None
    high: float | None = None
    train_flops: float | None = None
    seconds: float | None = None
    # The published row that this may be compared with, as it was printed.
    published_id: str = ""
    published: str = ""
    kind: str = ""
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    verdict: str = ""
    reasons: str = ""


@dataclasses.dataclass(frozen=True)
class Tables:
    """What a study found.

    Attributes:
        grid: The `Grid` that it was computed from.
        summaries: List of `Summary`.
        differences: List of `Difference`.
    """

    grid: Grid
    summaries: list
    differences: list

    @property
    def closing(self):
        """What the study says, as the paragraph that ends its page."""
        return verdicts.closing(self.differences)

    def _repr_html_(self):
        """The summaries and differences as tables; all numbers are in `texts`."""
        _, *tables = (csv.reader(io.StringIO(text)) for text in self.texts().values())
        return "".join(as_html(next(table), table, 2) for table in tables)

    def texts(self):
        """File names to the content of the tables, as CSV."""
        probed = any(not cell.trains for cell in self.grid.cells)
        columns = CELL + PROBED * probed
        rows = [_cell_row(self.grid, cell, columns) for cell in self.grid.cells]
        tables = [(columns, rows)]
        for kind, entries in (
            (Summary, self.summaries),
            (Difference, self.differences),
        ):
            names = [field.name for field in dataclasses.fields(kind)]
            rows = [[_text(getattr(e, name), name) for name in names] for e in entries]
            tables.append((names, rows))
        return {name: as_csv(*table) for name, table in zip(TABLES, tables)}


def read(folder):
    """Computes the tables of a study from its folder; writes nothing.

    Args:
        folder: Path of a study's folder, in which any part of the cells has been run.

    Returns:
        `Tables`.

    Raises:
        ValueError: if there is no study, or a file of it is damaged.
    """
    grid = Grid(folder)
    summaries = [
        _summary(grid, arm, level)
        for level in grid.study.levels
        for arm in grid.study.arms
    ]
    return Tables(grid, summaries, differences(grid))


def write(folder):
    """Writes tables, plot and page of a study into its folder.

    These are `results.csv` (a line for each cell), `summary.csv` (for each arm at each
    level), `differences.csv` (for each comparison), `plot.svg`, `plot.png` and
    `study.html`. Without matplotlib there is no plot.

    Args:
        folder: Path of a study's folder, in which any part of the cells has been run.

    Returns:
        `Tables`, whose `closing` is the sentence that ends the page.

    Example:

    >>> print(studies.results.write("studies/data-size").closing)
    """
    tables, path = read(folder), Path(folder)
    for name, text in tables.texts().items():
        write_text(path / name, text)
    if is_installed("matplotlib"):
        write_plots(tables, path)
    else:
        logger.warning("Without matplotlib there is no plot in %s.", path)
    write_page(tables, path / "study.html")
    return tables


def _cell_row(grid, cell, columns):
    axis = grid.study.axis
    facts = {**dataclasses.asdict(cell), "status": NOT_RUN}
    if axis and cell.level in axis.levels:
        facts["level_value"] = axis.levels[cell.level][0]
    facts |= grid.results.get(cell.name, {})
    return [_text(facts.get(name), name) for name in columns]


def _text(value, name):
    """A value as it stands in a table; nothing where there is none."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        large = name.endswith("flops") or name in ("p", "p_holm")
        return f"{value:.4g}" if large else f"{value:.4f}".rstrip("0").rstrip(".")
    return " ".join(str(value).split())


def _summary(grid, arm, level):
    study = grid.study
    results = [grid.result(arm, level, seed) for seed in study.seeds]
    states = [grid.state(arm, level, seed) for seed in study.seeds]
    done = [r for r, state in zip(results, states) if state == "done"]
    found = Summary(
        arm,
        level,
        study.axis.levels[level][0] if study.axis else None,
        n=len(done),
        diverged=states.count("diverged"),
        failed=len(states)
        - len(done)
        - states.count("diverged")
        - states.count(NOT_RUN),
        not_run=states.count(NOT_RUN),
    )
    if done:
        found = dataclasses.replace(found, **_numbers(done))
    row = study.published.get((arm, level))
    return _beside_published(grid, found, published.row(row)) if row else found


def _numbers(done):
    values = [result["outcome"] for result in done]
    mean, number = statistics.fmean(values), len(values)
    found = {"mean": mean}
    for name in ("train_flops", "seconds"):
        known = [r[name] for r in done if r.get(name) is not None]
        found[name] = statistics.fmean(known) if known else None
    if number > 1:
        found["sd"] = statistics.stdev(values)
    images = done[0].get("test_images")
    if number >= FEWEST and images:
        share = mean / 100
        of_images = 1e4 * share * (1 - share) / images
        of_seeds = t_quantile(0.975, number - 1) * found["sd"] / math.sqrt(number)
        half = math.hypot(of_seeds, NORMAL * math.sqrt(of_images))
        found |= {"low": max(mean - half, 0.0), "high": min(mean + half, 100.0)}
    return found


def _beside_published(grid, found, row):
    """The summary with a published value, and what `published.compare` says of it."""
    found = dataclasses.replace(
        found, published_id=row.id, published=row.text, kind=row.kind
    )
    if not found.n:
        ended = [f"{text}." for text in grid.obstacles([found.arm], [found.level])]
        verdict = "not comparable" if ended else NOT_RUN
        return dataclasses.replace(found, verdict=verdict, reasons=" ".join(ended))
    own = (c for c in grid.cells if (c.arm, c.level) == (found.arm, found.level))
    done = [c for c in own if grid.state(c.arm, c.level, c.seed) == DONE]
    judged = compare_cells(grid, done, found, row)
    low, high = judged.interval or (None, None)
    return dataclasses.replace(
        found,
        difference=judged.difference,
        difference_low=low,
        difference_high=high,
        verdict=judged.verdict,
        reasons=" ".join(judged.reasons),
    )
