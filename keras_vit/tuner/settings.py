"""What a search is: all that decides which trials are run, as its folder keeps it."""

import dataclasses
import json

from keras_vit.common.wording import hint
from keras_vit.training.recipes.recipe import Recipe
from keras_vit.tuner.budget import Budget
from keras_vit.tuner.data_shape import DataFacts
from keras_vit.tuner.space import range_from_json
from keras_vit.tuner.spaces import with_values

ALGORITHMS = ("random", "hyperband", "bayesian")
OBJECTIVES = ("val_accuracy", "val_loss")


@dataclasses.dataclass(frozen=True)
class SearchSettings:
    """Everything that decides the trials of a search."""

    # What is searched around; the best recipe differs from it in the space only.
    recipe: Recipe
    # Field to `Between` or `Choices`.
    space: dict
    budget: Budget
    facts: DataFacts
    # Share of the training images that trials are compared by.
    validation_fraction: float
    algorithm: str = "random"
    # How many, where the algorithm does not decide that itself.
    trials: int = 20
    # Passes of a trial over its training images, instead of the recipe's length.
    epochs: int | None = None
    objective: str = "val_accuracy"
    seed: int = 0

    def __post_init__(self):
        for name, known in (("algorithm", ALGORITHMS), ("objective", OBJECTIVES)):
            value = getattr(self, name)
            if value not in known:
                raise ValueError(
                    f"`{name}` must be one of {', '.join(known)}. "
                    f"Received: {name}={value!r}.{hint(value, known)}"
                )
        for name in ("trials", "epochs"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"`{name}` must be at least 1. Received: {value}")
        if self.algorithm == "hyperband":
            self._check_hyperband()

    def _check_hyperband(self):
        recipe = self.trial_recipe
        length = [name for name in ("epochs", "total_steps") if name in self.space]
        if recipe.epochs is None or recipe.evaluate_every is not None or length:
            raise ValueError(
                "Hyperband decides after how many passes a trial is paused: trials "
                "need epochs, and a test after each. Received: "
                f"epochs={recipe.epochs}, evaluate_every={recipe.evaluate_every}, "
                f"searched: {', '.join(self.space)}"
            )

    @property
    def trial_recipe(self):
        """The recipe that trials change: of their length, with images held out."""
        length = {}
        if self.epochs is not None:
            length = {"epochs": self.epochs, "total_steps": None}
        return dataclasses.replace(
            self.recipe, validation_fraction=self.validation_fraction, **length
        )

    def values(self, drawn):
        """The fields of what KerasTuner drew, rounded as the recipe has them."""
        return {n: r.value(drawn[n]) for n, r in self.space.items() if n in drawn}

    def recipe_with(self, values):
        """The recipe with values of the space, its length and test set its own."""
        return with_values(
            dataclasses.replace(self.recipe, validation_fraction=None), values
        )

    def to_json(self):
        """The settings as a dictionary that JSON can hold."""
        values = {
            field.name: getattr(self, field.name) for field in dataclasses.fields(self)
        }
        values["recipe"] = self.recipe.to_json()
        values["space"] = {name: r.to_json() for name, r in self.space.items()}
        for name in ("budget", "facts"):
            values[name] = dataclasses.asdict(values[name])
        return json.loads(json.dumps(values))

    @classmethod
    def from_json(cls, values):
        """The settings of a dictionary made by `to_json`."""
        space = {name: range_from_json(r) for name, r in values["space"].items()}
        return cls(
            **{
                **values,
                "recipe": Recipe.from_json(values["recipe"]),
                "space": space,
                "budget": Budget(**values["budget"]),
                "facts": DataFacts(**values["facts"]),
            }
        )
