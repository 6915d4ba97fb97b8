"""COCO's run lengths: masks as the lengths of their runs, plain or as a short string.

The pixels are read column by column, and the first run is of zeros. The string writes
each length, from the fourth on its difference to the one before the last, in digits of
5 bits, lowest first, as characters from "0" on.

Reference: the format of COCO's annotations, https://cocodataset.org.
"""

import numpy as np

FIRST = 48  # the character "0", for the digit 0
MORE = 32  # set in every digit but a number's last
MOST_PIXELS = 2**31 - 1  # of a mask, what COCO's own code can count


def encode(mask, compressed: bool = True) -> dict:
    """The run lengths of a mask.

    Args:
        mask: Boolean array `(h, w)`, or one of 0 and 1.
        compressed: Whether to write COCO's short string, or a list of lengths.

    Returns:
        `{"size": [h, w], "counts": ...}`, as COCO's json has it.

    Example:

    >>> encode(np.array([[0, 1], [0, 1]]), compressed=False)
    {'size': [2, 2], 'counts': [2, 2]}
    """
    mask = np.asarray(mask) != 0
    if mask.ndim != 2:
        raise ValueError(f"A mask must be (height, width). Received: {mask.shape}")
    flat = mask.T.reshape(-1)
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    first = [0] if flat.size and flat[0] else []
    ends = np.concatenate([first, changes, [flat.size]]).astype(np.int64)
    counts = np.diff(ends, prepend=0).tolist()
    return {
        "size": list(mask.shape),
        "counts": _to_string(counts) if compressed else counts,
    }


def decode(runs, size=None) -> np.ndarray:
    """The mask of run lengths: boolean `(h, w)`.

    Args:
        runs: As `encode` gives them, with a string, bytes or a list of lengths.
        size: (height, width) that it must have, or `None`.

    Raises:
        ValueError: if they are written wrong, or are not of so many pixels.
    """
    height, width = _size(runs)
    if size is not None and (height, width) != tuple(size):
        raise ValueError(
            f"the run lengths are of {height}x{width} pixels (height x width), and the "
            f"image has {size[0]}x{size[1]}"
        )
    counts = _counts(runs, height * width)
    values = np.arange(len(counts)) % 2 == 1
    return np.repeat(values, counts).reshape(width, height).T


def area(runs) -> int:
    """The number of pixels of the mask."""
    height, width = _size(runs)
    return int(_counts(runs, height * width)[1::2].sum())


def bounding_box(runs) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of the mask, right and bottom exclusive; all 0 if
    it is empty."""
    return box_of(decode(runs))


def box_of(mask) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of a boolean mask `(h, w)`; all 0 if it is empty."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return 0, 0, 0, 0
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _size(runs):
    try:
        height, width = (int(length) for length in runs["size"])
        if min(height, width) >= 0 and height * width <= MOST_PIXELS:
            return height, width
    except (TypeError, ValueError, KeyError, IndexError, OverflowError):
        pass
    raise ValueError(
        'run lengths must be {"size": [height, width], "counts": ...}. '
        f"Received: {str(runs)[:80]}"
    )


def _counts(runs, total):
    """The lengths: `int64` array that adds up to the number of pixels."""
    counts = runs.get("counts")
    if isinstance(counts, bytes):
        counts = counts.decode("ascii", "replace")
    if isinstance(counts, str):
        counts = _from_string(counts)
    try:
        counts = np.asarray(counts, np.int64)
        right = counts.ndim == 1 and (counts >= 0).all() and (counts <= total).all()
    except (TypeError, ValueError, OverflowError):
        right = False
    if not right or int(counts.sum()) != total:
        raise ValueError(
            f"the run lengths do not add up to the {total:,} pixels of the mask"
        )
    return counts


def _to_string(counts):
    text = []
    for place, count in enumerate(counts):
        rest = count - counts[place - 2] if place > 2 else count
        while True:
            digit, rest = rest & 31, rest >> 5
            # The fifth bit of the last digit is the sign.
            last = rest == (-1 if digit & 16 else 0)
            text.append(chr(FIRST + digit + (0 if last else MORE)))
            if last:
                break
    return "".join(text)


def _from_string(text):
    counts, number, shift = [], 0, 0
    for character in text:
        digit = ord(character) - FIRST
        if not 0 <= digit < 64 or shift > 60:
            raise ValueError(f"the run lengths hold the character {character!r}")
        number |= (digit & 31) << shift
        shift += 5
        if digit & MORE:
            continue
        if digit & 16:
            number -= 1 << shift
        counts.append(number + (counts[-2] if len(counts) > 2 else 0))
        number, shift = 0, 0
    if shift:
        raise ValueError("the run lengths end in the middle of a number")
    return counts
