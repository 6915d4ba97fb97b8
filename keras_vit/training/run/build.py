"""Builds the model of a recipe, ready for `fit`."""

import keras

import keras_vit.models
from keras_vit.devices import current
from keras_vit.models.changes.rebuilding import from_checkpoint
from keras_vit.models.constructors import BUILDERS
from keras_vit.models.pretrained.weights import backbone_of_weights
from keras_vit.models.vision_model import settings_of
from keras_vit.pretraining import (
    MaskedPatchLoss,
    MaskedPatchPrediction,
    example_targets,
    masked_patch_metrics,
)
from keras_vit.training.model_arguments import SMALL, family_of
from keras_vit.training.optimizers.build import build_optimizer
from keras_vit.training.optimizers.label_metrics import MeanAveragePrecision
from keras_vit.training.optimizers.layer_groups import limit_training
from keras_vit.training.optimizers.losses import LabelAccuracy, build_loss, loss_dtype
from keras_vit.training.replicas import num_replicas, scope
from keras_vit.training.run.detection import (
    box_objective,
    build_detector,
    check_detection,
    continues_detector,
)
from keras_vit.training.run.segmentation import (
    build_segmenter,
    check_segmentation,
    continues,
    pixel_objective,
)
from keras_vit.training.run.self_organisation import check_self_organisation


def check_model(recipe):
    """Raises a `ValueError` if there is no such model, or none for the task."""
    family = family_of(recipe.model)
    if recipe.masked_target is not None and family not in ("vit", "hybrid"):
        raise ValueError(
            "Masked patch prediction needs the patches of a ViT or hybrid; "
            f"{recipe.model} has none. Received: model={recipe.model!r}"
        )
    if recipe.task == "segmentation":
        check_segmentation(recipe)
    elif recipe.task == "detection":
        check_detection(recipe)
    elif family == "unet":
        raise ValueError(
            "A UNet gives a class to every pixel, which is for the task segmentation. "
            f"Received: model={recipe.model!r}, task={recipe.task!r}"
        )
    elif family == "yolos":
        raise ValueError(
            "The task learns no boxes, and a YOLOS tells boxes. Received: "
            f"model={recipe.model!r}, task={recipe.task!r}. Compile the model "
            "yourself, and call `fit`."
        )
    if family == "neocognitron":
        check_self_organisation(recipe)


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
    masked = recipe.masked_target is not None
    segments = recipe.task == "segmentation" and family_of(recipe.model) != "unet"
    detects = recipe.task == "detection"
    backbone, made = recipe.model, arguments
    try:
        has_whole = segments and continues(recipe, arguments)
        if has_whole or (detects and continues_detector(arguments)):
            model = _continued(recipe, num_classes, arguments)
            limit_training(model, recipe)
            return model
        if recipe.model in SMALL:
            features = masked or segments or detects
            backbone, made = (
                _small(recipe, 0 if features else num_classes, arguments),
                {},
            )
        if masked:
            model = MaskedPatchPrediction(backbone, recipe.masked_target, **made)
        elif segments:
            model = build_segmenter(recipe, backbone, num_classes, made)
        elif detects:
            model = build_detector(recipe, backbone, num_classes, made)
        elif recipe.model in SMALL:
            model = backbone
        else:
            model = keras_vit.models.build(backbone, num_classes, **arguments)
    except TypeError as error:  # an argument that this family does not have
        raise ValueError(f"{recipe.model} does not take this option: {error}") from None
    if recipe.head_bias:
        _set_head_bias(model, recipe.head_bias)
    limit_training(model, recipe)
    return model


def _continued(recipe, num_classes, arguments):
    """The segmenter or detector of the weights, for other classes if need be.

    Raises:
        ValueError: if it stands on another backbone.
    """
    wanted, weights = family_of(recipe.model), arguments["weights"]
    # Before sizes are compared that one of them does not have.
    found = backbone_of_weights(weights)
    if found in (None, wanted):
        options = {name: arguments[name] for name in arguments if name != "weights"}
        if recipe.head is not None:  # of segmentation
            options["head"] = recipe.head
        model = from_checkpoint(weights, num_classes=num_classes, **options)
        found = settings_of(model)["arguments"]["backbone"]
    if found != wanted:
        raise ValueError(
            f"The weights of a run of task={recipe.task!r} are those of a model on "
            f"another backbone, of the family {found!r}. Received: "
            f"model={recipe.model!r}, of the family {wanted!r}"
        )
    return model


