"""Training: from a recipe to a fitted model."""

from keras_vit.common.lazy import lazy_attributes

__getattr__, __dir__, __all__ = lazy_attributes(
    globals(),
    {
        "costs.memory": ["estimate_training"],
        "data.check.data_check": ["check_data"],
        "devices": ["strategy"],
        "training.choosing.choose": ["choose_recipe"],
        "training.choosing.hyperrule": ["BiTHyperRule"],
        "training.choosing.resolve": ["advise", "resolve"],
        "training.folder.folder": ["RunFolder"],
        "training.folder.masked_pictures": ["MaskedPatchPictures"],
        "training.optimizers.build": ["build_optimizer", "build_schedule"],
        "training.optimizers.schedules": ["WarmupSchedule"],
        "training.recipes.cost": ["estimate_cost"],
        "training.recipes.recipe": ["Recipe", "list_recipes", "recipe"],
        "training.run.callbacks": ["Interrupted"],
        "training.run.result": ["Result"],
        "training.run.train": ["train"],
    },
)
