"""Pictures of how numbers change from layer to layer, drawn with matplotlib."""

import numpy as np

from keras_vit.common.figures import BLUE, GREY, ORANGE, new_figure


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
    axes.plot(
        depth[::heads],
        values.mean(axis=1),
        "_",
        color=ORANGE,
        markersize=14,
        markeredgewidth=2,
        label="mean of the layer",
    )
    axes.set_ylim(0, 1.08 * max(values.max(), 1e-6))
    axes.legend(frameon=False, fontsize=8, ncols=2, loc="lower right")
    return figure


def _by_depth(label, first, last):
    from matplotlib.ticker import MaxNLocator

    figure = new_figure(4.6, 3.4)
    axes = figure.subplots()
    axes.set(xlabel="layer", ylabel=label)
    axes.set_xlim(first - 0.6, last + 0.6)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes
