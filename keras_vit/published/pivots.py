"""Published tables laid out as in the paper."""

import dataclasses
import functools

from keras_vit.common.tables import aligned, as_html
from keras_vit.common.wording import hint
from keras_vit.published.rows import FIGURE, Rows, all_rows

# What stands beside and above the values of a table: columns of `Row`, keys of its
# setting, or "what", the task or for costs the metric.
LAYOUTS = {
    "vit/table2": (("what",), ("model", "pretrain")),
    "vit/table5": (("pretrain", "what"), ("model",)),
    "vit/table6": (("model", "pretrain_epochs"), ("what",)),
    "vit/table7": (("what",), ("model", "pretraining_optimizer")),
    "vit/table8": (("position_embedding",), ("added",)),
    "vit/table9": (("model", "pretrain"), ("what",)),
    "vit/figure3": (("model",), ("pretrain",)),
    "vit/figure4": (("model",), ("pretrain",)),
    "vit/figure8": (("scaled", "relative_compute"), ("what",)),
    "vit/figure9": (("setting",), ("pretrain_epochs",)),
    "vit/figure12": (("model",), ("image_size",)),
}
# Of other tables, as far as their values differ.
BESIDE = ("model", "pretrain", "pretrain_epochs", "setting")
ABOVE = ("what", "image_size")
PARTS = ("table", "figure", "section", "text", "transfer", "d9")


@dataclasses.dataclass(frozen=True)
class Pivot:
    """A published table, which prints as such."""

    # Such as "vit/table2", and what the source is.
    name: str
    citation: str
    header: tuple[str, ...]
    # Texts of the cells; the first `left` of each line say what is in it.
    lines: tuple[tuple[str, ...], ...]
    left: int
    # What must be known of the values.
    notes: tuple[str, ...]
    # The values that it is made of.
    rows: Rows = dataclasses.field(repr=False)

    def __str__(self):
        table = aligned([self.header, *self.lines], self.left)
        return "\n".join((f"{self.name}: {self.citation}", table, *self.notes))

    def _repr_html_(self):
        notes = "".join(f"<p>{note}</p>" for note in self.notes)
        return as_html(self.header, self.lines, self.left) + notes

    def _values(self, line):
        """The texts of a line by what stands above them."""
        return dict(zip(self.header[self.left :], line[self.left :]))

    def to_json(self):
        """The table as a dictionary that JSON can hold."""
        lines = [[list(line[: self.left]), self._values(line)] for line in self.lines]
        head = {"name": self.name, "source": self.citation}
        return {**head, "lines": lines, "notes": list(self.notes)}


def table_name(row):
    """The name of the table that a row stands in: the first part of its id, or two."""
    first, second, *_ = row.id.split("/")
    return f"{first}/{second}" if second.startswith(PARTS) else first


@functools.cache
def _tables():
    tables = {}
    for row in all_rows().values():
        tables.setdefault(table_name(row), Rows()).append(row)
    return tables


def list_tables():
    """The published tables: a dictionary of names to their rows."""
    return dict(_tables())


def table(name):
    """A published table, laid out as in its source.

    Args:
        name: String such as `"vit/table2"`; `list_tables()` has them all.

    Returns:
        A `Pivot`, which prints as a table. Several values of one cell, such as
        repeated runs, stand beside each other. What was derived from printed values is
        left out.

    Raises:
        ValueError: if there is no such table; the message names the closest one.

    Example:

    >>> table("vit/table2").header
    ('', 'ViT_H14 jft_300m', ...)
    """
    if name not in _tables():
        raise ValueError(
            f"No published table has this name. Received: {name!r}."
            f"{hint(name, _tables())} Tables: {', '.join(_tables())}."
        )
    rows = _tables()[name]
    shown = [row for row in rows if row.kind != "derived"] or rows
    beside, above = LAYOUTS.get(name) or _layout(shown)
    heads, cells = {}, {}
    for row in shown:
        column = " ".join(filter(None, (_part(row, part) for part in above)))
        heads[column] = None
        line = cells.setdefault(tuple(_part(row, part) for part in beside), {})
        line.setdefault(column, []).append(row.text)
    derived = len(rows) - len(shown)
    notes = [FIGURE] if any(row.kind == "figure" for row in shown) else []
    if derived:
        notes.append(f"{derived} values derived from these are left out")
    return Pivot(
        name=name,
        citation=rows[0].citation,
        header=("",) * len(beside) + tuple(heads),
        lines=tuple(
            (*key, *(" / ".join(line.get(head, ())) for head in heads))
            for key, line in cells.items()
        ),
        left=len(beside),
        notes=tuple(notes),
        rows=rows,
    )


def _layout(rows):
    """What stands beside and above, where no layout is given."""
    differing = [part for part in (*BESIDE, *ABOVE) if len(_all(rows, part)) > 1]
    beside = tuple(part for part in BESIDE[1:] if part in differing)
    return ("model", *beside), tuple(p for p in ABOVE if p in differing) or ("what",)


def _all(rows, part):
    return {_part(row, part) for row in rows}


def _part(row, part):
    """The text of one part of a row."""
    if part == "what":
        if row.task in ("pretraining", "inference"):
            return row.metric
        return row.task if row.metric == "top1" else f"{row.task} {row.metric}"
    if part == "pretrain_epochs":
        return f"{row.pretrain_epochs} ep" if row.pretrain_epochs else ""
    if hasattr(row, part):
        return str(getattr(row, part) or "")
    pairs = (pair.partition("=") for pair in row.setting.split(";"))
    return {key: value for key, _, value in pairs}.get(part, "")
