"""The plot of a study: what the arms reach, how they differ, what was published."""

import math

import numpy as np

from keras_vit import published
from keras_vit.common.figures import (
    GREY,
    new_figure,
    save_figure,
    unformatted,
)
from keras_vit.studies.comparing import curves
from keras_vit.studies.comparing import entries as d
from keras_vit.studies.comparing.statistics import MARGIN
from keras_vit.studies.parts import family_of
from keras_vit.studies.reporting.apart import (
    COLOURS,
    MARKERS,
    draw_beside,
    draw_over_computing,
    family_look,
)
from keras_vit.studies.reporting.beside import computing_of, rows_beside


def write_plots(tables, folder):
    """Writes `plot.svg` and `plot.png`, on white."""
    figure = draw(tables)
    save_figure(figure, folder / "plot.svg")
    save_figure(figure, folder / "plot.png", dpi=150)


def draw(tables):
    """The plot of a study.

    Points are means over seeds, filled; bands reach from the lowest to the highest
    seed, and small points are the seeds. Published values are hollow; what cannot be
    compared with ours has a panel of its own, dashed where it was read from a figure.

    Args:
        tables: `Tables`.

    Returns:
        A matplotlib `Figure`.
    """
    grid = tables.grid
    apart = rows_beside(tables)
    compared = [e for e in tables.differences if e.kind == d.ARMS and e.pairs]
    kinds = {comparison.kind for comparison in grid.study.comparisons}
    panels = [_computing if d.COMPUTE in kinds else _outcomes]
    panels += [_differences] * bool(compared)
    if apart:
        known = d.COMPUTE in kinds and all(computing_of(b.row) for b in apart)
        drawn = draw_over_computing if known else draw_beside
        panels.append(lambda axes, tables: drawn(axes, apart, look(tables.grid)))
    if grid.study.axis is None and d.COMPUTE not in kinds:
        panels[0] = _arms
    lines = max(len(grid.study.arms), len(compared))
    along = grid.study.axis or d.COMPUTE in kinds
    tall = 3.9 if along else max(2.8, 1.3 + 0.42 * lines)
    wide = 5.2 if grid.study.axis and len(grid.study.axis.groups) > 1 else 4.4
    figure = new_figure(0.6 + wide * len(panels), tall)
    for axes, panel in zip(np.atleast_1d(figure.subplots(1, len(panels))), panels):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(True, color=GREY, alpha=0.18, linewidth=0.8)
        axes.set_axisbelow(True)
        panel(axes, tables)
    return figure


def look(grid):
    """Arm to its colour and marker."""
    arms = list(grid.study.arms)
    return {
        arm: (COLOURS[k % len(COLOURS)], MARKERS[k % len(MARKERS)])
        for k, arm in enumerate(arms)
    }


def _comparable(summary):
    return summary.verdict not in ("not comparable", "not run")


def _title(axes, text):
    axes.set_title(unformatted(text), fontsize=10, loc="left")


# What the arms reach ----------------------------------------------------------------


def _outcomes(axes, tables):
    grid, looks = tables.grid, look(tables.grid)
    _scale(axes, grid.study.axis)
    ends = []
    for arm, (colour, marker) in looks.items():
        entries = [s for s in tables.summaries if s.arm == arm and s.n]
        for labels in grid.study.axis.groups.values():  # a line for each data set
            own = [s for s in entries if s.level in labels]
            _line(axes, grid, own, colour, marker)
        for s in entries:
            if s.published_id and _comparable(s):
                value = published.row(s.published_id).value
                axes.plot(s.level_value, value, marker, color=colour, mfc="none", ms=9)
        _mark_troubles(axes, tables, arm, colour)
        _mark_length(axes, grid, arm, colour)
        if entries:
            ends.append((entries[-1].level_value, entries[-1].mean, arm, colour))
    _name_ends(axes, ends)
    axes.set_ylabel("test accuracy, %")
    _title(axes, "means, and bands over the seeds")


def _line(axes, grid, entries, colour, marker):
    """Means of an arm at some levels, with the seeds and the band that they span."""
    x = [s.level_value for s in entries]
    y = [s.mean for s in entries]
    seeds = [grid.outcomes(s.arm, s.level) for s in entries]
    low, high = ([f(values) for values in seeds] for f in (np.nanmin, np.nanmax))
    axes.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
    axes.plot(x, y, marker + "-", color=colour, markersize=6, linewidth=1.8)
    for place, values in zip(x, seeds):
        axes.plot([place] * len(values), values, ".", color=colour, markersize=3)


