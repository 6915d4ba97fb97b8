"""Figures of the page about the model itself, and about all images together."""

import numpy as np

from keras_vit.common.figures import themed_svg
from keras_vit.explaining import pictures
from keras_vit.training.folder.curves import curves_figure
from keras_vit.visualize import (
    filter_components,
    filter_mosaic,
    norm_outliers,
    patch_filters,
    plot_attention_distance,
    plot_attention_entropy,
    plot_token_norms,
    position_similarity,
    token_norms,
)
from keras_vit.visualize.anatomy import geometry
from keras_vit.visualize.plots import mosaic

# Filters that are shown; the paper shows so many components.
FILTERS = 28
COLUMNS = 7
# Positions for which a map is shown, in each direction; more are shown coarser.
POSITIONS = 16


def learned(subject, offers, full):
    """Figures of the weights alone, as dictionaries that the template reads."""
    found = []
    filters = offers.take("Filters", patch_filters, subject.model)
    if filters is not None:
        found += _filters(subject.model, filters)
    similarity = offers.take("Similarity of positions", _positions, subject.model, full)
    if similarity is not None:
        rows, columns = similarity.shape[:2]
        found.append(
            {
                "title": "Similarity of positions",
                "note": "For each patch, a small map in its place: the cosine "
                "similarity of its position embedding to that of every patch.",
                "alt": f"{rows} by {columns} maps of {rows} by {columns} patches",
                "pixels": pictures.graded(mosaic(similarity[..., None])[..., 0]),
                "scale": pictures.scale(),
            }
        )
    return found


def _filters(model, filters):
    strongest = np.argsort(-np.square(filters).sum(axis=(1, 2, 3)), kind="stable")
    strongest = strongest[:FILTERS]
    count = min(FILTERS, len(filters), filters[0].size)
    return [
        {
            "title": "Principal components of the filters",
            "note": "The components of the first layer's filters, the most important "
            "first; grey is zero.",
            "alt": f"{count} filters",
            "pixels": _mosaic(filter_components(model, count)),
        },
        {
            "title": "Filters",
            "note": f"The {len(strongest)} of {len(filters):,} with the largest "
            "weights.",
            "alt": f"{len(strongest)} filters",
            "pixels": _mosaic(filters[strongest]),
        },
    ]


def _mosaic(filters):
    return pictures.colours(filter_mosaic(filters, COLUMNS))


def _positions(model, full):
    similarity = position_similarity(model)
    grid = similarity.shape[:2]
    if full or max(grid) <= POSITIONS:
        return similarity
    return position_similarity(model, grid=tuple(min(n, POSITIONS) for n in grid))


def attending(subject, photographs, looks, offers):
    """Figures of how attention spreads, the mean over the images."""
    looks = [seen for seen in looks if seen is not None]
    if not looks:
        return []
    distances = np.mean([seen.distances for seen in looks], axis=0)
    entropies = np.mean([seen.entropies for seen in looks], axis=0)
    tokens = looks[0].place.prefix + np.prod(looks[0].place.grid)
    found = [
        {
            "title": "Attention distance",
            "note": "How far heads look: the mean distance between a patch and those "
            "that it attends to.",
            "alt": "Mean attention distance of each head by layer, in pixels: from "
            f"{distances.min():.3g} to {distances.max():.3g}",
            "svg": themed_svg(lambda: plot_attention_distance(distances), "d"),
        },
        {
            "title": "Attention entropy",
            "note": "How widely heads look: 0 is one token, "
            f"{np.log(tokens):.2f} all {tokens} tokens alike.",
            "alt": "Entropy of attention of each head by layer, in nats: from "
            f"{entropies.min():.3g} to {entropies.max():.3g}",
            "svg": themed_svg(lambda: plot_attention_entropy(entropies), "e"),
        },
    ]
    norms = offers.take("Lengths of tokens", _norms, subject.model, photographs)
    return found if norms is None else [*found, norms]


def _norms(model, photographs):
    each = [token_norms(model, photo.image[None]) for photo in photographs]
    norms = np.concatenate(each, axis=1)
    prefix = geometry(model, photographs[0].image[None]).prefix
    share = norm_outliers(norms[-1, :, prefix:]).mean()
    return {
        "title": "Lengths of tokens",
        "note": "Patches much longer than the others tend to hold global "
        f"information. After the last layer, {100 * share:.1f}\u00a0% are more than "
        "four times as long as the median.",
        "alt": "Median and longest patch token by layer",
        "svg": themed_svg(lambda: plot_token_norms(norms, prefix), "n"),
    }


def curves(subject):
    """The training curves as SVG, or `None` without a history."""
    if not subject.history:
        return None
    return themed_svg(lambda: curves_figure(subject.history), "c")
