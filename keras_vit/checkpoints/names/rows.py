"""Rows of the name tables: their form, and how they are read and filled in.

A row of a table is `(name in the file, path here, kind)`. Where the kind is a
transform, the row is of one array, which fills the variable of this path. Else the row
is of a layer, and the kind lists its arrays: `(end of the name, end of the path,
transform)`. A fourth entry, for arrays that stand side by side in one variable, is the
pair `(which, of how many)`; where a fifth one is `None`, they are added.

`{i}` is a number that both sides share, `{i:02d}` one of at least two digits, and
`{i+1}` one that is counted from one; `{i:a}` is a small letter, counted from `a`.
"""

import re
from dataclasses import dataclass

from keras_vit.checkpoints.names.transforms import (
    as_is,
    flat,
    hwio,
    hwio_joined,
    join_first,
    join_last,
    transpose,
)

# Kinds of layers in JAX: of Flax but for the norms of the official BiT.
NORM = (("/scale", "/gamma", as_is), ("/bias", "/beta", as_is))
FLAT_NORM = (("/scale", "/gamma", flat), ("/bias", "/beta", flat))
BIT_NORM = (("/gamma", "/gamma", flat), ("/beta", "/beta", flat))
KERNEL = (("/kernel", "/kernel", as_is),)
DENSE = (*KERNEL, ("/bias", "/bias", as_is))
JOINED = (("/kernel", "/kernel", join_first), ("/bias", "/bias", as_is))
BATCH_NORM = (
    *BIT_NORM,
    ("/moving_mean", "/moving_mean", as_is),
    ("/moving_variance", "/moving_variance", as_is),
)
HEADS = (("/kernel", "/kernel", join_last), ("/bias", "/bias", flat))

# Kinds of layers in PyTorch.
TORCH_NORM = ((".weight", "/gamma", as_is), (".bias", "/beta", as_is))
TORCH_DENSE = ((".weight", "/kernel", transpose), (".bias", "/bias", as_is))
TORCH_CONV = ((".weight", "/kernel", hwio),)
TORCH_BIASED_CONV = ((".weight", "/kernel", hwio), (".bias", "/bias", as_is))
TORCH_BATCH_NORM = (
    *TORCH_NORM,
    (".running_mean", "/moving_mean", as_is),
    (".running_var", "/moving_variance", as_is),
)
TORCH_PATCHES = ((".weight", "/kernel", hwio_joined), (".bias", "/bias", as_is))


_GAP = re.compile(r"\{(\w)(\+1)?(?::(02d|a))?\}")
_GAP_ESCAPED = re.compile(r"\\\{(\w)(?:\\\+1)?(?::(02d|a))?\\\}")


def _group(gap):
    digits = {None: r"0|[1-9]\d*", "02d": r"\d{2,}", "a": "[a-z]"}[gap[2]]
    return f"(?P<{gap[1]}>{digits})"


class Template:
    """A name with gaps for numbers."""

    def __init__(self, text):
        self.text = text
        self._pattern = re.compile(_GAP_ESCAPED.sub(_group, re.escape(text)))
        self._shifted = {gap[1] for gap in _GAP.finditer(text) if gap[2]}

    def numbers(self, name):
        """The numbers in the gaps of a name, or `None` where it is another name."""
        match = self._pattern.fullmatch(name)
        if match is None:
            return None
        return {
            k: ord(v) - ord("a") if v.isalpha() else int(v) - (k in self._shifted)
            for k, v in match.groupdict().items()
        }

    def fill(self, numbers):
        """The name with these numbers."""

        def filled(gap):
            if gap[3] == "a":
                return chr(ord("a") + numbers[gap[1]])
            return format(numbers[gap[1]] + bool(gap[2]), gap[3] or "")

        return _GAP.sub(filled, self.text)


@dataclass(frozen=True)
class Row:
    """One array of a layout, and its place in a variable."""

    name: Template
    path: Template
    transform: object
    place: tuple = (0, 1)
    axis: int | None = -1


def rows_of(table):
    """A `Row` for every array of a table."""
    rows = []
    for name, path, kind, *place in table:
        arrays = kind if isinstance(kind, tuple) else (("", "", kind),)
        rows += [
            Row(Template(name + end), Template(path + our_end), transform, *place)
            for end, our_end, transform in arrays
        ]
    return tuple(rows)
