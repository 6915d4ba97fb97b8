"""A page about a data set before training: thumbnails of each class, and findings."""

import shlex

import numpy as np

from keras_vit.advising.relabelling import STYLE, images_at, thumbnail
from keras_vit.common.files import write_text
from keras_vit.common.interrupts import PROGRAM
from keras_vit.common.pages import escaped, html_page
from keras_vit.common.tables import as_html
from keras_vit.common.wording import display, percent

# Thumbnails of the whole page, of one class at most, and of classes with any; and their
# longer side in pixels.
MOST, EACH, CLASSES, SIDE = 240, 16, 60, 96
# Odd images and duplicates with pictures.
SHOWN = 24
# Classes that are named in a line.
NAMED = 10

SMALLER = """
.grid { grid-template-columns: repeat(auto-fill, 6.5rem); gap: .6rem; }
.grid img { width: 6.5rem; height: 6.5rem; } .pairs { display: flex; flex-wrap: wrap;
  gap: 1.2rem; } .pairs div { max-width: 14rem; } .pairs img { width: 6.5rem;
  height: 6.5rem; object-fit: contain; margin-right: .3rem; }
"""


def write_data_page(parts, check, path, title):
    """Writes a page about the images of a data set; it needs no other file.

    Args:
        parts: Dictionary of `"train"`, `"test"` and so on to `keras_vit.data.Source`.
        check: What `keras_vit.training.check_data` found in training and test part.
        path: Path of the `.html`, whose folder must exist.
        title: String, the name of the data set.

    Example:

    >>> train, test = keras_vit.data.load_splits("./photos")
    >>> check = keras_vit.training.check_data(train, test)
    >>> write_data_page({"train": train, "test": test}, check, "data.html", "photos")
    """
    elements = [
        f"<h1>{escaped(title)}</h1>",
        _numbers(parts, check),
        "<h2>What to look at</h2>",
        _list(remarks(check)),
        f"<p>Next: <code>{escaped(next_command(title, check))}</code></p>",
        *_duplicates(parts, check),
        *_odd(parts, check),
        *_classes(parts),
    ]
    write_text(path, html_page(title, elements, STYLE + SMALLER))


def next_command(name, check):
    """The command that trains on a data set, as one types it."""
    skip = ["--corrupt", "skip"] if check.broken else []
    return shlex.join([PROGRAM, "train", "--data", str(name), *skip])


def counts_of(check):
    """The images of each class in either part, as lines of text."""
    for part, counts in (("train", check.train_counts), ("test", check.test_counts)):
        pairs = list(zip(check.class_names, counts))[:NAMED]
        more = len(check.class_names) - len(pairs)
        named = ", ".join(f"{display(name)} {count:,}" for name, count in pairs)
        rest = f" and {more:,} more" * (more > 0)
        yield f"  {part}: {sum(counts):,} images: {named}{rest}"


def remarks(check):
    """Sentences about a data set before training; warnings come first."""
    found = [f"{warning}." for warning in check.warnings]
    if check.odd:
        names = "; ".join(f"{name} ({reason})" for name, reason in check.odd[:3])
        more = f"; {len(check.odd) - 3} more" if len(check.odd) > 3 else ""
        found.append(f"Images unlike the others: {len(check.odd)} ({names}{more}).")
    counts = check.test_counts
    if sum(count > 0 for count in check.train_counts) > 1 and sum(counts):
        place = int(np.argmax(check.train_counts))
        share = counts[place] / sum(counts)
        line = (
            f"Always saying {check.class_names[place]} gives {percent(share, 1)} right"
        )
        if check.pixel_accuracy is not None:
            line += (
                "; the class of the training image that looks most alike at 16x16 grey "
                f"pixels {percent(check.pixel_accuracy, 1)}"
            )
        found.append(f"{line}. A model must beat both.")
    return found


def _numbers(parts, check):
    sizes = {
        name: "x".join(map(str, value)) if value else "–"
        for name, value in check.sizes.items()
        if name != "distinct"
    }
    numbers = [(f"{s.num_examples:,}", f"{part} images") for part, s in parts.items()]
    numbers.append((f"{len(check.class_names):,}", "classes"))
    numbers.append((sizes["median"], "median height x width"))
    if check.sizes["distinct"] > 1:
        numbers.append((f"{sizes['smallest']} to {sizes['largest']}", "all sizes"))
    items = "".join(
        f"<div><b>{escaped(n)}</b><span>{escaped(what)}</span></div>"
        for n, what in numbers
    )
    note = ""
    if check.num_checked < check.num_examples:
        note = (
            f"<p class='note'>{check.num_checked:,} of {check.num_examples:,} images "
            "were looked at, evenly spaced.</p>"
        )
    return f"<div class='numbers'>{items}</div>{note}"


