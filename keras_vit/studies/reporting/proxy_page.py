"""The files of fewshot-proxy in the folder that it reads: a table, a plot, a page."""

import csv
import dataclasses
import io
import math
from pathlib import Path

from keras_vit.common.figures import (
    GREY,
    new_figure,
    save_figure,
    themed_svg,
    unformatted,
)
from keras_vit.common.files import write_text
from keras_vit.common.installed import is_installed
from keras_vit.common.pages import escaped, html_page
from keras_vit.common.tables import as_csv, as_html
from keras_vit.studies.comparing.proxy import Proxy, cells_read, proxies
from keras_vit.studies.folder import DONE
from keras_vit.studies.grid import Grid
from keras_vit.studies.reporting.apart import COLOURS, MARKERS

# The number of shots that is drawn and said: that of the paper.
SHOTS = 5
TABLE, PICTURE, PAGE = "proxy.csv", "proxy.png", "proxy.html"
_HEADER = ("shots", "level", "model", "probe", "seeds", "few_shot", "trained")
# Of all lines of a number of shots together.
_HEADER += ("tau", "tau_low", "tau_high")
_METHOD = (
    "Each model is measured twice: few-shot, by a linear classifier of its frozen "
    "features before any training, fitted to N images of each class; and after "
    "training, on the same part of the images and the same test images. Kendall's tau "
    "compares the order of all pairs of models at one level, over all levels together: "
    "1 where few-shot accuracy orders all as training does, 0 where it says nothing. "
    "Its range holds 95 % of the values that it takes when the seeds are drawn again. "
    "With few seeds that is less than a 95 % confidence interval, and it is of these "
    "models and data sets only. "
    "The paper uses few-shot accuracy in this way (section 4.1), and prints no such "
    "number."
)


@dataclasses.dataclass(frozen=True)
class ProxyResult:
    """What `fewshot_proxy` found; prints as text.

    Attributes:
        grid: The `Grid` that was read.
        proxies: List of `Proxy`, one for each number of shots.
        missing: List of the `Cell`s that would be read and are not done.
        mixed: List of those that ran on several kinds of machines, and are not read.
    """

    grid: Grid
    proxies: list[Proxy]
    missing: list
    mixed: list

    def __str__(self):
        cells = len(cells_read(self.grid.study))
        lines = [f"{self.read} of {cells} cells are read."]
        return "\n".join([*lines, *map(sentence, self.proxies)])

    @property
    def read(self):
        """How many cells are read."""
        left = len(self.missing) + len(self.mixed)
        return len(cells_read(self.grid.study)) - left

    @property
    def closing(self):
        """What five shots say, or the first number of shots that there is."""
        chosen = self.drawn
        return sentence(chosen) if chosen else "No two models are done at one level."

    @property
    def drawn(self):
        """The `Proxy` that is drawn, or `None`."""
        found = {proxy.shots: proxy for proxy in self.proxies}
        return found.get(SHOTS, next(iter(found.values()), None))


def fewshot_proxy(folder):
    """Compares few-shot accuracy of first weights with accuracy after training.

    Nothing is trained: the finished cells of a study are read, in which some arms probe
    the weights that others begin with, as in `transfer`.

    Args:
        folder: Path of the study's folder.

    Returns:
        A `ProxyResult`, which prints as text.

    Raises:
        ValueError: if there is no study, or no two of its models are both probed and
            trained.

    Example:

    >>> print(studies.fewshot_proxy("studies/transfer-laptop").closing)
    """
    grid = Grid(folder)
    missing, mixed = [], []
    for cell in cells_read(grid.study):
        if grid.state(cell.arm, cell.level, cell.seed) != DONE:
            missing.append(cell)
        elif grid.results[cell.name].get("mixed"):
            mixed.append(cell)
    return ProxyResult(grid, proxies(grid), missing, mixed)


def sentence(proxy):
    """What one number of shots says."""
    seeds = "one seed" if proxy.seeds == 1 else f"{proxy.seeds} seeds"
    said = (
        f"Few-shot accuracy with {_images(proxy)} orders {proxy.right} of "
        f"{proxy.pairs} pairs of models as training does; "
    )
    if math.isnan(proxy.tau):
        return f"{said}Kendall's tau is not defined."
    if proxy.low is None:
        return f"{said}Kendall's tau {proxy.tau:.2f}, {seeds}: no range."
    span = f"{proxy.low:.2f} to {proxy.high:.2f} when {seeds} are drawn again"
    return f"{said}Kendall's tau {proxy.tau:.2f} ({span})."


def _images(proxy):
    return f"{proxy.shots} image{'s' * (proxy.shots > 1)} a class"


def write_proxy(result):
    """Writes `proxy.csv`, `proxy.png` and `proxy.html` into the folder that was read.

    Args:
        result: A `ProxyResult`.

    Returns:
        Path of the page.
    """
    folder = result.grid.folder.path
    write_text(folder / TABLE, _csv(result))
    if result.drawn and is_installed("matplotlib"):
        save_figure(draw(result), folder / PICTURE, dpi=150)
    write_text(folder / PAGE, _page(result))
    return folder / PAGE


