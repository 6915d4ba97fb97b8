"""The report of several labels an image: one HTML page that needs no other file."""

import numpy as np

from keras_vit.common.figures import (
    BLUE,
    GREY,
    ORANGE,
    new_figure,
    themed_svg,
    unformatted,
)
from keras_vit.common.files import write_text
from keras_vit.common.pages import escaped, html_page
from keras_vit.common.tables import as_html
from keras_vit.common.wording import percent
from keras_vit.evaluation.multilabel.scores import precision_recall
from keras_vit.evaluation.report.page import (
    SEARCHED_CLASSES,
    advised,
    cards,
    searchable,
    thumbnail,
    told,
)

# Curves beside each other, and the classes of the picture of errors, at most.
CURVES = 24
IN_PICTURE = 40
HEADER = ("label", "images", "AP", "AUC", "threshold", "precision", "recall", "F1")
NAMES = {
    "mean_ap": "mean average precision",
    "micro_f1": "micro F1",
    "macro_f1": "macro F1",
    "exact_match": "all labels right",
    "hamming_loss": "wrong answers (Hamming)",
}


def write_labels_report(
    evaluation, path, title="Evaluation", advice=None, weights=None
):
    """Writes a `LabelEvaluation` as one HTML page, with its pictures inside.

    The page loads nothing from anywhere, and follows the reader's choice of a light
    or dark screen.

    Args:
        evaluation: A `LabelEvaluation`.
        path: Path of the file, whose folder must exist.
        title: String, the page's heading; such as the run's name.
        advice: `keras_vit.advising.Advice` to stand above the pictures, or `None`.
        weights: String, which of a run's weights are judged, or `None`.

    Raises:
        ImportError: without matplotlib, saying how to install it.

    Example:

    >>> result = keras_vit.evaluation.evaluate_labels("runs/mine")
    >>> write_labels_report(result, "report.html", "runs/mine")
    """
    write_text(path, labels_page(evaluation, title, advice, weights))


def labels_page(evaluation, title="Evaluation", advice=None, weights=None):
    """The page as a string; see `write_labels_report`."""
    part = f": {escaped(evaluation.part)}" if evaluation.part else ""
    groups = evaluation.num_groups
    drawn = f"the {groups:,} groups" if groups > 1 else "the images"
    curves = themed_svg(lambda: plot_label_curves(evaluation), "p")
    errors = themed_svg(lambda: plot_label_errors(evaluation), "e")
    parts = [
        f"<h1>{escaped(title)}</h1>",
        f"<p>{escaped(evaluation.data)}{part}</p>",
        _numbers(evaluation),
        "<p class='note'>Below each number its 95 % interval, by bootstrap over "
        f"{drawn}. F1 and what follows are at the thresholds of the table, which "
        "training chose on its validation images (a half, if it had none); average "
        "precision (AP) and the area under the ROC curve (AUC) need none.</p>",
        *told(weights),
        *advised(advice),
        "<h2>Labels</h2>",
        _classes(evaluation),
        "<h2>Precision and recall</h2>",
        f"<div class='wide'>{curves}</div>",
        f"<p class='note'>{_curve_note(evaluation)}</p>",
        "<h2>What is found in the place of what</h2>",
        _confused(evaluation),
        f"<div class='wide'>{errors}</div>",
        "<p class='note'>Rows: labels that the image has. Columns: labels that were "
        "falsely found on these images. The darker, the larger the share of the row's "
        f"images.{_errors_note(evaluation)}</p>",
        "<h2>Falsely found, with the highest probabilities</h2>",
        _pictures(evaluation, evaluation.false),
        "<h2>Missed, with the lowest probabilities</h2>",
        _pictures(evaluation, evaluation.missed),
    ]
    return html_page(title, parts)


def _numbers(evaluation):
    numbers = []
    for name, words in NAMES.items():
        bounds = evaluation.intervals.get(name)
        if bounds:
            low, high = (f"{100 * bound:.1f}" for bound in bounds)
            words += f"<br>{low} – {high} %"
        numbers.append((percent(evaluation.scores[name]), words))
    return cards([*numbers, (f"{evaluation.num_examples:,}", "images")])


def class_rows(evaluation, classes=None):
    """The rows of the table of labels, texts under `HEADER`."""
    return [
        [
            row["class"],
            f"{row['support']:,}",
            *(percent(row[name], 1) for name in ("ap", "auc")),
            f"{row['threshold']:.2f}",
            *(percent(row[name], 1) for name in ("precision", "recall", "f1")),
        ]
        for row in (evaluation.classes if classes is None else classes)
    ]


def _classes(evaluation):
    classes, many = evaluation.classes, len(evaluation.classes) > SEARCHED_CLASSES
    if many:
        classes = sorted(classes, key=lambda r: (r["ap"] is None, r["ap"] or 0))
    table = as_html(list(HEADER), class_rows(evaluation, classes), 1)
    if evaluation.left_out:
        left = ", ".join(map(escaped, evaluation.left_out[:10]))
        table += f"<p class='note'>Not in the data, and not asked: {left}.</p>"
    if not many:
        return searchable(table)
    return searchable(table, len(classes), "those with the lowest AP first")


