"""The table of published runs: looking one up, and printing all."""

import dataclasses
import difflib

from keras_vit.training.recipes.published import RUNS
from keras_vit.training.recipes.text import aligned


def find_run(name):
    """The `PublishedRun` of a name; case, `-` and `_` do not matter.

    Raises:
        ValueError: if there is none; the message names the closest one.
    """
    plain = str(name).lower().replace("-", "_")
    if plain not in RUNS:
        close = difflib.get_close_matches(plain, RUNS, 1, 0.4)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(
            f"Unknown recipe. Received: {name!r}.{hint} "
            "`keras_vit.training.list_recipes()` and `keras-vit recipes` list them all."
        )
    return RUNS[plain]


@dataclasses.dataclass(frozen=True)
class RecipeInfo:
    """One row of `keras_vit.training.list_recipes()`."""

    name: str
    model: str
    data: str
    # Passes over the training images, or updates of the whole run; the other is `None`.
    epochs: int | None
    total_steps: int | None
    batch_size: int
    learning_rate: float
    # The table, section or file that says so.
    source: str


class RecipeTable(list):
    """A list of `RecipeInfo` that prints as a table."""

    @classmethod
    def of(cls, recipe_class):
        """One row for each published run."""
        rows = []
        for name, run in RUNS.items():
            recipe = recipe_class(**run.values)
            names = [field.name for field in dataclasses.fields(RecipeInfo)][1:-1]
            values = {field: getattr(recipe, field) for field in names}
            rows.append(RecipeInfo(name=name, source=run.source, **values))
        return cls(rows)

    def __str__(self):
        head = ("name", "model", "data", "length", "batch", "rate", "source")
        rows = [
            (
                *(info.name, info.model, info.data, _length(info)),
                *(str(info.batch_size), f"{info.learning_rate:g}", info.source),
            )
            for info in self
        ]
        return aligned([head, *rows])


def _length(info):
    if info.total_steps is not None:
        return f"{info.total_steps:,} steps"
    return f"{info.epochs} epochs"
