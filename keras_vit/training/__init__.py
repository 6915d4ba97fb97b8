"""From a recipe to a fitted model."""

from keras_vit._lazy import lazy_attributes
from keras_vit.training.recipes import Recipe

# Imported at first use: a recipe can be read, printed and compared without Keras.
_LAZY = {
    "Interrupted": "keras_vit.training.callbacks:Interrupted",
    "Result": "keras_vit.training.run:Result",
    "RunFolder": "keras_vit.training.run_folder:RunFolder",
    "WarmupSchedule": "keras_vit.training.schedules:WarmupSchedule",
    "build_optimizer": "keras_vit.training.optimizers:build_optimizer",
    "train": "keras_vit.training.run:train",
}
__getattr__, __dir__ = lazy_attributes(globals(), _LAZY)

__all__ = [
    "Interrupted",
    "Recipe",
    "Result",
    "RunFolder",
    "WarmupSchedule",
    "build_optimizer",
    "train",
]
