"""The picture of a search: an axis for each field, a line for each trial."""

import math
from pathlib import Path

from keras_vit.common.files import replacing
from keras_vit.tuner.space import Between


def plot_search(folder, path=None):
    """Draws the trials of a search in parallel coordinates.

    Every field that was searched has an axis, the objective the last one. A trial is a
    line through its values, the brighter the better; the best one is drawn above all.

    Args:
        folder: A `SearchFolder` in which one trial at least has ended well.
        path: Path of the picture. Defaults to the folder's own.

    Raises:
        ValueError: if no trial has ended well.
        ImportError: without matplotlib, saying how to install it.
    """
    settings, rows = folder.settings(), folder.ranked()
    if not rows:
        raise ValueError(f"No trial has ended well. Received: {folder}")
    try:
        from matplotlib import colormaps
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError(
            "A plot needs matplotlib: pip install 'keras-vision-transformer[train]'"
        ) from None
    axes_of = [
        (name, _Scale(values, [row.values.get(name) for row in rows]))
        for name, values in settings.space.items()
        if not values.is_fixed
    ]
    scores = [row.score for row in rows]
    axes_of.append((settings.objective, _Scale(None, scores)))

    figure = Figure(figsize=(1.5 * len(axes_of) + 1.5, 4.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    colours = colormaps["viridis"]
    best, worst = scores[0], scores[-1]
    for rank in reversed(range(len(rows))):  # the best one last, above all
        row = rows[rank]
        values = [*(row.values.get(name) for name, _ in axes_of[:-1]), row.score]
        heights = [scale.height(v) for (_, scale), v in zip(axes_of, values)]
        share = (row.score - worst) / (best - worst) if best != worst else 1.0
        style = {"color": colours(0.95 * share), "lw": 1.2, "alpha": 0.75}
        if rank == 0:
            style = {"color": "crimson", "lw": 2.8, "zorder": 3}
        line = axes.plot(range(len(axes_of)), heights, **style)[0]
    _draw_axes(axes, axes_of)
    figure.legend(
        [line],
        [f"best: trial {rows[0].name}, {settings.objective} {best:.4g}"],
        loc="outside lower center",
        frameon=False,
    )
    with replacing(Path(path or folder.plot)) as temporary:
        figure.savefig(temporary, dpi=120)


def _draw_axes(axes, axes_of):
    for place, (_, scale) in enumerate(axes_of):
        axes.axvline(place, color="0.6", lw=0.8, zorder=0)
        for height, text in scale.ticks():
            axes.text(
                *(place, height, text),
                fontsize=7.5,
                ha="center",
                va="center",
                zorder=4,
                bbox={"fc": "white", "ec": "none", "alpha": 0.8, "pad": 0.8},
            )
    axes.set_xticks(range(len(axes_of)), [name for name, _ in axes_of], fontsize=9)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.set_yticks([])
    axes.set_xlim(-0.4, len(axes_of) - 0.6)
    axes.set_ylim(-0.06, 1.06)
    axes.spines[:].set_visible(False)


class _Scale:
    """Heights from 0 to 1 of the values of one axis."""

    def __init__(self, values, drawn):
        self.choices = None
        if isinstance(values, Between):
            self.ends, self.log = (values.low, values.high), values.log
        elif values is None:  # the objective
            self.ends, self.log = (min(drawn), max(drawn)), False
        else:
            self.choices = list(values.values)

    def height(self, value):
        if self.choices is not None:
            return self.choices.index(value) / (len(self.choices) - 1)
        low, high = self.ends
        if self.log:
            low, high, value = math.log(low), math.log(high), math.log(value)
        return (value - low) / (high - low) if high > low else 0.5

    def ticks(self):
        if self.choices is not None:
            return [(self.height(value), _lines(value)) for value in self.choices]
        low, high = self.ends
        if low == high:
            return [(0.5, f"{low:.4g}")]
        middle = math.sqrt(low * high) if self.log else (low + high) / 2
        return [(self.height(value), f"{value:.3g}") for value in (low, middle, high)]


def _lines(value):
    """A value as text; steps of an augmentation stand below each other."""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text.replace("|", "|\n")
