"""`ViTHyperModel` and `BiTHyperModel`: a recipe, and what may be changed in it."""

import dataclasses
import functools
import tempfile
from pathlib import Path

from keras_vit.tuner.installed import check_installed

check_installed()

import keras_tuner  # noqa: E402

from keras_vit.training.model_arguments import model_arguments  # noqa: E402
from keras_vit.training.recipes.recipe import Recipe  # noqa: E402
from keras_vit.training.run.build import build_model  # noqa: E402
from keras_vit.training.run.train import train  # noqa: E402
from keras_vit.tuner.budget import Budget  # noqa: E402
from keras_vit.tuner.data_shape import data_facts_of  # noqa: E402
from keras_vit.tuner.outline import measure_recipe  # noqa: E402
from keras_vit.tuner.spaces import (  # noqa: E402
    bit_space,
    check_space,
    is_bit,
    own_values,
    vit_space,
    with_values,
)

# Share of the training images that trials are compared by.
VALIDATION = 0.2


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
        facts: What `data_facts_of(recipe)` found, where that is known already.

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
        self.check_model(recipe)
        if recipe.validation_fraction is None:
            recipe = dataclasses.replace(recipe, validation_fraction=VALIDATION)
        self.base = recipe
        self.space = {**self.default_space(recipe), **(space or {})}
        if fields is not None:
            self.space = {name: self._range_of(name) for name in fields}
        check_space(self.space, recipe)
        self.budget = Budget() if budget is None else budget
        if facts is not None:
            self.facts = facts

    @functools.cached_property
    def facts(self):
        """`DataFacts` of the recipe's data, which is loaded for them."""
        return data_facts_of(self.base)

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

    def _range_of(self, name):
        if name not in self.space:
            raise ValueError(
                f"There is no range for {name!r}: give one in `space`. "
                f"Received: fields with {name!r}; ranges for {', '.join(self.space)}"
            )
        return self.space[name]


class ViTHyperModel(RecipeHyperModel):
    __doc__ = RecipeHyperModel.__doc__

    def __init__(self, recipe=None, space=None, **options):
        super().__init__(Recipe() if recipe is None else recipe, space, **options)

    default_space = staticmethod(vit_space)

    @staticmethod
    def check_model(recipe):
        """Raises a `ValueError` for a BiT ResNet."""
        if is_bit(recipe):
            raise ValueError(
                "ViTHyperModel is for ViT and hybrids, BiTHyperModel for this model. "
                f"Received: model={recipe.model!r}"
            )


class BiTHyperModel(RecipeHyperModel):
    __doc__ = RecipeHyperModel.__doc__

    default_space = staticmethod(bit_space)

    @staticmethod
    def check_model(recipe):
        """Raises a `ValueError` for anything but a BiT ResNet."""
        if not is_bit(recipe):
            raise ValueError(
                "BiTHyperModel is for BiT ResNets, ViTHyperModel for this model. "
                f"Received: model={recipe.model!r}"
            )


def hypermodel_for(recipe, space=None, **options):
    """The hypermodel of the family that a recipe's model is of."""
    kind = BiTHyperModel if is_bit(recipe) else ViTHyperModel
    return kind(recipe, space, **options)
