"""The published recipe for somebody's own images."""

import keras_vit.models
from keras_vit.costs.machine import available_memory
from keras_vit.costs.memory import estimate_training
from keras_vit.training.choosing.choose import choose_recipe, fit_batch
from keras_vit.training.datasets import load_data


def advise(recipe):
    """Chooses a recipe for the data, the model and the weights of another one.

    Args:
        recipe: A `Recipe`, of which those three count.

    Returns:
        `(fields, reasons)`: a dictionary of `Recipe` fields, and a sentence for each
        choice; see `choose_recipe`. The batch is computed in parts where the memory of
        this machine would not hold it.

    Raises:
        ValueError: if there is no such data or model.

    Example:

    >>> fields, reasons = advise(Recipe("./photos", model="ViT_B16", weights="augreg"))
    >>> train(dataclasses.replace(Recipe("./photos"), **fields))
    """
    train_data, _ = load_data(recipe)
    fields, reasons = choose_recipe(
        train_data.num_examples,
        train_data.num_classes,
        train_data.image_size,
        recipe.model,
        recipe.weights,
    )
    if recipe.model != "small":
        fit = _images_that_fit(fields, train_data.num_classes)
        if fit:  # where nothing fits, the run itself says so
            reasons += fit_batch(fields, train_data.num_examples, fit)
    return fields, reasons


def _images_that_fit(fields, num_classes):
    available = available_memory()
    if available is None:
        return None
    size = fields.get("image_size")
    options = {} if size is None else {"image_size": size}
    model = keras_vit.models.build(fields["model"], num_classes, **options)
    estimate = estimate_training(
        model,
        fields["batch_size"],
        optimizer=fields.get("optimizer", "adamw"),
        momentum_dtype=fields.get("momentum_dtype", "float32"),
        accumulation_steps=2,  # as it would be
    )
    room = available * 3 // 4 - estimate.fixed - estimate.pixels
    return max(0, room // estimate.activations_per_image)
