"""The report of a segmentation: one HTML page that needs no other file."""

import numpy as np

from keras_vit.common.class_colours import (
    NUM_COLOURS,
    as_hex,
    class_colours,
    is_background,
)
from keras_vit.common.figures import ORANGE, image_address, themed_svg
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
from keras_vit.evaluation.report.pictures import CLASSES_WITH_COUNTS, plot_confusion

IGNORED = 255
# What is wrong with a pixel, and its colour in an error map.
MISSED, FALSE, OTHER = "missed", "false", "wrong class"
_ERRORS = {MISSED: "#111111", FALSE: ORANGE, OTHER: "#7a5cd0"}
_WRONG = {"wrong": ORANGE}  # where there is no background
_STRIPES = ((255, 255, 255), (150, 150, 150))  # of what is not counted
_STYLE = """
.panels { display: grid; grid-template-columns: repeat(4, 1fr); gap: .4rem; }
.panels img { width: 100%; max-height: 22rem; object-fit: contain; display: block;
  object-position: left; image-rendering: pixelated; }
.example { margin: 0 0 1.6rem; } .example > p { margin: .2rem 0 .4rem;
  overflow-wrap: anywhere; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem .9rem; padding: 0; margin: .4rem 0;
  list-style: none; font-size: .88rem; } .legend li { overflow-wrap: anywhere; }
.legend i { display: inline-block; width: .85rem; height: .85rem; margin-right: .35rem;
  border: 1px solid var(--soft); border-radius: .15rem; vertical-align: -.1rem; }
.stripes { background: repeating-linear-gradient(45deg, #fff 0 2px, #969696 2px 4px); }
dt { font-weight: 600; } dd { margin: 0 0 .5rem; max-width: 46rem; }
@media (max-width: 40rem) { .panels { grid-template-columns: repeat(2, 1fr); } }
"""


def write_segmentation_report(
    evaluation, path, title="Segmentation", advice=None, weights=None
):
    """Writes an evaluation of masks as one HTML page, with its pictures inside.

    The page loads nothing from anywhere, and follows the reader's choice of a light
    or dark screen.

    Args:
        evaluation: A `SegmentationEvaluation`.
        path: Path of the file, whose folder must exist.
        title: String, the page's heading; such as the run's name.
        advice: `keras_vit.advising.Advice` to stand above the pictures, or `None`.
        weights: String, which of a run's weights are judged, or `None`.

    Raises:
        ImportError: without matplotlib, saying how to install it.

    Example:

    >>> result = evaluate_segmentation("runs/mine", source)
    >>> write_segmentation_report(result, "report.html", "runs/mine")
    """
    write_text(path, segmentation_page(evaluation, title, advice, weights))


def segmentation_page(evaluation, title="Segmentation", advice=None, weights=None):
    """The page as a string; see `write_segmentation_report`."""
    e = evaluation
    parts = [
        f"<h1>{escaped(title)}</h1>",
        f"<p>{escaped(e.data)}: a class for every pixel of {e.num_images:,} images</p>",
        cards(_numbers(e)),
        "<p class='note'>Below each number its 95 % interval, by bootstrap over the "
        "images. It takes images as independent. Slices of one volume and parts of one "
        "photograph are not: intervals that cover other patients or places are "
        "wider, and cannot be had from such data.</p>",
        *told(weights),
        *advised(advice),
        "<h2>Classes</h2>",
        _classes(e),
        "<h2>Confusion matrix</h2>",
        _confusion(e),
        "<h2>Worst images</h2>",
        *_examples(e, e.worst),
        "<h2>Best images</h2>",
        *_examples(e, e.best),
        "<h2>What the numbers mean</h2>",
        _meanings(e),
    ]
    return html_page(title, parts, _STYLE)


