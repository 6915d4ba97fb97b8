"""Draws some images of a source, with their classes, masks or boxes."""

import itertools

import numpy as np

from keras_vit.common.class_colours import class_colours, is_background
from keras_vit.common.figures import grid_of_images
from keras_vit.common.tables import as_html
from keras_vit.common.wording import display
from keras_vit.data.decoding.jpeg_png import decode
from keras_vit.data.readers.stores import IndexedStore

# Images of one figure, and classes of a notebook's table.
MOST = 100
MOST_CLASSES = 20
# What is left of the image under a mask.
SEEN = 0.5


def show_source(source, count, seed):
    """The figure of `Source.show`.

    Raises:
        ValueError: if `count` is not from 1 to 100, or an image cannot be read.
    """
    if int(count) != count or not 1 <= count <= MOST:
        raise ValueError(f"`count` must be from 1 to {MOST}. Received: {count}")
    some = sample(source, int(count), seed)
    if hasattr(some, "pairs"):
        drawn = [
            _with_answer(source, image, answer)
            for image, answer, _ in itertools.islice(some.pairs(), count)
        ]
        return grid_of_images(drawn)
    images, titles = [], []
    for pixels, label, _ in decoded(some, count):
        images.append(pixels)
        titles.append(_title(source.class_names, label))
    return grid_of_images(images, titles)


def source_html(source):
    """What a notebook shows of a source: its numbers, and the images of each class."""
    size = source.image_size
    channels = "grey" if source.num_channels == 1 else "in colour"
    rows = [
        ("data", f"{display(source.name)}:{source.split}"),
        ("examples", f"{source.num_examples:,}"),
        (
            "images",
            f"{'x'.join(map(str, size)) if size else 'of varied sizes'}, {channels}",
        ),
        ("task", source.task),
    ]
    if source.skipped:
        rows.append(("left out", f"{len(source.skipped):,} that cannot be read"))
    names = source.class_names[:MOST_CLASSES]
    more = source.num_classes - len(names)
    counts = _counts(source)
    classes = ", ".join(
        name if counts is None else f"{name} ({count:,})"
        for name, count in zip(names, names if counts is None else counts)
    )
    rows.append(("classes", classes + (f" and {more:,} more" if more else "")))
    return as_html(("", repr(source).split()[0][1:]), rows, 2)


def _counts(source):
    """The number of images of each class; None where they would have to be read."""
    if not isinstance(source._store, IndexedStore) or source.labels is None:
        return None
    labels = np.asarray(source.labels)
    if labels.ndim == 2:
        return labels.sum(axis=0).astype(int).tolist()
    return np.bincount(labels, minlength=source.num_classes).tolist()


def sample(source, count, seed=None):
    """A source of at most `count` examples.

    Args:
        source: A `keras_vit.data.Source`. Of one that is read in a stream the first
            examples come.
        count: Integer.
        seed: None for evenly spaced ones, or an integer, by which they are drawn.
    """
    total = source.num_examples
    if not isinstance(source.store, IndexedStore) or count >= total:
        return source
    places = np.linspace(0, total - 1, count).round().astype(int)
    if seed is not None:
        chosen = np.random.default_rng(seed).choice(total, count, replace=False)
        places = np.sort(chosen)
    return source.with_store(source.store.select(places))


def decoded(source, count=None):
    """Yields (`uint8` `(H, W, C)`, label, name) of the first examples, or of all."""
    for item in source.examples().take(-1 if count is None else count):
        image = item["image"]
        pixels = decode(image) if image.dtype == "string" else image
        yield pixels.numpy(), item["label"].numpy(), display(item["id"].numpy())


def _title(names, label):
    """The class, or the classes of several labels, in a few letters."""
    if np.ndim(label):
        found = [names[place] for place in np.flatnonzero(label)]
        text = ", ".join(found) or "none"
    else:
        text = names[int(label)]
    return text if len(text) <= 22 else f"{text[:21]}…"


def _with_answer(source, image, answer):
    """An image with its mask over it, or its boxes drawn in it."""
    colours = class_colours(source.num_classes + 1)
    image = np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image.copy()
    if not isinstance(answer, dict):
        plain = answer == 255
        if is_background(source.class_names):
            plain |= answer == 0
        over = colours[np.minimum(answer, source.num_classes)]
        mixed = SEEN * image + (1 - SEEN) * over
        return np.where(plain[..., None], image, mixed.astype("uint8"))
    line = max(1, round(max(image.shape[:2]) / 100))
    height, width = image.shape[:2]
    for box, kind in zip(answer["boxes"], answer["classes"]):
        left, top, right, bottom = (round(float(side)) for side in box)
        left, right = np.clip((left, right), 0, width)
        top, bottom = np.clip((top, bottom), 0, height)
        inside = image[top + line : bottom - line, left + line : right - line].copy()
        image[top:bottom, left:right] = colours[1 + int(kind)]
        image[top + line : bottom - line, left + line : right - line] = inside
    return image
