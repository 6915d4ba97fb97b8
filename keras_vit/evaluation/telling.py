"""An evaluation of classes as text, and as tables for a notebook."""

from keras_vit.common.tables import aligned, as_html
from keras_vit.common.wording import interval, percent

# The table of classes is shown up to so many; JSON and the report have all.
SHOWN_CLASSES = 30
HEADER = ["class", "examples", "precision", "recall", "F1"]


def numbers(result):
    """Pairs of what was measured of an `Evaluation`, and its value as text."""
    part = "" if result.part is None else f" ({result.part})"
    yield "data", f"{result.data}, {result.num_examples} examples{part}"
    if result.steps is not None:
        yield "steps", result.steps
    if result.unequal:
        yield "balanced accuracy", balanced(result)
    yield "loss", f"{result.loss:.4f}"
    yield "accuracy", f"{percent(result.accuracy)}{interval(result.accuracy_interval)}"
    top5 = "not defined for fewer than 6 classes"
    if result.top5_accuracy is not None:
        top5 = percent(result.top5_accuracy)
    yield "top-5 accuracy", top5
    if result.real_accuracy is not None:
        yield "ReaL accuracy", percent(result.real_accuracy)
    yield "calibration error", f"{percent(result.calibration_error)} (ECE, 15 bins)"
    missing, shown = result.missing, SHOWN_CLASSES
    if missing:
        more = f" and {len(missing) - shown:,} more" * (len(missing) > shown)
        yield "classes without images", f"{', '.join(missing[:shown])}{more}"


def balanced(result):
    """The balanced accuracy of an evaluation of unequal classes, and what it is."""
    return (
        f"{percent(result.balanced_accuracy)} (mean recall; the largest class has "
        f"{result.counts.imbalance:.3g} times the examples of the smallest)"
    )


def class_rows(result):
    """A row of texts for each class; none where there are too many."""
    if len(result.class_names) > SHOWN_CLASSES:
        return []
    return [
        [
            row["class"],
            str(row["support"]),
            *(percent(row[name], 1) for name in ("precision", "recall", "f1")),
        ]
        for row in result.classes
    ]


def as_text(result):
    """An `Evaluation` as lines of text, with the table of its classes."""
    lines = [f"{name}: {value}" for name, value in numbers(result)]
    rows = class_rows(result)
    return "\n".join([*lines, *([aligned([HEADER, *rows], left=1)] if rows else [])])


def as_tables(result):
    """An `Evaluation` as two tables of HTML."""
    tables = as_html(("", "Evaluation"), numbers(result), 2)
    rows = class_rows(result)
    return tables + (as_html(HEADER, rows, 1) if rows else "")