def _numbers(e):
    named = [
        ("mean IoU", "mean_iou", e.scores.mean_iou),
        ("mean Dice", "mean_dice", e.scores.mean_dice),
        ("pixel accuracy", "pixel_accuracy", e.scores.pixel_accuracy),
        ("mean accuracy", "mean_accuracy", e.scores.mean_accuracy),
    ]
    if e.foreground:
        without = f"mean Dice without {escaped(e.class_names[0])}"
        key = "foreground_dice"
        named.insert(2, (without, key, e.foreground[key]))
    numbers = [
        (_percent(value), f"{name}{_below(e.intervals[key])}")
        for name, key, value in named
    ]
    ignored = percent(e.ignored, 1)
    pixels = f"{int(e.scores.support.sum()):,} pixels<br>{ignored} not counted"
    return [*numbers, (f"{e.num_images:,} images", pixels)]


def _percent(share):
    return "–" if np.isnan(share) else percent(share, 1)


def _below(bounds):
    return "<br>no interval" if np.isnan(bounds).any() else f"<br>{_range(bounds)} %"


def _range(bounds):
    return f"{100 * bounds[0]:.1f} – {100 * bounds[1]:.1f}"


def _classes(e):
    rows, many = e.classes, len(e.classes) > SEARCHED_CLASSES
    if many:
        rows = sorted(rows, key=lambda row: (row["iou"] is None, row["iou"] or 0))
    header = ["class", "images", "pixels", "IoU", "Dice", "accuracy"]
    distances = e.distances is not None
    if distances:
        header += ["HD95 (images)", "in one mask only"]
    cells = []
    for row in rows:
        line = [row["class"], f"{row['images']:,}", f"{row['support']:,}"]
        for name in ("iou", "dice", "accuracy"):
            bounds = row[f"{name}_interval"]
            shown = "" if bounds is None else f" ({_range(bounds)})"
            line.append(percent(row[name], 1) + shown)
        if distances:
            known = "–" if row["hd95"] is None else f"{row['hd95']:.2f}"
            line += [f"{known} ({row['hd95_images']})", row["hd95_one_sided"]]
        cells.append(line)
    table = as_html(header, cells, 1)
    order = "those with the lowest IoU first"
    table = searchable(table, len(rows), order) if many else searchable(table)
    absent = [row["class"] for row in rows if not row["support"]]
    table += "<p class='note'>In brackets: 95 % intervals.</p>"
    if absent:
        shown = ", ".join(absent[:10]) + (" and others" if len(absent) > 10 else "")
        table += (
            f"<p class='note'>Not in the truth of these images: {escaped(shown)}.</p>"
        )
    return table


def _confusion(e):
    picture = themed_svg(lambda: plot_confusion(e, percentages=True), "c")
    caption = "Rows: true classes; columns: predicted ones. Blue is right, orange wrong"
    if len(e.class_names) <= CLASSES_WITH_COUNTS:
        caption += "; percent of the pixels of a row"
    return f"<div class='wide'>{picture}</div><p class='note'>{caption}.</p>"


def _examples(e, examples):
    if not examples:
        return ["<p>None were kept.</p>"]
    note = (
        "By the mean Dice of the classes in an image. Left to right: image, truth, "
        "prediction, errors."
    )
    if len(e.class_names) > NUM_COLOURS:
        note += f" There are {NUM_COLOURS} colours, which more classes share."
    return [f"<p class='note'>{note}</p>", *(_example(e, each) for each in examples)]


def _example(e, example):
    colours = class_colours(len(e.class_names))
    errors, error_legend = _error_map(example, is_background(e.class_names))
    panels = [
        ("image", _picture(example.image), "JPEG"),
        ("truth", _coloured(example.truth, colours), "PNG"),
        ("prediction", _coloured(example.predicted, colours), "PNG"),
        ("errors", errors, "PNG"),
    ]
    figures = "".join(
        f"<figure><img alt='{escaped(example.name)}: {name}' "
        f"src='{_address(pixels, kind)}'><figcaption>{name}</figcaption></figure>"
        for name, pixels, kind in panels
    )
    seen = np.union1d(example.truth, example.predicted)
    legend = [(e.class_names[k], as_hex(colours[k])) for k in seen if k != IGNORED]
    legend = [(name, f"style='background:{colour}'") for name, colour in legend]
    if (example.truth == IGNORED).any():
        legend.append(("not counted", "class='stripes'"))
    errors = [(name, f"style='background:{c}'") for name, c in error_legend.items()]
    return (
        f"<div class='example'><p><b>{escaped(example.name)}</b> Dice "
        f"{percent(example.dice, 1)}</p><div class='panels'>{figures}</div>"
        f"{_legend('classes', legend)}{_legend('errors', errors)}</div>"
    )


