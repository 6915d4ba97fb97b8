"""From a recipe to a fitted model."""

from keras_vit._lazy import lazy_attributes
from keras_vit.training.hyperrule import BiTHyperRule
from keras_vit.training.recipes import Recipe, list_recipes, recipe

# Imported at first use: a recipe can be read, printed and compared without Keras.
_LAZY = {
    "Interrupted": "keras_vit.training.callbacks:Interrupted",
    "Result": "keras_vit.training.run:Result",
    "RunFolder": "keras_vit.training.run_folder:RunFolder",
    "WarmupSchedule": "keras_vit.training.schedules:WarmupSchedule",
    "build_optimizer": "keras_vit.training.optimizers:build_optimizer",
    "build_schedule": "keras_vit.training.optimizers:build_schedule",
    "estimate_cost": "keras_vit.training.costs:estimate_cost",
    "train": "keras_vit.training.run:train",
}
__getattr__, __dir__ = lazy_attributes(globals(), _LAZY)

__all__ = [
    "BiTHyperRule",
    "Interrupted",
    "Recipe",
    "Result",
    "RunFolder",
    "WarmupSchedule",
    "build_optimizer",
    "build_schedule",
    "estimate_cost",
    "list_recipes",
    "recipe",
    "train",
]
