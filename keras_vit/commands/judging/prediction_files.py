"""`predict --out FILE`: a table, JSON or a page of thumbnails, whole or not at all."""

import logging
import os

from keras_vit.commands.judging.rows import WRITERS, answers
from keras_vit.common.files import replacing
from keras_vit.common.pages import escaped, html_page
from keras_vit.common.wording import as_file_size, display, percent

logger = logging.getLogger(__name__)

ENDINGS = (".csv", ".json", ".html")
_STYLE = """
.found { display: grid; gap: .8rem; grid-template-columns: repeat(auto-fill, 8.5rem); }
.found img { display: block; max-width: 100%; min-width: 4rem; border-radius: .3rem; }
.found figure { content-visibility: auto; contain-intrinsic-size: 8.5rem 10rem; }
nav a { margin-right: 1rem; white-space: nowrap; }
"""
_NOTHING = "nothing found"
_MOST = 3  # answers below a picture


def is_file_of_predictions(path):
    """Whether a path's ending is that of one file for all predictions."""
    return path is not None and path.suffix.lower() in ENDINGS


class PredictionFile:
    """One file for what is found in all images.

    Args:
        path: Path; its ending decides what is written.
        kind: What the model gives: `"classes"`, `"pixels"` or `"boxes"`.
        model: String, what the page calls the model.
        files: What the images were called, none of which may be written to.

    Raises:
        ValueError: before anything is computed, if it cannot be written there.
    """

    def __init__(self, path, kind, model, files):
        path = path.expanduser()
        self._path, self._kind, self._model = path, kind, model
        if path.is_dir() or not path.parent.is_dir():
            raise ValueError(
                "--out must name a file in a folder that exists. "
                f"Received: {display(path)}. Make the folder first, or take another "
                "name."
            )
        for file in files:
            if os.path.exists(path) and os.path.exists(file):
                if os.path.samefile(path, file):
                    raise ValueError(f"--out would replace {display(file)}, an input.")

    @property
    def is_page(self):
        """Whether pictures are needed."""
        return self._path.suffix.lower() == ".html"

    def through(self, found):
        """Yields what was found, all of it, and then writes the file."""
        yield from self._written(found)
        size = as_file_size(self._path.stat().st_size)
        logger.info("Written: %s (%s).", display(self._path), size)

    def _written(self, found):
        with replacing(self._path) as temporary:
            if self.is_page:
                parts = []
                for each in found:
                    parts.append(_Entry(each, self._kind))
                    yield each
                text = _page(self._model, parts)
                temporary.write_text(text, encoding="utf-8", errors="replace")
                return
            options = {"encoding": "utf-8", "errors": "surrogateescape", "newline": ""}
            rows = WRITERS[self._kind][self._path.suffix.lower()[1:]]
            with open(temporary, "w", **options) as file, rows(file.write) as write:
                for each in found:
                    write(each)
                    yield each


class _Entry:
    """What the page says of one image."""

    def __init__(self, found, kind):
        self.file, self.error = found.file, found.error
        self.answers = answers(found, kind)
        self.picture = None if found.error else _picture(found, kind)

    @property
    def group(self):
        return self.answers[0][0] if self.answers else _NOTHING

    def __str__(self):
        lines = [f"{escaped(n)} {percent(p, 0)}" for n, p in self.answers[:_MOST]]
        first = f"<b>{lines[0]}</b>" if lines else _NOTHING
        name = display(self.file)
        text = "<br>".join([first, *lines[1:], escaped(os.path.basename(name))])
        return (
            f"<figure title='{escaped(name)}'><img loading='lazy' alt='' "
            f"src='{self.picture}'><figcaption>{text}</figcaption></figure>"
        )


def _picture(found, kind):
    """The address of a small picture of an image and what was found in it."""
    from keras_vit.inference.mask_writing import overlay
    from keras_vit.inference.thumbnails import thumbnail

    if kind == "classes":
        return found.thumbnail
    if kind == "boxes":
        return thumbnail(found.picture())
    return thumbnail(overlay(found.image, found.mask, found.class_names))


def _page(model, entries):
    """The page: images by their first answer, those that are least sure first."""
    groups = {}
    failed = [entry for entry in entries if entry.error is not None]
    for entry in entries:
        if entry.error is None:
            groups.setdefault(entry.group, []).append(entry)
    groups = dict(sorted(groups.items(), key=lambda pair: -len(pair[1])))
    places = {name: f"group-{number}" for number, name in enumerate(groups)}
    count = sum(map(len, groups.values()))
    parts = [
        f"<h1>Predictions of {escaped(display(model))}</h1>",
        f"<p class='note'>{count:,} images, by the most probable class; those that the "
        "model is least sure of come first. Pictures are small copies.</p>",
        "<nav>"
        + " ".join(
            f"<a href='#{places[name]}'>{escaped(name)}: {len(group):,}</a>"
            for name, group in groups.items()
        )
        + "</nav>",
    ]
    for name, group in groups.items():
        group.sort(key=lambda e: e.answers[0][1] if e.answers else 0.0)
        parts.append(f"<h2 id='{places[name]}'>{escaped(name)} ({len(group):,})</h2>")
        parts.append("<div class='found'>" + "\n".join(map(str, group)) + "</div>")
    if failed:
        parts.append(f"<h2>Not read ({len(failed):,})</h2><ul>")
        parts += [f"<li>{escaped(display(entry.error))}</li>" for entry in failed]
        parts.append("</ul>")
    return html_page(f"Predictions of {display(model)}", parts, _STYLE)