def _scale(axes, axis):
    numbers = [number for number, _ in axis.levels.values()]
    if min(numbers) > 0 and max(numbers) >= 10 * min(numbers):
        axes.set_xscale("log")
    axes.set_xticks(numbers, _ticks(axis))
    axes.set_xticks([], minor=True)
    axes.set_xlabel(unformatted(axis.unit or axis.name))


def _ticks(axis):
    """The labels of the levels; the name of a data set stands under its middle one."""
    found = {}
    for group, labels in axis.groups.items():
        found |= {label: label.removeprefix(f"{group}, ") for label in labels}
        if group:
            found[labels[len(labels) // 2]] += f"\n{group}"
    return [unformatted(found[label]) for label in axis.levels]


def _mark_troubles(axes, tables, arm, colour):
    """A cross at the foot of the levels at which cells diverged or failed."""
    for s in tables.summaries:
        if s.arm == arm and s.diverged + s.failed:
            place, foot = s.level_value, axes.get_xaxis_transform()
            axes.plot(place, 0.03, "x", color=colour, ms=7, mew=2, transform=foot)


def _mark_length(axes, grid, arm, colour):
    """From a cell to the one with twice its updates."""
    for cell in grid.cells:
        level = grid.study.levels[-1]
        before = grid.outcome(arm, level, cell.seed)
        after = grid.outcome(arm, cell.level, cell.seed)
        if cell.length_check and cell.arm == arm and not math.isnan(before + after):
            place = grid.study.axis.levels[level][0]
            axes.plot([place] * 2, [before, after], ":", color=colour, linewidth=1.5)
            axes.plot(place, after, "^", color=colour, mfc="none", markersize=7)


def _name_ends(axes, ends):
    """The arms' names beside the last points of their lines, none over another."""
    if not ends:
        return
    ends = sorted(ends, key=lambda end: end[1])
    low, high = axes.get_ylim()
    gap, heights = (high - low) / 15, []
    for _, y, *_ in ends:
        heights.append(max(y, heights[-1] + gap) if heights else y)
    right = max(x for x, *_ in ends)
    for height, (_, _, arm, colour) in zip(heights, ends):
        axes.annotate(
            unformatted(arm),
            (right, height),
            xytext=(9, 0),
            textcoords="offset points",
            va="center",
            color=colour,
            fontweight="bold",
            annotation_clip=False,
        )


def _arms(axes, tables):
    """Of a study without levels: a line for each arm."""
    grid, looks = tables.grid, look(tables.grid)
    for row, s in enumerate(tables.summaries):
        colour, marker = looks[s.arm]
        if s.n:
            seeds = grid.outcomes(s.arm, s.level)
            axes.plot(seeds, [row] * len(seeds), ".", color=colour, markersize=4)
            axes.plot(s.mean, row, marker, color=colour, markersize=7)
            ends = [np.nanmin(seeds), np.nanmax(seeds)]
            axes.plot(ends, [row] * 2, "-", color=colour, linewidth=1.8)
        if s.published_id and _comparable(s):
            value = published.row(s.published_id).value
            axes.plot(value, row, marker, color=colour, mfc="none", markersize=10)
        if s.diverged + s.failed:
            side = axes.get_yaxis_transform()
            axes.plot(0.02, row, "x", color=colour, ms=7, mew=2, transform=side)
    _name_rows(axes, [s.arm for s in tables.summaries])
    axes.set_xlabel("test accuracy, %")
    _title(axes, "means, and lines over the seeds")


def _name_rows(axes, names):
    axes.set_yticks(range(len(names)), [unformatted(name) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)


def _computing(axes, tables):
    """Accuracy over counted computing, with the front of each family."""
    families = {family_of(arm): [] for arm in tables.grid.study.arms}
    for s in tables.summaries:
        if s.n and s.train_flops:
            families[family_of(s.arm)].append(s)
    for k, (family, entries) in enumerate(families.items()):
        colour, marker = family_look(family, k)
        for s in entries:
            seeds = tables.grid.outcomes(s.arm, s.level)
            axes.plot([s.train_flops] * len(seeds), seeds, ".", color=colour, ms=3)
            name = " ".join((s.arm.removeprefix(family).strip(), s.level)).strip()
            axes.annotate(
                unformatted(name),
                (s.train_flops, s.mean),
                xytext=(5, -9),
                textcoords="offset points",
                fontsize=7,
                color=colour,
            )
        if entries:
            x, y = [s.train_flops for s in entries], [s.mean for s in entries]
            label = unformatted(family)
            axes.plot(x, y, marker, color=colour, markersize=6, label=label)
            axes.plot(*curves.front(x, y), "-", color=colour, linewidth=1.8)
    axes.set_xscale("log")
    axes.set(xlabel="counted operations of training", ylabel="test accuracy, %")
    if any(families.values()):
        axes.legend(frameon=False, loc="lower right")
    _title(axes, "means over seeds, and each family's front")


# How they differ --------------------------------------------------------------------


def _differences(axes, tables):
    entries = [e for e in tables.differences if e.kind == d.ARMS and e.pairs]
    looks, axis = look(tables.grid), tables.grid.study.axis
    pairs = list(dict.fromkeys((e.arm, e.other) for e in entries))
    along = axis is not None
    band = axes.axhspan if along else axes.axvspan
    line = axes.axhline if along else axes.axvline
    band(-MARGIN, MARGIN, color=GREY, alpha=0.25, linewidth=0)
    line(0, color=GREY, linewidth=1)
    if along:
        _scale(axes, axis)
    log = axes.get_xscale() == "log"
    # An arm that is in several comparisons has no colour of its own here.
    shared = along and len({arm for arm, _ in pairs}) < len(pairs)
    named = set()
    for row, entry in enumerate(entries):
        colour, marker = looks[entry.arm]
        pair = entry.arm, entry.other
        if shared:
            number = pairs.index(pair)
            colour = COLOURS[number % len(COLOURS)]
            marker = MARKERS[number % len(MARKERS)]
        label = None if pair in named else unformatted(" − ".join(pair))
        named.add(pair)
        place = row
        if along:
            shift = pairs.index((entry.arm, entry.other)) - (len(pairs) - 1) / 2
            place = axis.levels[entry.level][0]
            width = _step(axis, log) / 12
            place = place * 10 ** (shift * width) if log else place + shift * width
        called = entry.verdict in (d.HIGHER, d.LOWER, d.EQUIVALENT)
        fill = colour if called else "none"
        if entry.low is not None:
            ends = [place, place], [entry.low, entry.high]
            axes.plot(*(ends if along else ends[::-1]), "-", color=colour, lw=1.8)
        point = (place, entry.mean) if along else (entry.mean, place)
        axes.plot(*point, marker, color=colour, mfc=fill, ms=7, label=label)
    if along:
        names = ", ".join(f"{arm} − {other}" for arm, other in pairs)
        axes.set_ylabel(unformatted(f"{names}, points" if len(pairs) < 3 else "points"))
        axes.set_ylim(*_with_zero(axes.get_ylim()))
        if len(pairs) == 1:
            _name_sides(axes, *pairs[0])
        elif len(pairs) > 2:
            place = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)}
            axes.legend(frameon=False, fontsize=7, **place)
    else:
        _name_rows(axes, [f"{e.arm} − {e.other}" for e in entries])
        axes.set_xlabel("points")
        axes.set_xlim(*_with_zero(axes.get_xlim()))
    _title(axes, "differences (95 %); filled: called, grey: ±0.5")


def _name_sides(axes, arm, other):
    """Says on which side of zero each arm is the higher one."""
    low, high = axes.get_ylim()
    near = (high - low) / 60
    for name, place, side in ((arm, MARGIN, 1), (other, -MARGIN, -1)):
        axes.text(
            *(0.99, place + side * near, unformatted(f"{name} higher")),
            transform=axes.get_yaxis_transform(),
            ha="right",
            va="bottom" if side > 0 else "top",
            fontsize=8,
            color=GREY,
        )


def _step(axis, log):
    """The least distance of two levels, in decades on a logarithmic axis."""
    numbers = sorted(number for number, _ in axis.levels.values())
    steps = np.diff(np.log10(numbers) if log else numbers)
    return float(steps.min()) if len(steps) else 1.0


def _with_zero(limits):
    room = 0.08 * (limits[1] - limits[0])
    return min(limits[0], -MARGIN - room), max(limits[1], MARGIN + room)
