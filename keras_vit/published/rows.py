"""The published values: one row each, found by columns or by id."""

import csv
import dataclasses
import functools
import re
from importlib import resources

from keras_vit.common.tables import Table
from keras_vit.common.wording import hint

# What people write, to what the column holds; compared by `plain`.
SYNONYMS = {
    "flowers": "oxford_flowers102",
    "i1k": "imagenet2012",
    "i21k": "imagenet21k",
    "imagenet": "imagenet2012",
    "imagenet1k": "imagenet2012",
    "jft": "jft_300m",
    "pets": "oxford_iiit_pet",
    "real": "imagenet2012_real",
}
FIGURE = "~ read from a figure: never part of a verdict"


@dataclasses.dataclass(frozen=True)
class Row:
    """One published value.

    Accuracies are percentages, from 0 to 100. What a source does not say is `None`, or
    "" where the column holds text.
    """

    # Unique: source/table/row/task. What a result of ours is compared with names it.
    id: str
    source: str
    # The table, figure, section or file of the source.
    table: str
    # As `keras_vit.models` names it, where it does.
    model: str
    # The data set learned from first, and passes over it.
    pretrain: str
    pretrain_epochs: int | None
    # The data set tested on; vtab/..., ",per_class=5" for few labels, "pretraining" or
    # "inference" for costs.
    task: str
    metric: str
    # The protocol, and what was varied.
    setting: str
    # Pixels of fine-tuning and of testing.
    image_size: int | None
    value: float
    # Extremes of the runs, or bounds of the reading of a figure.
    low: float | None
    high: float | None
    # Standard deviation between runs, and their number (">=5" means at least five).
    sd: float | None
    runs: int | str | None
    # "printed"; "figure", read from a picture; "derived", computed from printed values.
    kind: str
    # What to know before comparing.
    note: str
    # The value as it was printed.
    printed: str = dataclasses.field(repr=False)

    @property
    def citation(self):
        """What the source is."""
        return _sources()[self.source]["citation"]

    @property
    def text(self):
        """The value as printed, with its deviation, marked if read from a figure."""
        mark = "~" if self.kind == "figure" else ""
        return f"{mark}{self.printed}" + (
            "" if self.sd is None else f" ± {self.sd:.2f}"
        )

    def __str__(self):
        runs = f", {self.runs} runs" if self.runs else ""
        epochs = f", {self.pretrain_epochs} epochs" if self.pretrain_epochs else ""
        bounds = "" if self.low is None else f" ({self.low:g} to {self.high:g})"
        lines = {
            "id": self.id,
            "source": f"{self.citation}; table {self.table}"
            if self.table.isdigit()
            else f"{self.citation}; {self.table}",
            "model": self.model,
            "pretraining": f"{self.pretrain or 'not said'}{epochs}",
            "task": f"{self.task}, {self.metric}",
            "setting": self.setting,
            "image size": f"{self.image_size or 'not said'}",
            "value": f"{self.text}{bounds}{runs}",
            "kind": FIGURE[2:] if self.kind == "figure" else self.kind,
            "note": self.note,
        }
        return "\n".join(f"{name:<13}{text}" for name, text in lines.items() if text)


NAMES = [field.name for field in dataclasses.fields(Row)][:-1]


class Rows(Table):
    """A list of `Row` that prints as a table."""

    header = ("id", "model", "pretraining", "task", "metric", "px", "setting", "value")
    left = 7

    def cells(self, row):
        """The texts of one row."""
        epochs = f" {row.pretrain_epochs}ep" if row.pretrain_epochs else ""
        return (
            *(row.id, row.model, f"{row.pretrain}{epochs}", row.task, row.metric),
            *(str(row.image_size or ""), row.setting, row.text),
        )

    def __str__(self):
        if not self:
            return "no published value"
        return super().__str__() + "".join(f"\n{line}" for line in self._notes())

    def _repr_html_(self):
        notes = "".join(f"<p>{line}</p>" for line in self._notes())
        return super()._repr_html_() + notes

    def _notes(self):
        return [FIGURE] if any(row.kind == "figure" for row in self) else []


@functools.cache
def _sources():
    return {row["source"]: row for row in _read("sources.csv")}


def _read(name):
    file = resources.files("keras_vit.published") / "tables" / name
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@functools.cache
def all_rows():
    """Every published value: a dictionary of ids to `Row`, in the order of the file."""
    return {values["id"]: _row(values) for values in _read("results.csv")}


