"""`ViTHyperModel` and `BiTHyperModel`: a recipe, and the ranges of its fields."""

import dataclasses
import functools
import tempfile
from pathlib import Path

from keras_vit.common.installed import need
from keras_vit.data import open_place
from keras_vit.training.datasets import load_data
from keras_vit.training.measuring import DataFacts, measure_recipe
from keras_vit.training.model_arguments import model_arguments
from keras_vit.training.recipes.recipe import Recipe
from keras_vit.training.run.build import build_model
from keras_vit.training.run.train import train
from keras_vit.tuner.budget import Budget
from keras_vit.tuner.settings import VALIDATION
from keras_vit.tuner.space import (
    check_space,
    default_space,
    is_bit,
    own_values,
    with_values,
)

need("This search", "tuner", keras_tuner="keras-tuner")

import keras_tuner  # noqa: E402


class RecipeHyperModel(keras_tuner.HyperModel):
    """The recipes around a given one; `ViTHyperModel` and `BiTHyperModel` are such.

    With `keras_vit.tuner.search` each trial is a run of `keras_vit.training.train`. It
    also goes into KerasTuner's own tuners, whose trials then train in the same way.

    Args:
        recipe: A `Recipe`, which is searched around. Without `validation_fraction`, a
            fifth of its training images is held out, by which trials are compared: the
            test set is not looked at.
        space: Dictionary of a recipe's fields to a `Between` or `Choices`, instead of
            the usual ranges for these fields, or beside them. `"mixup"` is the alpha
            of mixup, as if it were a field.
        fields: Sequence of strings, the fields to search; all those of the space by
            default.
        budget: A `Budget`. Defaults to none.
        facts: The `DataFacts` of the recipe's data, where they are known already.

    Raises:
        ValueError: if a field is unknown, cannot be searched, or its range breaks a
            rule of the recipe; or the model is of another family.

    Example:

    >>> hypermodel = keras_vit.tuner.ViTHyperModel(
    ...     Recipe(epochs=8),
    ...     {"learning_rate": keras_vit.tuner.Between(1e-4, 1e-2)},
    ...     budget=keras_vit.tuner.Budget(parameters=500_000),
    ... )
    >>> keras_vit.tuner.search(hypermodel, "searches/mine").best.score
    """

    def __init__(self, recipe, space=None, *, fields=None, budget=None, facts=None):
        super().__init__()
        kind = _kind_for(recipe)
        if not isinstance(self, kind):
            raise ValueError(
                f"{type(self).__name__} is for {self.models}, {kind.__name__} for this "
                f"model. Received: model={recipe.model!r}"
            )
        if not recipe.validation_fraction and recipe.validation_split is None:
            recipe = dataclasses.replace(recipe, validation_fraction=VALIDATION)
        self.base = recipe
        self.space = {**default_space(recipe), **(space or {})}
        for name in fields or ():
            if name not in self.space:
                raise ValueError(
                    f"There is no range for {name!r}: give one in `space`. Received: "
                    f"fields with {name!r}; ranges for {', '.join(self.space)}"
                )
        if fields is not None:
            self.space = {name: self.space[name] for name in fields}
        check_space(self.space, recipe)
        self.budget = Budget() if budget is None else budget
        if facts is not None:
            self.facts = facts

    @functools.cached_property
    def place(self):
        """The opened place of the data, whose files all trials look for once."""
        return open_place(self.base.data)

    @functools.cached_property
    def facts(self):
        """`DataFacts` of the recipe's data, which is loaded for them."""
        train, validation = load_data(self.base, self.place)
        return DataFacts(
            image_size=train.image_size,
            num_channels=train.num_channels,
            num_classes=train.num_classes,
            num_training=train.num_examples,
            num_validation=validation.num_examples,
        )

    def declare_hyperparameters(self, hp):
        """Registers the whole space; nothing in it depends on another value."""
        own = own_values(self.base)
        for name, values in self.space.items():
            values.declare(hp, name, own[name])

    def recipe(self, hp):
        """The recipe of drawn values.

        Args:
            hp: `keras_tuner.HyperParameters`, or a dictionary of its values.

        Raises:
            ValueError: if the values contradict each other.
        """
        drawn = hp if isinstance(hp, dict) else hp.values
        values = {name: drawn[name] for name in self.space if name in drawn}
        values = {name: self.space[name].value(v) for name, v in values.items()}
        return with_values(self.base, values)

    def measure(self, hp):
        """The `Cost` of drawn values, found without building their model.

        Raises:
            ValueError: if the values contradict each other.
        """
        return measure_recipe(self.recipe(hp), self.facts)

    def refusal(self, hp):
        """Why drawn values make no trial, in words; `None` if they make one."""
        try:
            return self.budget.excess(self.measure(hp))
        except ValueError as error:
            return str(error)

    def build(self, hp):
        """The model of drawn values, not compiled: `fit` trains one of its own.

        Raises:
            keras_tuner.errors.FailedTrialError: if it is over the budget; it is not
                built then.
        """
        self.declare_hyperparameters(hp)
        refusal = self.refusal(hp)
        if refusal is not None:
            raise keras_tuner.errors.FailedTrialError(refusal)
        recipe, facts = self.recipe(hp), self.facts
        arguments = model_arguments(
            recipe, native_size=facts.image_size, num_channels=facts.num_channels
        )
        return build_model(recipe, facts.num_classes, arguments)

    def fit(self, hp, model, *args, epochs=None, callbacks=(), **kwargs):
        """Trains drawn values from the start, for KerasTuner's own tuners.

        Args:
            hp: `keras_tuner.HyperParameters`.
            model: What `build` returned; only its values `hp` count.
            *args: Not used: the recipe names the data.
            epochs: Integer, instead of the recipe's.
            callbacks: Keras callbacks, such as the tuner's own.
            **kwargs: Not used.

        Returns:
            A dictionary of the last epoch's metrics.
        """
        recipe = self.recipe(hp)
        if epochs is not None:
            recipe = dataclasses.replace(recipe, epochs=epochs, total_steps=None)
        with tempfile.TemporaryDirectory() as folder:
            run = Path(folder) / "run"
            return train(
                recipe, run, callbacks=callbacks, progress=False, check=False
            ).metrics


class ViTHyperModel(RecipeHyperModel):
    __doc__ = RecipeHyperModel.__doc__
    models = "ViT and hybrids"

    def __init__(self, recipe=None, space=None, **options):
        super().__init__(Recipe() if recipe is None else recipe, space, **options)


class BiTHyperModel(RecipeHyperModel):
    __doc__ = RecipeHyperModel.__doc__
    models = "BiT ResNets"


def hypermodel_for(recipe, space=None, **options):
    """The hypermodel of the family that a recipe's model is of."""
    return _kind_for(recipe)(recipe, space, **options)


def _kind_for(recipe):
    return BiTHyperModel if is_bit(recipe) else ViTHyperModel