def check_proxy(result):
    """Where `proxy.csv` does not say what the cells say: lines, none if it does."""
    path = Path(result.grid.folder.path) / TABLE
    if not path.is_file():
        return [f"{TABLE} is missing"]
    texts = path.read_text(encoding="utf-8"), _csv(result)
    said, right = (list(csv.reader(io.StringIO(text))) for text in texts)
    if len(said) != len(right):
        return [f"{TABLE} has {len(said)} lines, not {len(right)}"]
    return [
        f"{TABLE}, line {number}: {one} instead of {other}"
        for number, (one, other) in enumerate(zip(said, right), 1)
        if one != other
    ]


def draw(result):
    """Accuracy after training over few-shot accuracy, a panel for each data set."""
    study, proxy = result.grid.study, result.drawn
    groups = study.axis.groups if study.axis else {"": [""]}
    models = list(dict.fromkeys(point.model for point in proxy.points))
    figure = new_figure(0.6 + 4.2 * len(groups), 3.9)
    panels = figure.subplots(1, len(groups), squeeze=False)[0]
    for axes, (group, labels) in zip(panels, groups.items()):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(True, color=GREY, alpha=0.18, linewidth=0.8)
        for number, model in enumerate(models):
            points = [p for p in proxy.points if p.model == model and p.level in labels]
            x, y = [p.few for p in points], [p.trained for p in points]
            look = {"color": COLOURS[number % len(COLOURS)], "markersize": 7}
            marker = MARKERS[number % len(MARKERS)]
            axes.plot(x, y, marker, label=unformatted(model.trained), **look)
            for point in points:
                axes.annotate(
                    unformatted(point.level.rpartition(", ")[2]),
                    (point.few, point.trained),
                    xytext=(5, -9),
                    textcoords="offset points",
                    fontsize=7,
                )
        axes.set_xlabel(f"{_images(proxy)}, frozen features, %")
        axes.set_ylabel("after training, %")
        axes.set_title(unformatted(group), fontsize=10, loc="left")
    panels[0].legend(frameon=False, fontsize=8)
    return figure


def _csv(result):
    rows = [
        [
            *(proxy.shots, point.level, point.model.trained, point.model.probe),
            *(point.seeds, f"{point.few:.4f}", f"{point.trained:.4f}"),
            *map(_number, (proxy.tau, proxy.low, proxy.high)),
        ]
        for proxy in result.proxies
        for point in proxy.points
    ]
    return as_csv(_HEADER, rows)


def _number(value):
    """A number as it stands in the table; nothing where there is none."""
    return "" if value is None or math.isnan(value) else f"{value:.4f}"


def _page(result):
    title = "fewshot-proxy: does few-shot accuracy tell what training will give?"
    name = result.grid.study.name
    parts = [
        f"<h1>{escaped(title)}</h1>",
        f"<p>{result.read} finished cells of the study {escaped(name)}; nothing was "
        "trained for this page.</p>",
        "<div class='said'>"
        + "".join(f"<p>{escaped(sentence(p))}</p>" for p in result.proxies)
        + "</div>",
    ]
    if result.drawn and is_installed("matplotlib"):
        parts.append(f"<div class='wide'>{themed_svg(lambda: draw(result), 'p')}</div>")
    parts += ["<h2>Pairs that few-shot accuracy orders otherwise</h2>", _wrong(result)]
    parts += ["<h2>Models</h2>", _models(result), f"<p class='note'>{_METHOD}</p>"]
    for why, cells in (
        ("Not done", result.missing),
        ("Run on several kinds of machines", result.mixed),
    ):
        if cells:
            names = "".join(f"<li>{escaped(cell.name)}</li>" for cell in cells)
            parts.append(f"<h2>{why}, and not read</h2><ul>{names}</ul>")
    return html_page(title, parts)


def _wrong(result):
    rows = [
        [
            *(str(proxy.shots), one.level or "–"),
            *(one.model.trained, f"{one.few:.2f}", f"{one.trained:.2f}"),
            *(other.model.trained, f"{other.few:.2f}", f"{other.trained:.2f}"),
        ]
        for proxy in result.proxies
        for one, other in proxy.wrong
    ]
    if not rows:
        return "<p>None.</p>"
    header = ["shots", "level", "model", "few-shot, %", "trained, %"]
    header += ["other model", "few-shot, %", "trained, %"]
    return f"<div class='wide'>{as_html(header, rows, 2)}</div>"


def _models(result):
    rows = [
        [
            *(str(proxy.shots), point.level or "–", point.model.trained),
            *(f"{point.few:.2f}", f"{point.trained:.2f}", str(point.seeds)),
            *(_folder(result, point.model.probe, point.level),),
            *(_folder(result, point.model.trained, point.level),),
        ]
        for proxy in result.proxies
        for point in proxy.points
    ]
    header = ["shots", "level", "model", "few-shot, %", "trained, %", "seeds"]
    header += ["cells of the probe", "cells of the training"]
    return f"<div class='wide tall'>{as_html(header, rows, 3)}</div>"


def _folder(result, arm, level):
    cells = result.grid.study.cells()
    name = next(c.name for c in cells if (c.arm, c.level) == (arm, level))
    return f"cells/{name.rpartition('/')[0]}/"