def _with_positives(evaluation, most):
    support = evaluation.labels.sum(axis=0, dtype="int64")
    order = np.argsort(-support, kind="stable")[:most]
    return [int(place) for place in order if support[place]]


def plot_label_curves(evaluation):
    """Precision over recall of each label, and where its threshold lies on the curve.

    Args:
        evaluation: A `LabelEvaluation`; of many labels the 24 most frequent are drawn.

    Returns:
        A matplotlib `Figure`.
    """
    drawn = _with_positives(evaluation, CURVES)
    columns = min(4, max(1, len(drawn)))
    rows = max(1, -(-len(drawn) // columns))
    figure = new_figure(2.3 * columns, 2.1 * rows + 0.2)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for axes in grid.ravel()[len(drawn) :]:
        axes.set_axis_off()
    for place, axes in zip(drawn, grid.ravel()):
        row = evaluation.classes[place]
        labels = evaluation.labels[:, place]
        precision, recall = precision_recall(labels, evaluation.probabilities[:, place])
        axes.step(np.r_[0, recall], np.r_[precision[0], precision], color=BLUE)
        axes.axhline(labels.mean(), color=GREY, linestyle="--", linewidth=0.8)
        if row["precision"] is not None:
            axes.plot(row["recall"], row["precision"], "o", color=ORANGE)
        axes.set(xlim=(0, 1.02), ylim=(0, 1.04))
        name = row["class"]
        name = name if len(name) <= 20 else name[:19] + "…"
        axes.set_title(unformatted(f"{name}, AP {100 * row['ap']:.0f} %"), fontsize=9)
    for axes in grid[-1]:
        axes.set_xlabel("recall", fontsize=9)
    for axes in grid[:, 0]:
        axes.set_ylabel("precision", fontsize=9)
    return figure


def _curve_note(evaluation):
    number = len(evaluation.class_names)
    more = f" Of the {number:,} labels, the {CURVES} most frequent." * (number > CURVES)
    return f"Dot: the threshold. Dashed: the share of images with the label.{more}"


def _errors_note(evaluation):
    number = len(evaluation.class_names)
    if number <= IN_PICTURE:
        return ""
    return f" Of the {number:,} labels, the {IN_PICTURE} most frequent are drawn."


def plot_label_errors(evaluation):
    """Which labels are falsely found on images of which others.

    Args:
        evaluation: A `LabelEvaluation`; of many labels the 40 most frequent are drawn.

    Returns:
        A matplotlib `Figure`.
    """
    drawn = _with_positives(evaluation, IN_PICTURE) or [0]
    drawn = sorted(drawn)
    false = evaluation.answers[1][:, drawn].astype("float32")
    labels = evaluation.labels[:, drawn].astype("float32")
    shares = (labels.T @ false) / np.maximum(labels.sum(axis=0)[:, None], 1)
    names = [unformatted(evaluation.class_names[k][:24]) for k in drawn]
    side = max(2.4, 0.3 * len(names))
    room = 0.4 + 0.075 * max(map(len, names))
    figure = new_figure(side + room, side + room)
    axes = figure.subplots()
    from matplotlib.colors import to_rgb

    pixels = np.empty((*shares.shape, 4))
    pixels[..., :3], pixels[..., 3] = to_rgb(ORANGE), np.sqrt(shares)
    axes.imshow(pixels, interpolation="nearest", aspect="equal")
    size = 9 if len(names) <= 25 else 6
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=size)
    axes.set_yticks(range(len(names)), names, fontsize=size)
    axes.set(xlabel="falsely found", ylabel="label of the image")
    if len(names) <= 25:
        for row, column in zip(*np.nonzero(shares >= 0.005)):
            text = f"{100 * shares[row, column]:.0f}"
            axes.text(column, row, text, ha="center", va="center", fontsize=8)
    return figure


def _confused(evaluation):
    rows = [[found, missed, f"{n:,}"] for found, missed, n in evaluation.confused()]
    if not rows:
        return "<p>On no image was one label missed and another falsely found.</p>"
    return as_html(["falsely found", "and missed", "images"], rows, 2)


def _pictures(evaluation, mistakes):
    figures, names = [], evaluation.class_names
    for mistake in mistakes:
        name = mistake.file or f"example {mistake.index}"
        small = " class='small'" if max(mistake.image.shape[:2]) < 64 else ""
        places = np.flatnonzero(evaluation.labels[mistake.index])
        has = ", ".join(names[k] for k in places) or "no label"
        figures.append(
            f"<figure title='{escaped(name)}'><img{small} alt='{escaped(name)}' "
            f"src='{thumbnail(mistake.image)}'><figcaption>"
            f"<b>{escaped(names[mistake.label])}</b> "
            f"{percent(mistake.probability, 1)}<br>"
            f"true: {escaped(has)}<br>{escaped(name)}</figcaption></figure>"
        )
    if not figures:
        return "<p>There are none.</p>"
    return f"<div class='mistakes'>{''.join(figures)}</div>"
