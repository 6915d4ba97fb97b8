"""The report of a detection: one HTML page that needs no other file."""

import numpy as np

from keras_vit.common.class_colours import as_hex, class_colours
from keras_vit.common.figures import (
    GREY,
    ORANGE,
    image_address,
    new_figure,
    themed_svg,
    unformatted,
)
from keras_vit.common.files import write_text
from keras_vit.common.pages import escaped, html_page
from keras_vit.common.tables import as_html
from keras_vit.common.wording import percent
from keras_vit.evaluation.report.page import (
    SEARCHED_CLASSES,
    advised,
    cards,
    searchable,
    told,
)
from keras_vit.inference.box_pictures import with_boxes

# What boxes of an example mean, and their colours.
_FOUND, _MISSED, _CROWD = "#009e73", "#d60fb4", GREY
_LEGEND = {
    "object that was found": _FOUND,
    "object that was missed": _MISSED,
    "false box": ORANGE,
    "crowd, where boxes do not count": _CROWD,
}
# Pixels up to which a small image is made larger, so that words have room.
LEAST_SIZE = 480
# Classes with a curve of their own, at most.
CURVES = 10
_STYLE = """
.boxes { display: grid; gap: 1.2rem;
  grid-template-columns: repeat(auto-fill, minmax(18rem, 1fr)); }
.boxes img { width: 100%; display: block; border-radius: .3rem; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem .9rem; padding: 0; margin: .4rem 0;
  list-style: none; font-size: .88rem; }
.legend i { display: inline-block; width: .85rem; height: .85rem; margin-right: .35rem;
  border: 3px solid; border-radius: .15rem; vertical-align: -.15rem; }
dt { font-weight: 600; } dd { margin: 0 0 .5rem; max-width: 46rem; }
"""


def write_detection_report(
    evaluation, path, title="Detection", advice=None, weights=None
):
    """Writes an evaluation of boxes as one HTML page, with its pictures inside.

    The page loads nothing from anywhere, and follows the reader's choice of a light
    or dark screen.

    Args:
        evaluation: A `DetectionEvaluation`.
        path: Path of the file, whose folder must exist.
        title: String, the page's heading; such as the run's name.
        advice: `keras_vit.advising.Advice` to stand above the pictures, or `None`.
        weights: String, which of a run's weights are judged, or `None`.

    Raises:
        ImportError: without matplotlib, saying how to install it.

    Example:

    >>> result = evaluate_detection(predictions, source)
    >>> write_detection_report(result, "report.html", "runs/mine")
    """
    write_text(path, detection_page(evaluation, title, advice, weights))


def detection_page(evaluation, title="Detection", advice=None, weights=None):
    """The page as a string; see `write_detection_report`."""
    e = evaluation
    curves = themed_svg(lambda: plot_precision_recall(e), "p")
    parts = [
        f"<h1>{escaped(title)}</h1>",
        f"<p>{escaped(e.data)}: {e.num_objects:,} objects in {e.num_images:,} "
        "images</p>",
        cards(_numbers(e)),
        "<p class='note'>AP and AP50 with their 95 % intervals, by bootstrap over the "
        "images. It takes images as independent. Parts of one photograph are not: "
        "intervals that cover other places are wider, and cannot be had from such "
        "data.</p>",
        "<h2>COCO's twelve numbers</h2>",
        _twelve(e),
        *told(weights),
        *advised(advice),
        "<h2>Classes</h2>",
        _classes(e),
        "<h2>Precision and recall</h2>",
        f"<div class='wide'>{curves}</div>",
        f"<p class='note'>{_curve_note(e)}</p>",
        "<h2>Missed and false boxes</h2>",
        *_examples(e),
        "<h2>What the numbers mean</h2>",
        _meanings(),
    ]
    return html_page(title, parts, _STYLE)


