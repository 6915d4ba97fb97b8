"""Attention of a model to one image, as the page shows it."""

import dataclasses

import numpy as np

from keras_vit.visualize.anatomy import Geometry, geometry
from keras_vit.visualize.attention import (
    each_layer,
    reaching_head,
    rollout,
    summary_rows,
)
from keras_vit.visualize.measures import attention_distance, entropy


@dataclasses.dataclass(frozen=True)
class Look:
    """The attention of a model to one image."""

    place: Geometry
    # What the class token (or the mean of the patches) takes from each patch:
    # (layers, heads, rows, columns).
    summary: np.ndarray
    # What each patch takes from each patch: (layers, N, N), the mean of the heads; or
    # (layers, heads, N, N).
    patches: np.ndarray
    # What of each patch reaches the head: (rows, columns).
    rollout: np.ndarray
    # (layers, heads): pixels, and nats.
    distances: np.ndarray
    entropies: np.ndarray


def look(model, image, every_head=False):
    """Looks at one image with every layer, one after the other.

    Args:
        model: A ViT or hybrid.
        image: Array `(H, W, C)`, as the model takes it.
        every_head: Boolean, whether to keep what patches attend to for each head.

    Returns:
        A `Look`.

    Raises:
        ValueError: if the model has no attention.
    """
    images = image[None]
    rows = {name: [] for name in ("summary", "patches", "distances", "entropies")}
    means = []
    for maps in each_layer(model, images, None, "The view of attention"):
        place = geometry(model, images)
        inner = maps[0, :, place.prefix :, place.prefix :]
        means.append(maps.mean(axis=1, keepdims=True))
        rows["summary"].append(maps[0, :, summary_rows(model)].mean(axis=1))
        rows["patches"].append(inner if every_head else inner.mean(axis=0))
        rows["distances"].append(
            attention_distance(maps[0], place.grid, place.cell, place.prefix)
        )
        rows["entropies"].append(entropy(maps[0]).mean(axis=-1))
    found = {name: np.stack(values) for name, values in rows.items()}
    found["summary"] = place.on_grid(found["summary"])
    reached = reaching_head(model, images, rollout(means))[0]
    return Look(place=place, rollout=reached, **found)
