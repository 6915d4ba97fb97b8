"""Parallel-coordinates plot of a search: one axis per field, one line per trial."""

import math

from keras_vit.common.figures import new_figure, save_figure
from keras_vit.tuner.ranges import Choices


def plot_search(folder, path=None):
    """Draws the trials of a search in parallel coordinates.

    Every field that was searched has an axis, the objective the last one. A trial is a
    line through its values, the brighter the better; the best one is drawn above all.

    Args:
        folder: A `SearchFolder` in which at least one trial has ended well.
        path: Path of the picture. Defaults to the folder's own.

    Raises:
        ValueError: if no trial has ended well.
        ImportError: without matplotlib, saying how to install it.
    """
    settings, rows = folder.settings(), folder.ranked()
    if not rows:
        raise ValueError(f"No trial has succeeded. Received: {folder}")
    names = settings.searched
    best, worst = rows[0].score, rows[-1].score
    scales = [_scale(settings.space[name]) for name in names]
    scales.append(_linear(min(best, worst), max(best, worst)))

    figure = new_figure(1.5 * len(scales) + 1.5, 4.8)
    from matplotlib import colormaps

    axes = figure.add_subplot()
    for row in reversed(rows):  # the best one last, above all
        values = [*(row.values[name] for name in names), row.score]
        heights = [height(value) for (height, _), value in zip(scales, values)]
        share = (row.score - worst) / (best - worst) if best != worst else 1.0
        style = {"color": colormaps["viridis"](0.95 * share), "lw": 1.2, "alpha": 0.75}
        if row is rows[0]:
            style = {"color": "crimson", "lw": 2.8, "zorder": 3}
        line = axes.plot(range(len(scales)), heights, **style)[0]
    _draw_axes(axes, [*names, settings.objective], [ticks for _, ticks in scales])
    figure.legend(
        [line],
        [f"best: trial {rows[0].name}, {settings.objective} {best:.4g}"],
        loc="outside lower center",
        frameon=False,
    )
    save_figure(figure, path or folder.plot, dpi=120)


def _draw_axes(axes, names, ticks):
    box = {"fc": "white", "ec": "none", "alpha": 0.8, "pad": 0.8}
    style = {"fontsize": 7.5, "ha": "center", "va": "center", "zorder": 4, "bbox": box}
    for place, of_axis in enumerate(ticks):
        axes.axvline(place, color="0.6", lw=0.8, zorder=0)
        for height, text in of_axis:
            axes.text(place, height, text, **style)
    axes.set_xticks(range(len(names)), names, fontsize=9)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.set_yticks([])
    axes.set_xlim(-0.4, len(names) - 0.6)
    axes.set_ylim(-0.06, 1.06)
    axes.spines[:].set_visible(False)


def _scale(values):
    """A function from a value of a range to its height, 0 to 1; and `(height, text)` of
    the ticks."""
    if not isinstance(values, Choices):
        return _linear(values.low, values.high, values.log)
    last = len(values.values) - 1
    heights = {value: place / last for place, value in enumerate(values.values)}
    return heights.get, [(height, _text(value)) for value, height in heights.items()]


def _linear(low, high, log=False):
    if low == high:
        return (lambda value: 0.5), [(0.5, f"{low:.4g}")]

    def height(value):
        if log:
            return math.log(value / low) / math.log(high / low)
        return (value - low) / (high - low)

    middle = math.sqrt(low * high) if log else (low + high) / 2
    return height, [(height(value), f"{value:.3g}") for value in (low, middle, high)]


def _text(value):
    """A value as text; steps of an augmentation stand below each other."""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text.replace("|", "|\n")
