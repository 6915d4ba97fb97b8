"""Pictures of an evaluation, drawn with matplotlib.

Each function returns a matplotlib `Figure`, which opens no window;
`figure.savefig("picture.png")` writes it.
"""

import math

import numpy as np

from keras_vit.common.figures import BLUE, GREY, ORANGE, new_figure, unformatted
from keras_vit.evaluation.metrics import NUM_BINS, Counts

# Cells carry their counts up to so many classes, axes the names of classes up to so
# many; beyond, a cell is too small for either.
CLASSES_WITH_COUNTS = 25
CLASSES_WITH_NAMES = 120
# Above so many classes, cells are too small to be seen at all: those with the most
# mistakes are drawn, with their names.
MOST_CLASSES = 500


def plot_confusion(evaluation, percentages=False):
    """The confusion matrix: rows the true classes, columns the predicted ones.

    Each row is coloured by its shares; the darker, the more of the class's examples.
    Above 500 classes, the 120 with the most mistakes are drawn, and a last column for
    all other answers.

    Args:
        evaluation: An `Evaluation`, or what has its `confusion` and `class_names`.
        percentages: Boolean, whether cells carry the share of their row in percent,
            as suits pixels, instead of their count.

    Returns:
        A matplotlib `Figure`.
    """
    found = getattr(evaluation, "counts", None) or Counts.of_matrix(
        evaluation.confusion
    )
    rows = columns = list(evaluation.class_names)
    if len(rows) > MOST_CLASSES:
        worst = found.worst_classes(CLASSES_WITH_NAMES)
        counts, support = found.matrix(worst), found.support[worst]
        rows = [rows[place] for place in worst]
        columns = [*rows, "all others"]
    else:
        counts, support = found.matrix(), found.support
    number = len(rows)
    named = number <= CLASSES_WITH_NAMES
    longest = max(map(len, columns)) if named else 0
    # Cells of a quarter inch, smaller ones where there are many, and room for names.
    side = number * _cell(number)
    room = 0.4 + 0.075 * min(longest, 24)
    figure = new_figure(max(2.6, side + room), max(2.6, side + room))
    axes = figure.subplots()
    shares = counts / np.maximum(support[:, None], 1)
    axes.imshow(_colours(shares), interpolation="nearest", aspect="equal")
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    if number < len(evaluation.class_names):
        axes.set_title(
            f"The {number} classes with the most mistakes, "
            f"of {len(evaluation.class_names):,}",
            fontsize=10,
        )
    if named:
        size = 9 if number <= CLASSES_WITH_COUNTS else 6
        short = [_short(name) for name in columns]
        axes.set_xticks(range(len(columns)), short, rotation=90, fontsize=size)
        axes.set_yticks(range(number), short[:number], fontsize=size)
    if number <= CLASSES_WITH_COUNTS:
        _write_counts(axes, counts, shares, percentages)
    return figure


def _cell(number):
    """The side of a cell, inches."""
    if number <= CLASSES_WITH_COUNTS:
        return 0.8 if number <= 4 else 0.42
    return 0.11 if number <= CLASSES_WITH_NAMES else max(0.012, 12 / number)


def _colours(shares):
    """Blue where right and orange where wrong, transparent where nothing is."""
    from matplotlib.colors import to_rgb

    pixels = np.empty((*shares.shape, 4))
    pixels[..., :3] = to_rgb(ORANGE)
    np.einsum("iic->ic", pixels[:, : len(shares)])[:, :3] = to_rgb(BLUE)
    # The root shows rare confusions too: 1 % becomes a tenth of the full colour.
    pixels[..., 3] = np.sqrt(shares)
    return pixels


def _write_counts(axes, counts, shares, percentages):
    for row, column in zip(*np.nonzero(counts)):
        share = shares[row, column]
        strong = share > 0.4
        text = str(counts[row, column])
        if percentages:
            text = f"{100 * share:.0f}" if share >= 0.005 else "<1"
        axes.text(
            column,
            row,
            text,
            ha="center",
            va="center",
            fontsize=8,
            color="white" if strong else None,
        )


def plot_reliability(evaluation):
    """Accuracy against confidence, with the number of examples in each bin.

    On the dashed line probabilities are calibrated; below it, they are too high.

    Args:
        evaluation: An `Evaluation`.

    Returns:
        A matplotlib `Figure`.
    """
    found = evaluation.calibration
    figure = new_figure(4.2, 4.6)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    edges = np.arange(NUM_BINS) / NUM_BINS
    width = 1 / NUM_BINS
    bars = {"width": width, "align": "edge", "edgecolor": GREY, "linewidth": 0.5}
    top.bar(edges, np.nan_to_num(found.accuracy), color=BLUE, **bars)
    top.plot([0, 1], [0, 1], "--", color=GREY)
    top.plot(found.confidence, found.accuracy, ".", color=ORANGE)
    top.set(xlim=(0, 1), ylim=(0, 1), ylabel="accuracy")
    top.set_title(f"ECE {100 * found.error:.2f} %", fontsize=10)
    bottom.bar(edges, found.counts, color=BLUE, **bars)
    bottom.set(xlabel="confidence", ylabel="examples")
    return figure


def plot_mistakes(evaluation, columns=6):
    """The most confident mistakes as a grid, with true and predicted class.

    Args:
        evaluation: An `Evaluation`; as many of its mistakes as it kept.
        columns: Integer, pictures side by side.

    Returns:
        A matplotlib `Figure`.

    Raises:
        ValueError: if there is no mistake.
    """
    mistakes = evaluation.mistakes
    if not mistakes:
        raise ValueError("There is no mistake to draw. Received: an empty list")
    columns = min(columns, len(mistakes))
    rows = math.ceil(len(mistakes) / columns)
    figure = new_figure(1.9 * columns, 2.3 * rows)
    grid = np.atleast_1d(figure.subplots(rows, columns)).ravel()
    for axes, mistake in zip(grid, mistakes):
        image = mistake.image
        grey = image.shape[-1] == 1
        axes.imshow(image[..., 0] if grey else image, cmap="gray", vmin=0, vmax=255)
        names = [evaluation.class_names[k] for k in (mistake.predicted, mistake.true)]
        axes.set_title(
            f"{_short(names[0])} {100 * mistake.confidence:.0f} %\n"
            f"true: {_short(names[1])}",
            fontsize=8,
        )
    for axes in grid:
        axes.set_axis_off()
    return figure


def _short(name, length=24):
    name = name if len(name) <= length else name[: length - 1] + "…"
    return unformatted(name)
