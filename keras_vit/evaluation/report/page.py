"""The report of an evaluation: one HTML page that needs no other file."""

from importlib import resources

from keras_vit.common.figures import image_address, themed_svg
from keras_vit.common.files import write_text
from keras_vit.common.pages import escaped, html_page
from keras_vit.common.tables import as_html
from keras_vit.common.wording import percent
from keras_vit.evaluation.report.pictures import (
    CLASSES_WITH_NAMES,
    MOST_CLASSES,
    plot_confusion,
    plot_reliability,
)

# A table of more classes begins with the worst ones and can be searched.
SEARCHED_CLASSES = 30


def write_report(evaluation, path, title="Evaluation", advice=None, weights=None):
    """Writes an evaluation as one HTML page, with its pictures inside.

    The page loads nothing from anywhere, and follows the reader's choice of a light
    or dark screen.

    Args:
        evaluation: An `Evaluation`.
        path: Path of the file, whose folder must exist.
        title: String, the page's heading; such as the run's name.
        advice: `keras_vit.advising.Advice` to stand above the pictures, or `None`.
        weights: String, which of a run's weights are judged, or `None`.

    Raises:
        ImportError: without matplotlib, saying how to install it.

    Example:

    >>> result = evaluate("runs/mine")
    >>> write_report(result, "report.html", "runs/mine")
    """
    write_text(path, report_page(evaluation, title, advice, weights))


def report_page(evaluation, title="Evaluation", advice=None, weights=None):
    """The page as a string; see `write_report`."""
    reliability = themed_svg(lambda: plot_reliability(evaluation), "r")
    parts = [
        f"<h1>{escaped(title)}</h1>",
        f"<p>{escaped(evaluation.data)}{_part(evaluation)}</p>",
        *_steps(evaluation),
        _numbers(evaluation),
        *told(weights),
        *advised(advice),
        *(_of_classes(evaluation) if evaluation.unequal else ()),
        "<h2>Most frequent confusions</h2>",
        _pairs(evaluation),
        "<h2>Confusion matrix</h2>",
        _confusion(evaluation),
        "<h2>Reliability</h2>",
        f"<div class='wide'>{reliability}</div>",
        "<p class='note'>Bars: the accuracy of predictions with that probability. On "
        "the dashed line, probabilities are calibrated; below it, the model is "
        "overconfident. The expected calibration error (ECE) is the mean distance "
        "from that line, weighted by the examples in each of 15 bins of equal "
        "width.</p>",
        "<h2>Most confident mistakes</h2>",
        _mistakes(evaluation),
        *(() if evaluation.unequal else _of_classes(evaluation)),
    ]
    return html_page(title, parts)


def _of_classes(evaluation):
    yield "<h2>Classes</h2>"
    if evaluation.unequal:
        yield (
            "<p class='note'>The largest class has "
            f"{evaluation.counts.imbalance:.3g} times the examples of the smallest, so "
            "the accuracy is mostly that of the largest. The balanced accuracy is the "
            "mean of the recalls.</p>"
        )
    yield _classes(evaluation)


def told(weights):
    """The element that says which of a run's weights are judged, where that is told."""
    if weights:
        yield f"<p class='note'>{escaped(weights)}</p>"


def advised(advice):
    """The elements of advice; none where there is none to give."""
    if advice:
        yield "<h2>What to try next</h2>"
        yield advice._repr_html_()


def _part(evaluation):
    return "" if evaluation.part is None else f": {escaped(evaluation.part)}"


def _steps(evaluation):
    if evaluation.steps is not None:
        yield f"<p class='note'>Images: {escaped(evaluation.steps)}</p>"


