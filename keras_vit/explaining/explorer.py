"""What the page's explorer needs of one image: maps that fit into a page."""

from keras_vit.explaining.packing import coarsening, coarser, coarser_pairs, pack

# Characters for each image: maps of every layer and head, and of every patch. What a
# ViT-B/16 has at 224 pixels just fits; finer grids are shown coarser.
SUMMARY_BUDGET = 160_000
PATCHES_BUDGET = 480_000


def explorer(seen, full=False):
    """The data of one image, as JSON can hold it.

    Args:
        seen: A `Look`; with `full` one of every head.
        full: Boolean, whether to keep everything, however much that is.

    Returns:
        Dictionary: sizes; `summary`, packed maps of every layer and head;
        `patches`, packed maps of every patch, of each layer (with `full` of each
        layer and head).
    """
    grid = seen.place.grid
    layers, heads = seen.summary.shape[:2]
    every_head = seen.patches.ndim == 4
    budgets = (None, None) if full else (SUMMARY_BUDGET, PATCHES_BUDGET)
    first = coarsening(grid, lambda count: layers * heads, budgets[0])
    number = layers * (heads if every_head else 1)
    second = coarsening(grid, lambda count: number * count, budgets[1])
    summary = coarser(seen.summary, first)
    patches = coarser_pairs(seen.patches, grid, second)
    return {
        "layers": layers,
        "heads": heads,
        "everyHead": every_head,
        "grid": list(grid),
        "summaryGrid": list(summary.shape[2:]),
        "patchesGrid": [-(-side // second) for side in grid],
        "summary": pack(summary.reshape(layers * heads, -1)),
        "patches": [pack(maps) for maps in patches],
    }
