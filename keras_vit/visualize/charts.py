"""Charts by layer, and by change of the images, drawn with matplotlib."""

import numpy as np

from keras_vit.common.figures import BLUE, GREY, ORANGE, new_figure

# The panels from left to right, and what is on their horizontal axes.
CHANGES = {
    "shift": "shift (pixels)",
    "permutation": "share of patches that changed places",
    "stride": "pixels from patch to patch",
}
_COLOURS = (BLUE, ORANGE, "#2a9d5c", "#8c5fd3", "#c43c6b", GREY)
_MARKERS = "osD^vP"


def plot_attention_distance(distances):
    """The mean attention distance of each head by depth, and of each layer.

    Args:
        distances: Array `(layers, heads)`, pixels, as `mean_attention_distance`
            returns.

    Returns:
        A matplotlib `Figure`, like figure 7 (right) of the paper.

    Example:

    >>> figure = plot_attention_distance(mean_attention_distance(model, images))
    >>> figure.savefig("distance.png")
    """
    return _heads(distances, "mean attention distance (pixels)")


def plot_attention_entropy(entropies):
    """The entropy of each head's attention by depth, and the mean of each layer.

    Args:
        entropies: Array `(layers, heads)`, nats, as `attention_entropy` returns.

    Returns:
        A matplotlib `Figure`.

    Example:

    >>> figure = plot_attention_entropy(attention_entropy(model, images))
    >>> figure.savefig("entropy.png")
    """
    return _heads(entropies, "entropy of attention (nats)")


def plot_token_norms(norms, prefix=0):
    """The lengths of tokens by depth: the median patch, the longest, and the others.

    Args:
        norms: Array `(layers + 1, B, tokens)`, as `token_norms` returns.
        prefix: Integer, the number of tokens before the first patch, drawn one by one.

    Returns:
        A matplotlib `Figure`; layer 0 is what the first block reads.

    Example:

    >>> norms = token_norms(keras_vit.ViT_B16(), images)
    >>> plot_token_norms(norms, prefix=1).savefig("norms.png")
    """
    norms = np.asarray(norms)
    patches = norms[..., prefix:].reshape(len(norms), -1)
    figure, axes = _by_depth("length of the token", 0, len(norms) - 1)
    depth = np.arange(len(norms))
    low, high = patches.min(axis=1), patches.max(axis=1)
    axes.fill_between(depth, low, high, color=BLUE, alpha=0.18, linewidth=0)
    axes.plot(depth, high, ":", color=BLUE, label="longest patch")
    axes.plot(depth, np.median(patches, axis=1), color=BLUE, label="median patch")
    for token in range(prefix):
        label = "before the patches" if token == 0 else None
        style = {"color": ORANGE if token == 0 else GREY, "label": label}
        axes.plot(depth, norms[..., token].mean(axis=1), **style)
    axes.set_ylim(0, 1.08 * max(norms.max(), 1e-6))
    axes.legend(frameon=False, fontsize=8, loc="best")
    return figure


def _heads(values, label):
    """A point for each head, a dash for each layer."""
    layers, heads = values.shape
    figure, axes = _by_depth(label, 1, layers)
    depth = np.repeat(np.arange(1, layers + 1), heads)
    axes.plot(depth, values.ravel(), "o", color=BLUE, alpha=0.55, ms=4.5, label="head")
    dash = {"color": ORANGE, "markersize": 14, "markeredgewidth": 2}
    means = values.mean(axis=1)
    axes.plot(depth[::heads], means, "_", label="mean of the layer", **dash)
    axes.set_ylim(0, 1.08 * max(values.max(), 1e-6))
    axes.legend(frameon=False, fontsize=8, ncols=2, loc="lower right")
    return figure


def _by_depth(label, first, last):
    figure = new_figure(4.6, 3.4)
    axes = figure.subplots()
    axes.set(xlabel="layer", ylabel=label)
    axes.set_xlim(first - 0.6, last + 0.6)
    _open(axes, True)
    return figure, axes


def _open(axes, whole):
    """Leaves out the upper and right edges; ticks at integers where `whole`."""
    from matplotlib.ticker import MaxNLocator

    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(integer=whole))


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
    from matplotlib.ticker import PercentFormatter

    grid = figure.subplots(2, len(changes), sharex="col", sharey="row", squeeze=False)
    lines = {}
    for column, change in zip(grid.T, changes):
        for axes in column:
            axes.grid(alpha=0.25)
            axes.margins(x=0.06)
            _open(axes, change != "permutation")
        for number, name in enumerate(names):
            own = [t for t in trials if (t.model, t.change) == (name, change)]
            own.sort(key=lambda trial: trial.amount)
            style = {
                "color": _COLOURS[number % len(_COLOURS)],
                "marker": _MARKERS[number % len(_MARKERS)],
                "markersize": 5,
            }
            amounts = [trial.amount for trial in own]
            for axes, key in zip(column, ("accuracy", "drift")):
                values = [getattr(trial, key) for trial in own]
                lines[name] = axes.plot(amounts, values, **style)[0]
        column[1].set_xlabel(CHANGES[change])
    top = grid[1, 0].get_ylim()[1]
    grid[0, 0].set(ylim=(0, 1), ylabel="accuracy")
    grid[0, 0].yaxis.set_major_formatter(PercentFormatter(1))
    grid[1, 0].set(ylim=(-0.03 * top, top), ylabel="drift of features")
    labels = [name.replace("$", r"\$") for name in lines]
    place = {"loc": "outside upper center", "ncols": min(len(lines), 4)}
    figure.legend(lines.values(), labels, frameon=False, **place)
    return figure