def plot_precision_recall(evaluation):
    """Precision against recall: the mean over classes, and classes alone.

    Left at IoU 0.5, 0.75 and 0.9; right at IoU 0.5 the classes with the most objects,
    at most ten.

    Args:
        evaluation: A `DetectionEvaluation`.

    Returns:
        A matplotlib `Figure`.
    """
    scores = evaluation.scores
    recalls = np.linspace(0, 1, scores.precision.shape[2])
    figure = new_figure(11, 3.8)
    left, right = figure.subplots(1, 2, sharey=True)
    known = scores.support > 0
    for place, style in ((0, "-"), (5, "--"), (8, ":")):
        if known.any():
            mean = scores.precision[place][known].mean(axis=0)
            name = f"IoU {0.5 + 0.05 * place:.2g}: AP {100 * mean.mean():.1f} %"
            left.plot(recalls, mean, style, color=ORANGE, label=name)
    left.set_title("mean over classes", fontsize=10)
    colours = class_colours(len(evaluation.class_names) + 1)[1:]
    for place in _most_frequent(evaluation):
        label = unformatted(evaluation.class_names[place])[:24]
        name = f"{label}: {100 * scores.ap50[place]:.1f} %"
        curve = scores.precision[0, place]
        right.plot(recalls, curve, color=as_hex(colours[place]), label=name)
    right.set_title("classes, at IoU 0.5", fontsize=10)
    for axes in (left, right):
        axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="recall")
    if left.lines:
        left.legend(fontsize=8, framealpha=0)
        right.legend(fontsize=8, framealpha=0, loc="upper left", bbox_to_anchor=(1, 1))
    left.set_ylabel("precision")
    return figure


def _most_frequent(e):
    support = e.scores.support
    order = np.argsort(-support, kind="stable")[:CURVES]
    return [int(place) for place in order if support[place]]


def _curve_note(e):
    note = (
        "The highest precision with at least that recall, as COCO reads it at 101 "
        "recalls. A curve that ends early: the other objects were not found at any "
        "score."
    )
    with_objects = int((e.scores.support > 0).sum())
    if with_objects > CURVES:
        note += f" Of {with_objects:,} classes, those with the most objects are drawn."
    return note


def _numbers(e):
    stats = e.scores.stats
    numbers = []
    for name, what in (("AP", "AP, mean over IoU 0.5 to 0.95"), ("AP50", "AP50")):
        ends = e.intervals[name]
        shown = "no interval"
        if ends is not None:
            shown = f"{100 * ends[0]:.1f} – {100 * ends[1]:.1f} %"
        numbers.append((_percent(stats[name]), f"{what}<br>{shown}"))
    numbers.append((_percent(stats["AP75"]), "AP75"))
    numbers.append((_percent(stats["AR_100"]), "AR, up to 100 boxes an image"))
    if e.threshold is not None:
        at = f"at scores of at least {e.threshold:.3g}, IoU 0.5"
        numbers.append((percent(e.precision, 1), f"precision<br>{at}"))
        numbers.append((percent(e.recall, 1), f"recall<br>{at}"))
    return numbers


def _percent(share):
    return "–" if np.isnan(share) else percent(share, 1)


def _twelve(e):
    stats = {name: _percent(value) for name, value in e.scores.stats.items()}
    header = ["", "all", "IoU 0.5", "IoU 0.75", "small", "medium", "large"]
    precision = ["AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large"]
    recall = ["AR_100", "AR_small", "AR_medium", "AR_large"]
    found = [stats[name] for name in recall]
    rows = [
        ["average precision (AP)", *(stats[name] for name in precision)],
        ["average recall (AR), 100 boxes", found[0], "", "", *found[1:]],
        ["average recall (AR), 10 boxes", stats["AR_10"], *[""] * 5],
        ["average recall (AR), 1 box", stats["AR_1"], *[""] * 5],
    ]
    return (
        f"<div class='wide'>{as_html(header, rows, 1)}</div><p class='note'>Small: "
        "under 32 x 32 square pixels; large: over 96 x 96. A dash: no such object.</p>"
    )


