"""Attention maps packed into text for the page, one character for each value."""

import numpy as np

# 64 levels: a value's share of the largest of its map. The page reads the same order.
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
LEVELS = len(ALPHABET)

# The largest value stands before its map, two characters on a logarithmic scale: from
# 1 down to 1e-6 in steps of a third of a percent.
DECADES = 6
STEPS = LEVELS**2 - 1

_BYTES = np.frombuffer(ALPHABET.encode(), "uint8")


def pack(maps):
    """Maps as one string.

    Args:
        maps: Array `(..., N)`, shares in `[0, 1]`.

    Returns:
        String of `N + 2` characters for each map, one map after the other.
    """
    maps = np.asarray(maps, "float64").reshape(-1, np.shape(maps)[-1])
    largest = maps.max(axis=1, keepdims=True)
    levels = np.rint((LEVELS - 1) * maps / np.maximum(largest, 1e-30))
    scale = 1 + np.log10(np.clip(largest, 10.0**-DECADES, 1)) / DECADES
    high, low = np.divmod(np.rint(STEPS * scale), LEVELS)
    codes = np.concatenate([high, low, levels], axis=1).astype("int64")
    return _BYTES[codes].tobytes().decode("ascii")


def coarsening(grid, maps_of, budget):
    """The smallest factor by which a grid must shrink for maps to fit.

    Args:
        grid: Pair `(rows, columns)`.
        maps_of: Function from the number of patches to that of maps.
        budget: Integer, characters; `None` for no limit.

    Returns:
        Integer, 1 where all fit.
    """
    factor = 1
    while budget is not None and max(grid) > factor:
        count = int(np.prod([-(-side // factor) for side in grid]))
        if maps_of(count) * (count + 2) <= budget:
            break
        factor += 1
    return factor


def coarser(maps, factor):
    """Shares of square groups of patches, the sums of theirs.

    Args:
        maps: Array `(..., rows, columns)`.
        factor: Integer, patches in each direction; the last group may have fewer.
    """
    if factor == 1:
        return maps
    for axis in (-2, -1):
        starts = np.arange(0, maps.shape[axis], factor)
        maps = np.add.reduceat(maps, starts, axis=axis)
    return maps


def coarser_pairs(maps, grid, factor):
    """What groups of patches take from groups of patches: `(..., n, n)`.

    Args:
        maps: Array `(..., N, N)`: what each patch takes from each.
        grid: Pair `(rows, columns)` of the patches.
        factor: As for `coarser`.
    """
    if factor == 1:
        return maps
    before = maps.shape[:-2]
    taken = coarser(maps.reshape(*before, -1, *grid), factor)  # of all queries
    taken = taken.reshape(*before, *grid, -1)
    groups = coarser(np.moveaxis(taken, -1, -3), factor)  # summed over queries
    sizes = coarser(np.ones(grid), factor)
    means = groups / sizes
    return np.moveaxis(means, -3, -1).reshape(*before, sizes.size, -1)


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
