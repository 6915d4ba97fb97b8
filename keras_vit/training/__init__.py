"""From a recipe to a fitted model."""

from keras_vit.common.lazy import lazy_attributes
from keras_vit.training.choosing.hyperrule import BiTHyperRule
from keras_vit.training.recipes.recipe import Recipe, list_recipes, recipe

# Imported at first use: a recipe can be read, printed and compared without Keras.
_LAZY = {
    "Interrupted": "keras_vit.training.run.callbacks:Interrupted",
    "MaskedPatchPictures": "keras_vit.training.folder.masked_pictures:"
    "MaskedPatchPictures",
    "Result": "keras_vit.training.run.train:Result",
    "RunFolder": "keras_vit.training.folder.folder:RunFolder",
    "WarmupSchedule": "keras_vit.training.optimizers.schedules:WarmupSchedule",
    "advise": "keras_vit.training.choosing.advice:advise",
    "build_optimizer": "keras_vit.training.optimizers.build:build_optimizer",
    "build_schedule": "keras_vit.training.optimizers.build:build_schedule",
    "check_data": "keras_vit.data.check.data_check:check_data",
    "choose_recipe": "keras_vit.training.choosing.choose:choose_recipe",
    "estimate_cost": "keras_vit.training.recipes.cost:estimate_cost",
    "estimate_training": "keras_vit.costs.memory:estimate_training",
    "strategy": "keras_vit.devices:strategy",
    "train": "keras_vit.training.run.train:train",
}
__getattr__, __dir__ = lazy_attributes(globals(), _LAZY)

__all__ = [
    "BiTHyperRule",
    "Interrupted",
    "MaskedPatchPictures",
    "Recipe",
    "Result",
    "RunFolder",
    "WarmupSchedule",
    "advise",
    "build_optimizer",
    "build_schedule",
    "check_data",
    "choose_recipe",
    "estimate_cost",
    "estimate_training",
    "list_recipes",
    "recipe",
    "strategy",
    "train",
]
