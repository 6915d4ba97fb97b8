"""The settings of a search: everything that decides which trials are run."""

import dataclasses
import json

from keras_vit.common.checks import check_choice, check_positive
from keras_vit.training.measuring import DataFacts
from keras_vit.training.recipes.monitored import measured
from keras_vit.training.recipes.recipe import Recipe
from keras_vit.tuner.budget import Budget
from keras_vit.tuner.ranges import range_from_json
from keras_vit.tuner.space import with_values

ALGORITHMS = ("random", "hyperband", "bayesian")
OBJECTIVES = ("val_accuracy", "val_loss")

# Share of the training images that trials are compared by, where none is given.
VALIDATION = 0.2


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
        check_choice(self.algorithm, ALGORITHMS, "algorithm")
        check_choice(self.objective, OBJECTIVES, "objective")
        check_positive(trials=self.trials)
        if self.objective not in (known := measured(self.recipe)):
            names = " or ".join(name for name in OBJECTIVES if name in known)
            raise ValueError(
                f"A run for {self.recipe.task} does not measure the objective "
                f"{self.objective}: give {names} (--objective {names})."
            )
        if self.epochs is not None:
            check_positive(epochs=self.epochs)
        recipe, space = self.trial_recipe, self.space
        no_epochs = recipe.epochs is None or recipe.evaluate_every is not None
        length = {"epochs", "total_steps"} & set(space)
        if self.algorithm == "hyperband" and (no_epochs or length):
            raise ValueError(
                "Hyperband decides after how many passes a trial is paused: trials "
                "need epochs, and a test after each. Received: "
                f"epochs={recipe.epochs}, evaluate_every={recipe.evaluate_every}, "
                f"searched: {', '.join(space)}"
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

    @property
    def searched(self):
        """The fields that differ from trial to trial."""
        return [name for name, values in self.space.items() if not values.is_fixed]

    def values(self, drawn):
        """The fields of what KerasTuner drew, rounded as the recipe has them."""
        return {n: r.value(drawn[n]) for n, r in self.space.items() if n in drawn}

    def recipe_with(self, values):
        """The recipe with values of the space, its length and test set its own."""
        # Nothing is held out.
        whole = {"validation_fraction": None, "validation_split": None, "keep": "last"}
        return with_values(dataclasses.replace(self.recipe, **whole), values)

    def to_json(self):
        """The settings as a dictionary that JSON can hold."""
        values = {**dataclasses.asdict(self), "recipe": self.recipe.to_json()}
        return json.loads(json.dumps(values))

    @classmethod
    def from_json(cls, values):
        """The settings of a dictionary made by `to_json`."""
        space = {name: range_from_json(r) for name, r in values["space"].items()}
        own = {
            "recipe": Recipe.from_json(values["recipe"]),
            "space": space,
            "budget": Budget(**values["budget"]),
            "facts": DataFacts(**values["facts"]),
        }
        return cls(**{**values, **own})