def _numbers(evaluation):
    low, high = evaluation.accuracy_interval
    bounds = f"95 % interval ({escaped(evaluation.interval_method)})"
    numbers = [
        (percent(evaluation.accuracy), "accuracy"),
        (f"{100 * low:.1f} – {100 * high:.1f} %", bounds),
        (percent(evaluation.top5_accuracy), "top-5 accuracy"),
        (f"{evaluation.loss:.4f}", "loss, nats"),
        (percent(evaluation.calibration_error), "calibration error (ECE)"),
        (f"{evaluation.num_examples:,}", "examples"),
    ]
    if evaluation.top5_accuracy is None:
        numbers[2] = ("–", "top-5: fewer than 6 classes")
    if evaluation.unequal:
        numbers.insert(0, (percent(evaluation.balanced_accuracy), "balanced accuracy"))
    if evaluation.real_accuracy is not None:
        numbers.insert(-3, (percent(evaluation.real_accuracy), "ReaL accuracy"))
    return cards(numbers)


def cards(numbers):
    """The headline numbers: pairs of a number and what it is, both HTML."""
    items = "".join(f"<div><b>{n}</b><span>{name}</span></div>" for n, name in numbers)
    return f"<div class='numbers'>{items}</div>"


def _pairs(evaluation):
    names, support = evaluation.class_names, evaluation.counts.support
    rows = [
        [names[t], names[p], count, percent(count / support[t], 1)]
        for t, p, count in evaluation.counts.worst_pairs(10)
    ]
    if not rows:
        return "<p>There are none: every answer is right.</p>"
    return as_html(["true", "predicted", "examples", "of the class"], rows, 2)


def _confusion(evaluation):
    caption = "Rows: true classes; columns: predicted ones. Blue is right, orange wrong"
    number = len(evaluation.class_names)
    if number > MOST_CLASSES:
        caption += (
            f". Of the {number:,} classes, those with the most mistakes are drawn; the "
            "last column is for all others"
        )
    elif number > CLASSES_WITH_NAMES:
        caption += "; classes in the model's order, too many for names here"
    picture = themed_svg(lambda: plot_confusion(evaluation), "c")
    return f"<div class='wide'>{picture}</div><p class='note'>{caption}.</p>"


def _classes(evaluation):
    classes, many = evaluation.classes, len(evaluation.classes) > SEARCHED_CLASSES
    if many:
        classes = sorted(classes, key=_worst_first)
    rows = [
        [
            row["class"],
            f"{row['support']:,}",
            *(percent(row[name], 1) for name in ("precision", "recall", "f1")),
        ]
        for row in classes
    ]
    table = as_html(["class", "examples", "precision", "recall", "F1"], rows, 1)
    order = "those with the lowest recall first"
    return searchable(table, len(rows), order) if many else searchable(table)


def searchable(table, number=None, order=None):
    """A table of classes that scrolls, with a box to search in it if it is long.

    Args:
        table: String, the HTML element.
        number: Integer, its classes; `None` for a short one.
        order: String, in which order they are.
    """
    table = f"<div class='tall'>{table}</div>"
    if number is None:
        return table
    script = (resources.files("keras_vit.evaluation.report") / "search.js").read_text()
    return (
        f"<p class='note'>{number:,} classes, {order}. "
        "<input type='search' id='search' placeholder='search classes' "
        f"aria-label='search classes'></p>{table}<script>{script}</script>"
    )


def _worst_first(row):
    """Sorts classes by recall, the larger of equal ones first, those without last."""
    return row["recall"] is None, row["recall"] or 0, -row["support"]


def _mistakes(evaluation):
    figures, names = [], evaluation.class_names
    for mistake in evaluation.mistakes:
        true, wrong = names[mistake.true], names[mistake.predicted]
        name = mistake.file or f"example {mistake.index}"
        small = " class='small'" if max(mistake.image.shape[:2]) < 64 else ""
        figures.append(
            f"<figure title='{escaped(name)}'><img{small} alt='{escaped(name)}' "
            f"src='{thumbnail(mistake.image)}'><figcaption>"
            f"<b>{escaped(wrong)}</b> {percent(mistake.confidence, 1)}<br>"
            f"true: {escaped(true)}<br>{escaped(name)}</figcaption></figure>"
        )
    if not figures:
        return "<p>There are none.</p>"
    return f"<div class='mistakes'>{''.join(figures)}</div>"


def thumbnail(pixels):
    """The address of a picture, at most 224 pixels high and wide."""
    from PIL import Image

    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    image.thumbnail((224, 224))
    return image_address(image, "PNG")