def _legend(title, entries):
    """What colours mean; nothing where there are none."""
    if not entries:
        return ""
    items = "".join(f"<li><i {look}></i>{escaped(name)}</li>" for name, look in entries)
    return f"<ul class='legend'><li>{title}:</li>{items}</ul>"


def _picture(image):
    """An image in three channels."""
    return np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image


def _coloured(mask, colours):
    """A mask in the colours of its classes: uint8 `(h, w, 3)`."""
    table = np.zeros((256, 3), "uint8")
    table[: len(colours)] = colours
    return _striped(table[mask], mask == IGNORED)


def _error_map(example, has_background):
    """The faded image with what is wrong in colours, and these by their meaning."""
    truth, said = example.truth, example.predicted
    grey = _picture(example.image).mean(axis=-1, keepdims=True)
    pixels = np.repeat(170 + grey / 3, 3, axis=-1).astype("uint8")
    wrong = (truth != said) & (truth != IGNORED)
    kinds = {"wrong": wrong}
    if has_background:
        kinds = {
            MISSED: wrong & (said == 0),
            FALSE: wrong & (truth == 0),
            OTHER: wrong & (truth > 0) & (said > 0),
        }
    known = _ERRORS if has_background else _WRONG
    for name, places in kinds.items():
        pixels[places] = list(bytes.fromhex(known[name][1:]))
    legend = {name: known[name] for name, places in kinds.items() if places.any()}
    return _striped(pixels, truth == IGNORED), legend


def _striped(pixels, places):
    """Pixels with stripes at the places that are not counted."""
    rows, columns = np.nonzero(places)
    pixels[rows, columns] = np.array(_STRIPES, "uint8")[(rows + columns) // 3 % 2]
    return pixels


def _address(pixels, kind):
    from PIL import Image

    return image_address(Image.fromarray(pixels), kind)


def _meanings(e):
    first = escaped(e.class_names[0])
    entries = {
        "IoU": "Of the pixels that are of a class in truth or prediction, the share "
        "that is so in both.",
        "Dice": "Twice the pixels that are of a class in both, over its pixels in "
        "truth and prediction: always at least the IoU.",
        "accuracy of a class": "The share of its true pixels that were found; pixels "
        "that were wrongly taken for it do not count.",
        "pixel accuracy": "The share of all pixels that are right. Large classes rule "
        "it: where most pixels are one class, it is high for a model that says nothing "
        "else.",
        "means": "Over classes, each counting the same; of one confusion matrix over "
        "all images, not means over images. A class in neither truth nor prediction "
        "has no score and counts in no mean; one that is only predicted has 0.",
        "errors": "Missed: a class where the background was predicted. False: a class "
        "on the background. Wrong class: one class in the place of another.",
        "not counted": "Pixels with the value 255 in a mask, whatever was predicted.",
    }
    if not is_background(e.class_names):
        del entries["errors"]
    if e.foreground:
        entries["without " + e.class_names[0]] = (
            f"{first} is a class like the others in all means but this one."
        )
    if e.distances is not None:
        rows, columns = e.spacing
        entries["HD95"] = (
            "95 % Hausdorff distance: 95 % of the border of a class in one mask is at "
            "most so far from its border in the other, both ways together; the mean "
            "over the images with the class in both, in the unit of the spacing of "
            f"pixels, {rows:g} (rows) and {columns:g} (columns). Images with the class "
            "in one mask only have no distance and are counted beside it."
        )
    items = (f"<dt>{escaped(k)}</dt><dd>{text}</dd>" for k, text in entries.items())
    return f"<dl>{''.join(items)}</dl>"
