"""`reproduce.html`: what was run, the ten checks, and the verdict, on one page."""

import html

from keras_vit import published
from keras_vit.common.files import write_text
from keras_vit.common.tables import as_html
from keras_vit.common.wording import as_clock

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem; color: #222; background: #fff; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { padding: .2rem .7rem; text-align: left; border-bottom: 1px solid #ccc; }
.verdict { font-size: 1.25rem; font-weight: 600; }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #1a1a1a; }
  th, td { border-color: #444; } }
"""


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
        f"<h1>{_text(row.model)} on {_text(row.task)}</h1>",
        f"<p>{_text(row.id)}: {_text(row.citation)}. {_text(result.trial.reason)}</p>",
        f"<p class=verdict>{_text(found.verdict)}: {difference} points</p>",
        as_html(
            ("", "top-1, %", "runs"),
            [
                ("ours", f"{result.mean:.2f}", len(result.accuracies)),
                ("published", row.text, row.runs or "not said"),
            ],
            1,
        ),
        *(f"<p>{_text(reason)}</p>" for reason in found.reasons),
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
        f"<p>{as_clock(result.seconds)} in all.</p>",
        "<h2>Changed from the row's recipe</h2>",
        as_html(("field", "published", "ours"), changes, 3)
        if changes
        else "<p>Nothing.</p>",
        "<h2>Every published value of this model and task</h2>",
        values._repr_html_(),
    ]
    title = f"Reproduction of {row.id}"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{_text(title)}</title><style>{STYLE}</style></head><body>"
        f"{''.join(parts)}</body></html>\n"
    )


def _text(text):
    return html.escape(str(text))