def _classes(e):
    rows, many = e.classes, len(e.classes) > SEARCHED_CLASSES
    if many:
        rows = sorted(rows, key=lambda row: (row["AP"] is None, row["AP"] or 0))
    header = ["class", "objects", "AP", "AP50", "AR", "right", "missed", "false"]
    cells = [
        [
            row["class"],
            f"{row['support']:,}",
            *(percent(row[key], 1) for key in ("AP", "AP50", "AR_100")),
            *(f"{row[key]:,}" for key in ("right", "missed", "false")),
        ]
        for row in rows
    ]
    table = as_html(header, cells, 1)
    order = "those with the lowest AP first"
    table = searchable(table, len(rows), order) if many else searchable(table)
    return f"{table}<p class='note'>{_counted(e)}</p>"


def _counted(e):
    if e.threshold is None:
        return "No detection is right at IoU 0.5: every object counts as missed."
    return (
        "Right, missed and false: at IoU 0.5, of detections with a score of at least "
        f"{e.threshold:.3g}, which gives the highest F1 on these images. Other images "
        "may want another score."
    )


def _examples(e):
    if not e.examples:
        return ["<p>None were kept, or there is no mistake.</p>"]
    items = "".join(
        f"<li><i style='border-color:{colour}'></i>{name}</li>"
        for name, colour in _LEGEND.items()
    )
    figures = "".join(_example(e, example) for example in e.examples)
    return [
        "<p class='note'>The images with the most mistakes. Boxes that are right are "
        "not drawn, but the objects that they found.</p>",
        f"<ul class='legend'>{items}</ul><div class='boxes'>{figures}</div>",
    ]


def _example(e, x):
    boxes = [(box, _CROWD, "") for box in x.objects[x.crowd]]
    hit = ~x.crowd & ~x.missed
    boxes += [(box, _FOUND, "") for box in x.objects[hit]]
    for box, name in zip(x.objects[x.missed], x.object_classes[x.missed]):
        boxes.append((box, _MISSED, _named(e, name)))
    order = np.argsort(x.scores, kind="stable")
    for place in order[x.false[order]]:
        text = f"{_named(e, x.classes[place])} {100 * x.scores[place]:.0f} %".strip()
        boxes.append((x.boxes[place], ORANGE, text))
    zoom = max(1, LEAST_SIZE // max(x.image.shape[:2]))
    image = x.image.repeat(zoom, axis=0).repeat(zoom, axis=1)
    picture = with_boxes(image, [(box * zoom, *rest) for box, *rest in boxes])
    address = image_address(picture, "PNG")
    counts = f"{int(x.missed.sum())} missed, {int(x.false.sum())} false, "
    counts += f"{int(hit.sum())} found"
    name = escaped(x.name)
    return (
        f"<figure><img alt='{name}: {counts}' src='{address}'><figcaption>"
        f"<b>{name}</b> {counts}</figcaption></figure>"
    )


def _named(e, name):
    """The name of a class, where there is more than one."""
    return e.class_names[name] if len(e.class_names) > 1 else ""


def _meanings():
    entries = {
        "IoU": "How well a box fits its object: the area of both together over the "
        "area that either covers.",
        "right": "A box is right if its IoU with an object of its class is at least "
        "the threshold. Boxes with higher scores choose first, and an object is found "
        "once: a second box on it is false.",
        "precision, recall": "The share of boxes that are right; the share of objects "
        "that were found.",
        "AP": "Average precision: the mean of the precision over all recalls, that is "
        "over all scores at which one could stop; then over classes. AP50 at IoU 0.5; "
        "AP75 at IoU 0.75, where boxes must fit well; AP itself the mean over IoU 0.5, "
        "0.55, ..., 0.95.",
        "AR": "Average recall: the share of objects found by so many boxes of each "
        "class in an image, the mean over the same IoU and over classes.",
        "crowd": "A region of many objects that were not told apart. Boxes on it are "
        "neither right nor false.",
    }
    items = (f"<dt>{escaped(k)}</dt><dd>{text}</dd>" for k, text in entries.items())
    return f"<dl>{''.join(items)}</dl>"
