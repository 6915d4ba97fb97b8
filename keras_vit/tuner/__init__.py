"""Searches over the fields of a recipe, with KerasTuner."""

from keras_vit.common.lazy import lazy_attributes

__getattr__, __dir__, __all__ = lazy_attributes(
    globals(),
    {
        "training.measuring": ["measure_recipe"],
        "tuner.budget": ["Budget"],
        "tuner.hypermodels": ["BiTHyperModel", "ViTHyperModel"],
        "tuner.parallel_coordinates": ["plot_search"],
        "tuner.search_folder": ["SearchFolder"],
        "tuner.searching": ["search"],
        "tuner.ranges": ["Between", "Choices"],
    },
)
