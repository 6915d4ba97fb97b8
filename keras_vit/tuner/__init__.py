"""Searches over the fields of a recipe, with KerasTuner."""

from keras_vit.common.lazy import lazy_attributes
from keras_vit.tuner.budget import Budget
from keras_vit.tuner.space import Between, Choices

# Imported at first use: KerasTuner is an extra.
_LAZY = {
    "BiTHyperModel": "keras_vit.tuner.hypermodels:BiTHyperModel",
    "SearchFolder": "keras_vit.tuner.search_folder:SearchFolder",
    "ViTHyperModel": "keras_vit.tuner.hypermodels:ViTHyperModel",
    "measure_recipe": "keras_vit.tuner.outline:measure_recipe",
    "plot_search": "keras_vit.tuner.parallel_coordinates:plot_search",
    "search": "keras_vit.tuner.searching:search",
}
__getattr__, __dir__ = lazy_attributes(globals(), _LAZY)

__all__ = [
    "Between",
    "BiTHyperModel",
    "Budget",
    "Choices",
    "SearchFolder",
    "ViTHyperModel",
    "measure_recipe",
    "plot_search",
    "search",
]