def _list(sentences):
    if not sentences:
        return "<p>Nothing.</p>"
    items = "".join(f"<li>{escaped(sentence)}</li>" for sentence in sentences)
    return f"<ul class='advice'>{items}</ul>"


def _classes(parts):
    """A table of counts, and some images of each class."""
    names = next(iter(parts.values())).class_names
    places = {part: _places(source) for part, source in parts.items()}
    rows = [
        [name, *(f"{len(of.get(number, ())):,}" for of in places.values())]
        for number, name in enumerate(names)
    ]
    table = as_html(["class", *parts], rows, 1)
    yield f"<h2>Classes</h2><div class='tall'>{table}</div>"
    shown = list(enumerate(names))[:CLASSES]
    each = max(2, min(EACH, MOST // max(len(shown), 1)))
    part = next(iter(parts))
    chosen = {
        number: _spread(places[part].get(number, np.zeros(0, int)), each)
        for number, _ in shown
    }
    wanted = np.concatenate([*chosen.values(), np.zeros(0, int)]).astype(int)
    images = images_at(parts, {part: wanted}) if len(wanted) else {}
    for number, name in shown:
        count = len(places[part].get(number, ()))
        yield f"<h2>{escaped(name)}</h2>"
        yield f"<p class='note'>{count:,} {part} images, of which some:</p>"
        figures = "".join(
            _picture(images[part, place], _name(parts[part], place))
            for place in chosen[number].tolist()
        )
        yield f"<div class='grid'>{figures}</div>"
    if len(names) > CLASSES:
        yield f"<p class='note'>{len(names) - CLASSES:,} more classes.</p>"


def _places(source):
    """The places of the images of each class; of several labels, in each of them."""
    labels = np.asarray(source.labels)
    if labels.ndim == 2:
        return {k: np.flatnonzero(labels[:, k]) for k in range(labels.shape[1])}
    return {k: np.flatnonzero(labels == k) for k in np.unique(labels).tolist()}


def _spread(places, count):
    """At most `count` of some places, evenly spaced."""
    if len(places) <= count:
        return places
    return places[np.linspace(0, len(places) - 1, count).round().astype(int)]


def _picture(image, name, words=""):
    tiny = " class='tiny'" if max(image.shape[:2]) < 64 else ""
    words = f"<figcaption>{words}</figcaption>" if words else ""
    return (
        f"<figure title='{escaped(name)}'><img{tiny} alt='{escaped(name)}' "
        f"src='{thumbnail(image, SIDE)}'>{words}</figure>"
    )


def _name(source, place):
    return source.files[place] if source.files else f"example {place}"


class _Finder:
    """Finds images by the names that a check gives them."""

    def __init__(self, parts):
        self.parts = parts
        self.known = {}
        for part, source in parts.items():
            for place, file in enumerate(source.files or ()):
                self.known.setdefault(display(file), (part, place))

    def images(self, names):
        """Pixels by name, of those that are files."""
        found = {name: self.known[name] for name in names if name in self.known}
        places = {}
        for part, place in found.values():
            places.setdefault(part, []).append(place)
        images = images_at(self.parts, places)
        return {name: images[where] for name, where in found.items()}


def _duplicates(parts, check):
    kinds = (
        ("Test images that are training images too", check.leaks),
        ("Test images that look like a training image", check.near_leaks),
        ("The same image in two classes", check.contradictions),
    )
    finder = _Finder(parts)
    for heading, found in kinds:
        if not found.count:
            continue
        pairs = [pair[:2] for pair in found.examples[: SHOWN // 2]]
        images = finder.images({name for pair in pairs for name in pair})
        yield f"<h2>{heading}: {found.count:,}</h2>"
        cells = []
        for pair in pairs:
            drawn = "".join(
                f"<img alt='{escaped(n)}' src='{thumbnail(images[n], SIDE)}'>"
                for n in pair
                if n in images
            )
            words = "<br>".join(map(escaped, pair))
            cells.append(f"<div>{drawn}<figcaption>{words}</figcaption></div>")
        yield f"<div class='pairs'>{''.join(cells)}</div>"


def _odd(parts, check):
    if not check.odd:
        return
    shown = check.odd[:SHOWN]
    images = _Finder(parts).images([name for name, _ in shown])
    yield f"<h2>Unlike the others: {len(check.odd):,}</h2>"
    figures = "".join(
        _picture(images[name], name, f"<b>{escaped(reason)}</b><br>{escaped(name)}")
        if name in images
        else f"<figure><figcaption><b>{escaped(reason)}</b><br>{escaped(name)}"
        "</figcaption></figure>"
        for name, reason in shown
    )
    yield f"<div class='grid'>{figures}</div>"
