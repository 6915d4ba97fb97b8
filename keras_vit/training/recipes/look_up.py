"""Looks up published runs by name, and lists them all."""

import dataclasses

from keras_vit.common.tables import Table
from keras_vit.common.wording import hint
from keras_vit.training.recipes.published_runs import RUNS


def find_run(name):
    """The `PublishedRun` of a name, complete; case, `-` and `_` do not matter.

    Raises:
        ValueError: if there is none; the message names the closest one.
    """
    plain = str(name).lower().replace("-", "_")
    if plain not in RUNS:
        raise ValueError(
            f"Unknown recipe. Received: {name!r}.{hint(plain, RUNS)} "
            "`keras_vit.training.list_recipes()` and `keras-vit recipes` list them all."
        )
    run = RUNS[plain]
    if run.based_on is None:
        return run
    other = RUNS[run.based_on]
    return dataclasses.replace(
        run,
        values={**other.values, **run.values},
        source=run.source or other.source,
        note=run.note or other.note,
    )


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


class RecipeTable(Table):
    """A list of `RecipeInfo` that prints as a table."""

    header = ("name", "model", "data", "length", "batch", "rate", "source")

    @classmethod
    def of(cls, recipe_class):
        """One row for each published run."""
        names = [field.name for field in dataclasses.fields(RecipeInfo)][1:-1]
        runs = {name: find_run(name) for name in RUNS}
        recipes = {name: recipe_class(**run.values) for name, run in runs.items()}
        return cls(
            RecipeInfo(name, *(getattr(recipe, n) for n in names), runs[name].source)
            for name, recipe in recipes.items()
        )

    def cells(self, info):
        """The texts of one row."""
        steps = info.total_steps
        length = f"{info.epochs} epochs" if steps is None else f"{steps:,} steps"
        return (
            *(info.name, info.model, info.data, length, str(info.batch_size)),
            *(f"{info.learning_rate:g}", info.source),
        )
