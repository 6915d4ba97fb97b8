"""`reproduce.html`: what was run, the ten checks, and the verdict, on one page."""

from keras_vit import published
from keras_vit.common.files import write_text
from keras_vit.common.pages import escaped, html_page
from keras_vit.common.tables import as_html
from keras_vit.common.wording import as_clock

STYLE = ".verdict { font-size: 1.25rem; font-weight: 600; }"


def write_page(result, path):
    """Writes a `Reproduction` as a self-contained page.

    Args:
        result: A `Reproduction`.
        path: Path of the file.
    """
    write_text(path, page(result))


def page(result):
    """The text of the page."""
    row, found = result.trial.row, result.comparison
    runs = zip(range(len(result.accuracies)), result.accuracies, result.folders)
    changes = [(name, str(a), str(b)) for name, (a, b) in result.changes.items()]
    values = published.Rows([row, *published.sisters(row)])
    difference = f"{found.difference:+.2f}"
    if found.interval is not None:
        difference += " ({:+.2f} to {:+.2f})".format(*found.interval)
    parts = [
        f"<h1>{escaped(row.model)} on {escaped(row.task)}</h1>",
        f"<p>{escaped(f'{row.id}: {row.citation}. {result.trial.reason}')}</p>",
        f"<p class=verdict>{escaped(found.verdict)}: {difference} points</p>",
        as_html(
            ("", "top-1, %", "runs"),
            [
                ("ours", f"{result.mean:.2f}", len(result.accuracies)),
                ("published", row.text, row.runs or "not said"),
            ],
            1,
        ),
        *(f"<p>{escaped(reason)}</p>" for reason in found.reasons),
        "<h2>Ten checks</h2>",
        as_html(
            ("", "check", "", "what was found"),
            [(c.number, c.name, c.status, c.text) for c in result.checks],
            4,
        ),
        "<h2>Runs</h2>",
        as_html(
            ("seed", "top-1, %", "folder"),
            [(seed, f"{value:.2f}", folder) for seed, value, folder in runs],
            3,
        ),
        *_sweep(result),
        f"<p>{as_clock(result.seconds)} in all.</p>",
        "<h2>Changed from the row's recipe</h2>",
        as_html(("field", "published", "ours"), changes, 3)
        if changes
        else "<p>Nothing.</p>",
        "<h2>Every published value of this model and task</h2>",
        values._repr_html_(),
    ]
    return html_page(f"Reproduction of {row.id}", parts, STYLE)


def _sweep(result):
    """What each learning rate reached, if one was chosen."""
    if result.sweep:
        rows = [
            (f"{rate:g}", "diverged" if value is None else f"{value:.2f}")
            for rate, value in result.sweep.items()
        ]
        yield "<h2>Choice of the learning rate</h2>"
        yield "<p>One run each, compared on held-out training images.</p>"
        yield as_html(("rate", "held out, %"), rows, 1)
