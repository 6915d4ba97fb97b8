"""`fit_source`: trains a recipe's model on images at hand, without a run folder."""

import keras_vit.data
from keras_vit.models.vision_model import image_shape
from keras_vit.training.model_arguments import model_arguments
from keras_vit.training.optimizers.class_weights import weights_of_classes
from keras_vit.training.run.build import build_model, check_model, compile_model


def fit_source(source, recipe):
    """Trains a new model: no files, no tests, no resuming.

    Args:
        source: `keras_vit.data.Source`, the training images.
        recipe: A `Recipe`; its data are not read. Its seed becomes the global seed of
            Keras, NumPy and Python.

    Returns:
        `(model, history)`: the Keras model, which knows its classes and how images are
        prepared, and a dictionary of lists, loss and accuracy by epoch.

    Raises:
        ValueError: if recipe, images and model contradict each other.
    """
    if recipe.task != "classification" or recipe.masked_target is not None:
        raise ValueError(
            "`Classifier` learns one class for each image; other tasks are for "
            f"keras_vit.training.train. Received: task={recipe.task!r}, "
            f"masked_target={recipe.masked_target!r}"
        )
    check_model(recipe)
    size, channels = source.image_size, source.num_channels
    arguments = model_arguments(recipe, native_size=size, num_channels=channels)
    model = build_model(recipe, source.num_classes, arguments)
    steps = source.steps_per_epoch(recipe.batch_size)
    weights = weights_of_classes(
        recipe.class_weights, source.class_names, source.amount_per_class
    )
    total_steps = recipe.resolve_steps(steps)
    compile_model(model, recipe, total_steps=total_steps, class_weights=weights)
    *size, channels = image_shape(model)
    prepared = keras_vit.data.preprocessing(size, num_channels=channels).to_json()
    batches = source.batches(
        recipe.batch_size,
        preprocessing=prepared,
        training=True,
        seed=recipe.seed,
        augment=recipe.augment,
        sampling=recipe.sampling,
    )
    options = {"epochs": recipe.epochs, "steps_per_epoch": steps, "verbose": 0}
    history = model.fit(batches, shuffle=False, **options).history
    names = list(source.class_names)
    model.metadata.update(class_names=names, preprocessing=prepared)
    return model, history
