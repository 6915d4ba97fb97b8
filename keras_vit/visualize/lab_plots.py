"""Pictures of the inductive-bias lab, drawn with matplotlib."""

from keras_vit.common.figures import BLUE, GREY, ORANGE, new_figure

# The panels from left to right, and what is on their horizontal axes.
CHANGES = {
    "shift": "shift (pixels)",
    "permutation": "share of patches that changed places",
    "stride": "pixels from patch to patch",
}
_COLOURS = (BLUE, ORANGE, "#2a9d5c", "#8c5fd3", "#c43c6b", GREY)
_MARKERS = "osD^vP"


def plot_inductive_bias(trials):
    """Accuracy and drift of features of several models under each change.

    Args:
        trials: List of `Trial`, as `inductive_bias` returns.

    Returns:
        A matplotlib `Figure`: above the accuracy, below the drift.

    Raises:
        ValueError: if there is no trial.

    Example:

    >>> figure = plot_inductive_bias(inductive_bias({"ViT": vit, "BiT": bit}, x, y))
    >>> figure.savefig("lab.png", dpi=120)
    """
    if not trials:
        raise ValueError("There is nothing to draw. Received: no trials")
    present = {trial.change for trial in trials}
    changes = [change for change in CHANGES if change in present]
    names = list(dict.fromkeys(trial.model for trial in trials))
    figure = new_figure(1 + 3.4 * len(changes), 5.4)
    grid = figure.subplots(2, len(changes), sharex="col", sharey="row", squeeze=False)
    lines = {}
    for column, change in enumerate(changes):
        for number, name in enumerate(names):
            own = [t for t in trials if (t.model, t.change) == (name, change)]
            own.sort(key=lambda trial: trial.amount)
            style = {
                "color": _COLOURS[number % len(_COLOURS)],
                "marker": _MARKERS[number % len(_MARKERS)],
                "markersize": 5,
            }
            amounts = [trial.amount for trial in own]
            for row, key in enumerate(("accuracy", "drift")):
                values = [getattr(trial, key) for trial in own]
                lines[name] = grid[row, column].plot(amounts, values, **style)[0]
        grid[1, column].set_xlabel(CHANGES[change])
    _finish(grid, [change != "permutation" for change in changes])
    labels = [name.replace("$", r"\$") for name in lines]
    place = {"loc": "outside upper center", "ncols": min(len(lines), 4)}
    figure.legend(lines.values(), labels, frameon=False, **place)
    return figure


def _finish(grid, whole):
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    for axes in grid.flat:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
        axes.margins(x=0.06)
    for axes, integer in zip(grid[1], whole):
        axes.xaxis.set_major_locator(MaxNLocator(integer=integer))
    grid[0, 0].set(ylim=(0, 1), ylabel="accuracy")
    grid[0, 0].yaxis.set_major_formatter(PercentFormatter(1))
    top = grid[1, 0].get_ylim()[1]
    grid[1, 0].set(ylim=(-0.03 * top, top), ylabel="drift of features")
