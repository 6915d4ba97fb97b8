"""The part of the page about each image."""

import numpy as np

from keras_vit.common.wording import percent
from keras_vit.explaining import pictures
from keras_vit.explaining.packing import explorer
from keras_vit.inference.loaded import output_kind, pixels_of
from keras_vit.inference.predicting import best, probabilities
from keras_vit.layers import AttentionPooling
from keras_vit.visualize import (
    class_activation,
    feature_colours,
    overlay,
    pooling_attention,
    relevance,
)
from keras_vit.visualize.anatomy import geometry, layer_named

# Images in memory at a time.
BATCH = 16


def cards(subject, photographs, looks, offers, *, top, full):
    """One dictionary for each image that could be read, as the template reads it.

    Args:
        subject: A `Subject`.
        photographs: List of `Photograph` without errors.
        looks: List of `Look`, or of `None`, one for each.
        offers: An `Offers`.
        top: Integer, the number of classes shown.
        full: Boolean, see `explorer`.
    """
    if not photographs:
        return []
    batch = np.stack([photo.image for photo in photographs])
    rows, kind = None, offers.take("Predictions", output_kind, subject.model)
    if kind is not None:
        parts = (batch[i : i + BATCH] for i in range(0, len(batch), BATCH))
        rows = [probabilities(subject.model, x, kind, subject.name) for x in parts]
        rows = np.concatenate(rows)
    tints = offers.take("Features as colours", feature_colours, subject.model, batch)
    found = []
    for i, (photo, seen) in enumerate(zip(photographs, looks)):
        classes = []
        if rows is not None:
            classes = _best_classes(rows[i], subject.classes, top)
        views = _views(subject, photo, seen, classes, offers)
        if tints is not None:
            views.append(_tints(tints[i]))
        pixels = pixels_of(photo.image, subject.value_range)
        card = {
            "number": i + 1,
            "name": photo.name,
            "picture": pictures.photograph(pixels),
            "sharp": pictures.is_sharp(pixels),
            "ratio": f"{pixels.shape[1]} / {pixels.shape[0]}",
            "classes": classes,
            "views": views,
            "explorer": None if seen is None else explorer(seen, full),
            "mosaic": None if seen is None else pictures.mosaic(seen.summary),
        }
        found.append(card)
    return found


def _best_classes(row, names, top):
    """The most probable classes of one image, as the page shows them."""
    return [
        {
            "index": int(i),
            "name": names[i],
            "share": float(row[i]),
            "text": text(row[i]),
        }
        for i in best(row, top)
    ]


def text(share):
    """A probability as percent; never 0 or 100 % where it is not."""
    if 0 < share < 0.001:
        return "< 0.1 %"
    if 0.999 < share < 1:
        return "> 99.9 %"
    return percent(share, 1)


def _views(subject, photo, seen, classes, offers):
    model, images = subject.model, photo.image[None]
    views = []

    def add(title, note, values, picture=pictures.heat):
        if values is not None:
            lit = overlay(images, values[None], value_range=subject.value_range)[0]
            lit = pictures.photograph(np.round(255 * lit).astype("uint8"))
            views.append(
                {"title": title, "note": note, "lit": lit, "map": picture(values)}
            )

    def one(title, view, **options):
        values = offers.take(title, view, model, images, **options)
        return None if values is None else values[0]

    if seen is not None:
        add(
            "What reaches the head",
            "Attention rollout: the attention of all layers, multiplied.",
            seen.rollout,
        )
    if isinstance(layer_named(model, "pooling"), AttentionPooling):
        add(
            "What the head looks at",
            "The attention of its learned query to the last tokens, mean of the heads.",
            _pooled(model, images),
        )
    for entry in classes[:2]:
        add(
            f"Why {entry['name']}",
            "Relevance for this class: gradient times attention, over all layers.",
            one("Class relevance", relevance, class_index=entry["index"]),
        )
        add(
            f"Evidence for {entry['name']}",
            "Class activation: red is evidence for the class, blue against it.",
            one("Class activation", class_activation, class_index=entry["index"]),
            pictures.signed_heat,
        )
    return views


def _pooled(model, images):
    place = geometry(model, images)
    return place.on_grid(pooling_attention(model, images).mean(axis=1))[0]


def _tints(tints):
    return {
        "title": "Features as colours",
        "note": "Three principal components over all images: like colours, like "
        "features.",
        "lit": None,
        "map": pictures.colours(tints),
    }
