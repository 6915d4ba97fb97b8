"""What a recipe's model costs, from its outline: layers and shapes without weights."""

import dataclasses
import threading

import keras

from keras_vit.costs.flops import forward_flops
from keras_vit.costs.memory import estimate_training
from keras_vit.devices import current
from keras_vit.training.model_arguments import model_arguments
from keras_vit.training.run.batches import check_batch
from keras_vit.training.run.build import build_model
from keras_vit.tuner.budget import Cost


def measure_recipe(recipe, facts) -> Cost:
    """Parameters, operations and memory of a recipe, without building its model.

    The layers are put together as they would be, but no weight is made, so that the
    cost of a model is known on a machine that could never hold it.

    Args:
        recipe: A `Recipe`.
        facts: `DataFacts` of its data.

    Returns:
        A `Cost`. The memory is that of one device of those in force.

    Raises:
        ValueError: if the recipe contradicts itself, its data or its devices.

    Example:

    >>> measure_recipe(Recipe(model="ViT_H14", image_size=224), facts).parameters
    630275850
    """
    check_batch(recipe)
    # Values, which an outline has not: weights of a file, and of the classifier.
    recipe = dataclasses.replace(recipe, weights=None, head_bias=0.0)
    arguments = model_arguments(
        recipe, native_size=facts.image_size, num_channels=facts.num_channels
    )
    devices = current()
    parts = devices.num_hosts if devices.kind == "cpu" else devices.num_replicas

    def measure():
        # A variable that is made in here has a shape, but no value.
        with keras.StatelessScope(initialize_variables=False):
            model = build_model(recipe, facts.num_classes, arguments)
        memory = estimate_training(
            model,
            -(-recipe.batch_size // parts),
            optimizer=recipe.optimizer,
            momentum_dtype=recipe.momentum_dtype,
            accumulation_steps=recipe.accumulation_steps,
            average=recipe.ema_momentum is not None,
        )
        gflops = forward_flops(model) / 1e9
        return Cost(model.count_params(), gflops, memory.total)

    return _in_a_thread_of_its_own(measure)


def _in_a_thread_of_its_own(work):
    """The result of `work()`.

    Keras keeps a list of variables without values, to fill them in later. It keeps
    one for each thread: that of a thread which has ended is never filled in.
    """
    result, failure = [], []

    def run():
        try:
            result.append(work())
        except Exception as error:  # to be raised where it is of use
            failure.append(error)

    thread = threading.Thread(target=run, name="outline")
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return result[0]