def _small(recipe, num_classes, arguments):
    """A small model, which its family's builder makes of the recipe's sizes."""
    family = family_of(recipe.model)
    builder = BUILDERS[family]
    return builder(num_classes, name=f"{family}_small", **arguments)


def _set_head_bias(model, value):
    """Gives a new head the bias with which its first answers are "none of them".

    A head that came with the weights, whose kernel is not zero, keeps its own.
    """
    head = model.get_layer("head")
    if not hasattr(head, "bias"):
        raise ValueError(
            "`head_bias` needs a head with a bias; the outputs of this model are "
            f"distances. Received: head_bias={value}"
        )
    if not keras.ops.convert_to_numpy(head.kernel).any():
        head.bias.assign(keras.ops.full(head.bias.shape, value))


def compile_model(
    model,
    recipe,
    *,
    total_steps,
    pretrained=None,
    settable_rate=False,
    class_weights=None,
):
    """Compiles a model with the loss, metrics and optimizer of a recipe.

    Args:
        model: The model to fit.
        recipe: A `Recipe`.
        total_steps: Integer, the number of updates of the whole run.
        pretrained: The `MaskedPatchPrediction` whose layers `model` has, if it is
            another one. Not read where classes are learned.
        settable_rate: Boolean, as for `build_optimizer`.
        class_weights: A number for each class, or `None`: of the recipe's
            `class_weights`, which the data decide.

    Returns:
        Whether the training step is compiled with XLA: `True`, `False` or `"auto"`
        for what Keras decides.
    """
    jit_compile = resolve_jit(recipe, model)
    pretrained = model if pretrained is None else pretrained
    with scope(model):
        objective, example = _objective(recipe, pretrained, class_weights)
        model.compile(
            optimizer=build_optimizer(
                recipe, model, total_steps=total_steps, settable_rate=settable_rate
            ),
            jit_compile=jit_compile,
            steps_per_execution=recipe.steps_per_execution,
            **objective,
        )
        # On TensorFlow, `fit` builds optimizer and metrics inside its first update:
        # too late for a checkpoint to be restored into them.
        _build_state(model, *example)
    return jit_compile


def _objective(recipe, pretrained, class_weights):
    """Loss and metrics for `compile`; targets and weights of one image."""
    if recipe.task == "segmentation":
        return pixel_objective(recipe, pretrained, class_weights)
    if recipe.task == "detection":
        return box_objective(recipe)
    if recipe.masked_target is None:
        # Weighted: what fills up the last test batch counts nothing.
        classes = pretrained.output_shape[-1]
        metrics, shape = [LabelAccuracy(name="accuracy")], (1,)
        if recipe.task == "multilabel":
            metrics, shape = [MeanAveragePrecision(classes)], (1, classes)
        kind = "int32" if len(shape) == 1 else "float32"
        loss = build_loss(recipe, class_weights)
        example = (keras.ops.zeros(shape, kind), None)
    else:
        metrics = masked_patch_metrics(pretrained)
        loss = MaskedPatchLoss(recipe.masked_target, dtype=loss_dtype(recipe))
        example = example_targets(pretrained)
    return {"loss": loss, "weighted_metrics": metrics}, example


def _build_state(model, targets, weights):
    """Makes the variables of optimizer and metrics."""
    model.optimizer.build(model.trainable_variables)
    if max(num_replicas(model), current().num_devices) > 1:
        # The devices would have to compute together.
        symbolic = keras.tree.map_structure(
            lambda x: keras.KerasTensor((1, *x.shape[1:]), x.dtype), model.input
        )
        rest = keras.tree.map_structure(
            lambda x: keras.KerasTensor(
                x.shape, keras.backend.standardize_dtype(x.dtype)
            ),
            [x for x in (targets, weights) if x is not None],
        )
        model._symbolic_build(data_batch=(symbolic, *rest))
        return
    if isinstance(model.output, dict):
        return  # of a detector, whose metrics are its loss alone
    outputs = keras.ops.zeros((1, *model.output_shape[1:]))
    model.compute_metrics(None, targets, outputs, weights)
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
            "by itself would make them all wait for each other. Received: "
            f"jit_compile='no' on {current().num_devices} devices. Leave it at 'auto'."
        )
    if current().kind == "tpu" and keras.backend.backend() == "tensorflow":
        return False  # the strategy compiles; Keras would compile for the CPU
    if recipe.jit_compile != "auto":
        return recipe.jit_compile == "yes"
    if model.count_params() <= 2_000_000 and keras.backend.backend() == "tensorflow":
        return True
    return "auto"
