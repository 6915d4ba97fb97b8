"""A page of pictures to relabel, and the list of images that `train` takes back."""

import csv
import io
import json
import os
from importlib import resources

import numpy as np

from keras_vit.common.figures import image_address
from keras_vit.common.files import write_text
from keras_vit.common.pages import escaped, html_page
from keras_vit.data.showing import decoded

HEADER = ("file", "label", "split", "suggested", "confidence", "neighbours")
# Pictures on the page, and their longer side in pixels; rows that the page can save.
MOST, SIDE, MOST_ROWS = 120, 144, 30_000

STYLE = """
.grid { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, 9.5rem); }
.grid img { width: 9.5rem; height: 9.5rem; object-fit: contain; background: var(--card);
  border-radius: .3rem; }
.grid .tiny { image-rendering: pixelated; }
select, button { font: inherit; color: inherit; background: var(--card);
  border: 1px solid var(--line); border-radius: .3rem; padding: .2rem .4rem; }
select { width: 100%; } .bar { position: sticky; top: 0; background: var(--back);
  padding: .6rem 0; z-index: 1; }
"""


def write_list(looked, parts, path):
    """Writes all images of the parts as a list, with what is suggested for some.

    The labels are those that the images have; what to change is for a person to say.

    Args:
        looked: A `Looked`.
        parts: Dictionary of part to `keras_vit.data.Source`: train, validation, test.
        path: Path of the `.csv`.

    Returns:
        The rows as dictionaries; an empty list where the images are no files, or have
        names that are no text, and nothing was written.
    """
    suspects = {(s.part, s.name): s for s in looked.suspicious}
    rows = []
    for part, source in parts.items():
        if source.files is None:
            return []
        for name, file, label in zip(source.files, source.paths, source.labels):
            name_of_class = source.class_names[int(label)]
            row = {"file": _whole(file), "label": name_of_class, "split": part}
            suspect = suspects.get((part, name))
            if suspect is not None:
                row["suggested"] = suspect.suggested
                row["confidence"] = f"{suspect.confidence:.3f}"
                row["neighbours"] = f"{suspect.agree} of {suspect.neighbours}"
            rows.append(row)
    text = io.StringIO()
    writer = csv.DictWriter(text, HEADER, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    try:
        text.getvalue().encode()
    except UnicodeEncodeError:
        return []
    write_text(path, text.getvalue())
    return rows


def write_relabel_page(looked, path, rows=()):
    """Writes the page of the images with suspicious labels.

    Args:
        looked: A `Looked`.
        path: Path of the `.html`.
        rows: What `write_list` returned. With rows, labels can be chosen on the page,
            and the list be saved from there.
    """
    rows = rows if len(rows) <= MOST_ROWS else ()
    place_of = {(row["split"], row["file"]): place for place, row in enumerate(rows)}
    first = next(iter(looked.sources.values()))
    suspects = looked.suspicious[:MOST]
    figures = [
        _figure(
            image,
            suspect.name,
            f"labelled <b>{escaped(suspect.label)}</b><br>"
            f"{escaped(suspect.suggested)}? {suspect.confidence:.0%}, "
            f"{suspect.agree} of {suspect.neighbours} neighbours",
            _row(looked, suspect.part, suspect.place, place_of),
            (suspect.label, suspect.suggested),
        )
        for suspect, image in _with_images(looked, suspects)
    ]
    parts = ["<h1>Labels to look at</h1>"]
    parts.append(f"<p>{looked.num_images:,} images were looked at. {_how(rows)}</p>")
    if rows:
        parts.append(
            "<p class='bar'><button id='save'>Save relabel.csv</button> "
            "<span id='changed'></span></p>"
        )
    parts.append(f"<h2>Suspicious labels: {len(looked.suspicious):,}</h2>")
    parts.append(
        "<p class='note'>The model and most of the nearest images in its features say "
        "another class. Many are wrong labels, others are hard images with right ones. "
        "The clearest come first.</p>"
    )
    parts.append(_grid(figures, len(looked.suspicious)))
    if rows:
        listed = [[row["file"], row["label"], row["split"]] for row in rows]
        data = json.dumps({"rows": listed, "names": first.class_names})
        data = data.replace("<", "\\u003c")
        script = (resources.files("keras_vit.advising") / "relabel.js").read_text()
        parts.append(f"<script type='application/json' id='list'>{data}</script>")
        parts.append(f"<script>{script}</script>")
    write_text(path, html_page("Labels to look at", parts, STYLE))


def _how(rows):
    if rows:
        return (
            "Choose the right class below a picture and save the list, or correct the "
            "column label of relabel.csv; then train with it as data."
        )
    return "Their labels can be corrected where the data set is made."


def _grid(figures, count):
    if not figures:
        return "<p>There are none.</p>"
    more = count - len(figures)
    note = f"<p class='note'>{more:,} more are not shown.</p>" if more > 0 else ""
    return f"<div class='grid'>{''.join(figures)}</div>{note}"


def _figure(image, name, words, row, classes):
    choice = ""
    if row is not None:
        options = "".join(f"<option>{escaped(c)}</option>" for c in classes)
        choice = f"<select data-row='{row}' aria-label='class'>{options}</select>"
    tiny = " class='tiny'" if max(image.shape[:2]) < 64 else ""
    return (
        f"<figure title='{escaped(name)}'><img{tiny} alt='{escaped(name)}' "
        f"src='{thumbnail(image)}'>{choice}<figcaption>{words}<br>{escaped(name)}"
        "</figcaption></figure>"
    )


def thumbnail(pixels, side=SIDE):
    """The address of a small JPEG of an image: uint8 `(H, W, 1 or 3)`."""
    from PIL import Image

    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    image.thumbnail((side, side))
    return image_address(image, "JPEG", quality=80)


def _with_images(looked, suspects):
    """(suspect, pixels) in the order of the suspects."""
    places = {}
    for suspect in suspects:
        places.setdefault(suspect.part, []).append(suspect.place)
    images = images_at(looked.sources, places)
    return [(s, images[s.part, s.place]) for s in suspects]


def images_at(sources, places):
    """Pixels by (part, place): `sources` by part, lists of places in them by part."""
    images = {}
    for part, some in places.items():
        source = sources[part]
        some = np.unique(some)
        chosen = source.with_store(source.store.select(some))
        for place, (pixels, _, _) in zip(some.tolist(), decoded(chosen)):
            images[part, place] = pixels
    return images


def _row(looked, part, place, place_of):
    paths = looked.sources[part].paths
    return None if paths is None else place_of.get((part, _whole(paths[place])))


def _whole(file):
    """The path from the root: others would be read from where the list is."""
    return os.path.abspath(file)
