"""Fills polygons as COCO's own code does, which decides what a polygon's pixels are.

The corners are rounded to fifths of a pixel and joined by lines of such fine points.
Where a line passes the middle of a column of pixels, the inside begins or ends there.

Reference: the masks of COCO's API (Lin et al., 2014, https://arxiv.org/abs/1405.0312).
"""

import numpy as np

from keras_vit.data.dense import run_lengths

FINE = 5  # points that a pixel's side is divided into
MOST_POINTS = 2**24  # on the outline of a polygon
FARTHEST = 2**17  # pixels from the origin that a corner may lie


def fill(polygons, size) -> np.ndarray:
    """The pixels that lie in one of several polygons.

    Args:
        polygons: List of arrays `(n, 2)`, or flat lists, of x and y in pixels, n at
            least 3; the middle of the first pixel is at (0.5, 0.5).
        size: (height, width).

    Returns:
        Boolean array `(height, width)`.

    Raises:
        ValueError: if a polygon has fewer than three corners, or a corner that is no
            number or far outside of the image.

    Example:

    >>> fill([[1, 1, 4, 1, 4, 3, 1, 3]], (4, 6)).sum()
    6
    """
    mask = np.zeros(size, bool)
    for polygon in polygons:
        mask |= _fill(corners(polygon), *size)
    return mask


def corners(polygon) -> np.ndarray:
    """The corners of a polygon: `float64` `(n, 2)`.

    Raises:
        ValueError: as `fill`.
    """
    try:
        points = np.asarray(polygon, np.float64).reshape(-1, 2)
    except (TypeError, ValueError):
        points = np.zeros((0, 2))
    if len(points) < 3:
        raise ValueError(
            "a polygon must have three corners or more, x and y each. "
            f"Received: {str(polygon)[:80]}"
        )
    if not (np.abs(points) < FARTHEST).all():  # also for what is no number
        raise ValueError(
            "the corners of a polygon must lie in the image, in pixels. "
            f"Received: {str(polygon)[:80]}"
        )
    return points


def _fill(points, height, width):
    fine = (FINE * points + 0.5).astype(np.int64)
    sides = np.abs(fine - np.roll(fine, -1, 0)).max(1)
    if sides.sum() > MOST_POINTS:
        raise ValueError(
            f"the outline of a polygon is {sides.sum() // FINE:,} pixels long, which "
            "no object's is"
        )
    x, y = _outline(fine)
    # Between two points that are not above each other, the line passes a column.
    passing = np.flatnonzero(x[1:] != x[:-1])
    column = (np.minimum(x[passing], x[passing + 1]) + 0.5) / FINE - 0.5
    row = (np.minimum(y[passing], y[passing + 1]) + 0.5) / FINE - 0.5
    middle = (column == np.floor(column)) & (column >= 0) & (column <= width - 1)
    row = np.ceil(np.clip(row[middle], 0, height)).astype(np.int64)
    place = column[middle].astype(np.int64) * height + row
    # Read column by column, each passing turns inside into outside or back.
    turns, times = np.unique(place, return_counts=True)
    ends = np.append(turns[times % 2 == 1], height * width)
    counts = np.diff(ends, prepend=0).tolist()
    return run_lengths.decode({"size": (height, width), "counts": counts})


def _outline(corner):
    """x and y of the fine points on all sides of a polygon, one after another."""
    found_x, found_y = [], []
    for (x0, y0), (x1, y1) in zip(corner, np.roll(corner, -1, 0)):
        across, down = abs(x1 - x0), abs(y1 - y0)
        steps = max(across, down)
        # Every line is drawn in one direction, so that both neighbours share it.
        back = x0 > x1 if across >= down else y0 > y1
        if back:
            x0, y0, x1, y1 = x1, y1, x0, y0
        along = np.arange(steps + 1)
        along = along[::-1] if back else along
        if across >= down:
            slope = (y1 - y0) / steps if steps else 0.0
            x, y = x0 + along, (y0 + slope * along + 0.5).astype(np.int64)
        else:
            slope = (x1 - x0) / steps
            x, y = (x0 + slope * along + 0.5).astype(np.int64), y0 + along
        found_x.append(x)
        found_y.append(y)
    return np.concatenate(found_x), np.concatenate(found_y)
