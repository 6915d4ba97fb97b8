"""Published values that stand beside a study without being comparable with it."""

import dataclasses

from keras_vit import published
from keras_vit.studies.catalogue import STUDIES


@dataclasses.dataclass(frozen=True)
class Beside:
    """A published value, and where in the paper's own study it belongs."""

    arm: str
    level: str
    row: published.Row


def rows_beside(tables):
    """The published values that are drawn apart from ours.

    They are those that the study names and that cannot be compared with ours; of a
    study by name that names none, those that its preset `paper` names.

    Args:
        tables: `Tables`.

    Returns:
        A list of `Beside`.
    """
    named = [s for s in tables.summaries if s.published_id]
    if named:
        return [
            Beside(s.arm, s.level, published.row(s.published_id))
            for s in named
            if s.verdict in ("not comparable", "not run")
        ]
    original = STUDIES.get(tables.grid.study.name)
    if original is None or "paper" not in original.presets:
        return []
    paper = original.with_preset("paper")
    return [
        Beside(arm, level, published.row(row))
        for (arm, level), row in paper.published.items()
    ]


def computing_of(row):
    """ExaFLOPs of a published row's pretraining, or `None` where none are printed."""
    start = row.id.rpartition("/")[0]
    found = published.find(model=row.model, metric="exaflops")
    return next((r.value for r in found if r.id.rpartition("/")[0] == start), None)