def _row(values):
    """A `Row` of the texts of a line."""
    numbers = {n: values[n] for n in ("value", "low", "high", "sd")}
    whole = {n: values[n] for n in ("pretrain_epochs", "image_size", "runs")}
    return Row(
        **{
            **values,
            **{n: float(text) if text else None for n, text in numbers.items()},
            **{n: int(t) if t.isdigit() else t or None for n, t in whole.items()},
        },
        printed=values["value"],
    )


@functools.cache
def plain(value):
    """What spellings of one value share: ViT-B/16, vit_b16 and ViT_B16 are the same."""
    if isinstance(value, (int, float)):
        return f"{value:.10g}"
    low = re.sub(r"[^0-9a-z.:,<>=]", "", str(value or "").lower())
    return re.sub(r"[^0-9a-z.:,<>=]", "", SYNONYMS.get(low, low))


@functools.cache
def choices(column):
    """The values of a column: a dictionary of plain spellings to the spelled ones."""
    values = [getattr(row, column) for row in all_rows().values()]
    return {plain(value): value for value in values if value not in (None, "")}


def row(id):
    """The published value of an id.

    Args:
        id: String such as `"vit/table5/vit_b16_imagenet21k/cifar10"`.

    Returns:
        A `Row`, which prints all that is known of it.

    Raises:
        ValueError: if there is none; the message names the closest one.

    Example:

    >>> row("vit/table5/vit_b16_imagenet21k/cifar10").value
    98.95
    """
    if id not in all_rows():
        raise ValueError(
            f"No published value has this id. Received: {id!r}.{hint(id, all_rows())}"
        )
    return all_rows()[id]


def find(**columns):
    """The published values with these entries.

    Args:
        **columns: Columns of `Row` and their values, or lists of values of which any
            will do. Case, `-`, `_` and `/` do not matter in text; `"pets"`, `"jft"`,
            `"i21k"` and the like are understood.

    Returns:
        A list of `Row`, which prints as a table. Values that were read from a figure
        are marked.

    Raises:
        ValueError: if there is no such column, or no row has such a value in it; the
            message names the closest one.

    Example:

    >>> [row.value for row in find(model="ViT-B/16", task="cifar10", source="vit")]
    [98.13, 98.95, 99.0]
    """
    wanted = {}
    for name, values in columns.items():
        if name not in NAMES:
            raise ValueError(
                f"A published value has no column {name!r}.{hint(name, NAMES)} "
                f"Columns: {', '.join(NAMES)}."
            )
        values = values if isinstance(values, (list, tuple, set)) else [values]
        wanted[name] = {_known(name, value) for value in values}
    return Rows(
        row
        for row in all_rows().values()
        if all(plain(getattr(row, name)) in wanted[name] for name in wanted)
    )


def _known(column, value):
    """The plain spelling of a value that the column has; `None` and "" find gaps."""
    if value not in (None, "") and plain(value) not in choices(column):
        raise ValueError(
            f"No published value has this {column}. Received: {value!r}."
            f"{hint(value, map(str, choices(column).values()))}"
        )
    return plain(value)


def sisters(row):
    """All other values of the same model, task and metric.

    What was measured of one model differs with its pretraining, its setting and the
    size of its images: look at these before you call a difference a failure.

    Args:
        row: A `Row`.

    Returns:
        A list of `Row`, which prints as a table.
    """
    return Rows(
        other
        for other in all_rows().values()
        if (other.model, other.task, other.metric) == (row.model, row.task, row.metric)
        and other.id != row.id
    )


# Who trained and tested the same files: the authors of each paper.
_FAMILIES = ({"vit", "vit_readme", "vit_readme_2020"}, {"bit", "bit_readme", "vit"})


def protocol(setting):
    """A setting without what differs between the authors' runs of one protocol."""
    parts = re.split(r";\s*", setting)
    return ";".join(p for p in parts if not p.startswith(("dropout", "framework")))


def same_epochs(one, other):
    """Whether two rows may have been trained equally long first."""
    return one is None or other is None or one == other


def cell(row):
    """What the authors published of this cell: the paper's value and their re-runs.

    Model, pretraining, task, metric, image size and protocol agree; dropout, framework
    and run may differ. Values that were read from a figure are not among them.

    Args:
        row: A `Row`.

    Returns:
        A list of `Row` with this one among them, unless it was read from a figure.
    """
    families = [family for family in _FAMILIES if row.source in family]
    sources = set().union({row.source}, *families)
    return Rows(
        other
        for other in [row, *sisters(row)]
        if other.kind != "figure"
        and other.source in sources
        and other.pretrain == row.pretrain
        and same_epochs(other.pretrain_epochs, row.pretrain_epochs)
        and other.image_size == row.image_size
        and protocol(other.setting) == protocol(row.setting)
    )
