"""Equal results on one device and on many: what Keras lacks under `tf.distribute`.

Stock Keras clips the gradients of each replica before they are summed, gives every
replica the same dropout, weighs short batches wrongly, and fails with accumulation,
overwriting averages and several steps per execution (keras issues 20582, 19246, 20611).
The remedies are apart, each with a test that shows the failure of Keras:

- `model.py`: the training and test step, and accumulation;
- `loops.py`: several steps per execution;
- `optimizer.py`: gradients are summed over the replicas first;
- `seeds.py`: every replica draws its own dropout.

`whole_batches.py` refuses what has no remedy: batch norms that would see parts.

One device, one micro-batch and one step per execution need none of them, and get none.
"""

import keras

from keras_vit.training.replicas.strategy import num_replicas, scope
from keras_vit.training.replicas.whole_batches import check_parts


def prepare_model(model, recipe):
    """The model to compile and fit in place of another.

    Its loss, metrics and updates are those of the global batch, whatever number of
    replicas and micro-batches it is split into. It shares layers and variables with
    the given model, which is the one to save.

    Args:
        model: A functional model, not compiled; under `tf.distribute` made inside the
            scope of the strategy.
        recipe: A `Recipe`, of which `accumulation_steps` and `steps_per_execution` are
            read.

    Returns:
        `model` itself where stock Keras does the same. Otherwise another model, whose
        metrics must be built before `fit`, as `compile_model` does.

    Raises:
        ValueError: if `accumulation_steps` is not 1 on a backend other than TensorFlow
            and JAX, or the model trains batch norms.

    Example:

    >>> strategy = tf.distribute.MirroredStrategy()
    >>> with strategy.scope():
    ...     model = keras_vit.ViT_B16(num_classes=10)
    >>> trainer = prepare_model(model, recipe)
    >>> compile_model(trainer, recipe, total_steps=1000)
    >>> trainer.fit(batches, steps_per_epoch=100, epochs=10)
    >>> model.save("model.keras")
    """
    micro_batches, backend = recipe.accumulation_steps, keras.backend.backend()
    check_parts(model, micro_batches)
    if backend == "tensorflow":
        steps = recipe.steps_per_execution
        if micro_batches == steps == num_replicas(model) == 1:
            return model
        from keras_vit.training.replicas.model import ReplicaModel
        from keras_vit.training.replicas.seeds import draw_per_replica

        with scope(model):
            trainer = ReplicaModel(model.input, model.output, name=model.name)
        if num_replicas(model) > 1:
            draw_per_replica(trainer)
    elif micro_batches == 1:
        return model
    elif backend == "jax":
        from keras_vit.training.replicas.jax_accumulation import JaxAccumulation

        trainer = JaxAccumulation(model.input, model.output, name=model.name)
    else:
        raise ValueError(
            "`accumulation_steps` needs the TensorFlow or JAX backend. "
            f"Received: accumulation_steps={micro_batches}, backend {backend!r}"
        )
    trainer.micro_batches = micro_batches
    trainer.save = model.save  # of callbacks that save: a model that can be loaded
    return trainer


__all__ = ["num_replicas", "prepare_model", "scope"]
