"""From a recipe to a model that is ready for `fit`."""

import keras

import keras_vit.models
from keras_vit.devices import current
from keras_vit.models.listing import canonical_name
from keras_vit.training.layer_groups import freeze_layers
from keras_vit.training.losses import LabelAccuracy, build_loss
from keras_vit.training.optimizers import build_optimizer
from keras_vit.training.replicas import num_replicas, scope


def check_model(recipe):
    """Raises a `ValueError` if there is no such model; costs nothing."""
    if recipe.model != "small":
        canonical_name(recipe.model)


def build_model(recipe, num_classes, arguments):
    """The model of a recipe, with the initial weights that its seed decides.

    Args:
        recipe: A `Recipe`.
        num_classes: Integer.
        arguments: What `model_arguments` returned.

    Raises:
        ValueError: if the model is unknown or its sizes contradict each other.
    """
    keras.utils.set_random_seed(recipe.seed)
    if recipe.model == "small":
        model = keras_vit.models.ViT(num_classes, name="vit_small", **arguments)
    else:
        model = _published_model(recipe, num_classes, arguments)
    if recipe.head_bias:
        _set_head_bias(model, recipe.head_bias)
    freeze_layers(model, recipe.freeze)
    return model


def _published_model(recipe, num_classes, arguments):
    try:
        return keras_vit.models.build(recipe.model, num_classes, **arguments)
    except TypeError as error:  # an argument that this family does not have
        raise ValueError(f"{recipe.model} does not take this option: {error}") from None


def _set_head_bias(model, value):
    """Gives a new head the bias with which its first answers are "none of them".

    A head that came with the weights, whose kernel is not zero, keeps its own.
    """
    head = model.get_layer("head")
    if not keras.ops.convert_to_numpy(head.kernel).any():
        head.bias.assign(keras.ops.full(head.bias.shape, value))


def compile_model(model, recipe, *, total_steps):
    """Compiles a model with the loss, metric and optimizer of a recipe.

    Returns:
        Whether the training step is compiled with XLA: `True`, `False` or `"auto"`
        for what Keras decides.
    """
    jit_compile = resolve_jit(recipe, model)
    options = {}
    if recipe.steps_per_execution != 1:
        options["steps_per_execution"] = recipe.steps_per_execution
    with scope(model):
        model.compile(
            optimizer=build_optimizer(recipe, model, total_steps=total_steps),
            loss=build_loss(recipe),
            # Weighted: what fills up the last test batch counts nothing.
            weighted_metrics=[LabelAccuracy(name="accuracy")],
            jit_compile=jit_compile,
            **options,
        )
        # On TensorFlow, `fit` builds optimizer and metrics inside its first update:
        # too late for a checkpoint to be restored into them.
        _build_state(model)
    return jit_compile


def _build_state(model):
    """Makes the variables of optimizer and metrics."""
    model.optimizer.build(model.trainable_variables)
    if max(num_replicas(model), current().num_devices) > 1:
        # The devices would have to compute together.
        images = keras.KerasTensor((1, *model.input_shape[1:]))
        model._symbolic_build(data_batch=(images, keras.KerasTensor((1,), "int32")))
        return
    model.compute_metrics(
        None,
        keras.ops.zeros((1,), "int32"),
        keras.ops.zeros((1, model.output_shape[-1])),
    )
    model.reset_metrics()


def resolve_jit(recipe, model):
    """The `jit_compile` argument for a recipe's choice.

    Keras leaves XLA off on machines without an accelerator. A small model gains a
    third from it there, and its compilation takes seconds; that of a large model
    takes minutes. On several replicas under `tf.distribute` it is always off.
    """
    if num_replicas(model) > 1:
        if recipe.jit_compile == "yes":
            raise ValueError(
                "XLA cannot compile a training step on several replicas. Received: "
                f"jit_compile='yes', {num_replicas(model)} replicas. Leave it at "
                "'auto', or set KERAS_BACKEND=jax."
            )
        return False
    several = current().num_devices > 1
    if several and keras.backend.backend() == "jax" and recipe.jit_compile == "no":
        raise ValueError(
            "Under JAX, several devices need a compiled training step: each operation "
            "by itself would have them all wait for each other. Received: "
            f"jit_compile='no' on {current().num_devices} devices. Leave it at 'auto'."
        )
    if current().kind == "tpu" and keras.backend.backend() == "tensorflow":
        return False  # the strategy compiles; Keras would compile for the CPU
    if recipe.jit_compile != "auto":
        return recipe.jit_compile == "yes"
    if model.count_params() <= 2_000_000 and keras.backend.backend() == "tensorflow":
        return True
    return "auto"
