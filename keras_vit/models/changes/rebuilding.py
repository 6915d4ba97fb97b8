"""`from_checkpoint`: builds the model that a file describes, and fills it."""

import inspect
import logging
import math

from keras_vit.checkpoints.architecture import (
    ASKED,
    arguments_of,
    facts_of,
    family_of,
    position_prefix,
    stated_facts,
)
from keras_vit.checkpoints.bounds import check_arguments
from keras_vit.checkpoints.files.errors import naming_its
from keras_vit.checkpoints.names.vit import POSITIONS
from keras_vit.checkpoints.plan.position_plan import grid_of_file, kernel_of
from keras_vit.common.wording import hint
from keras_vit.models.constructors import BUILDERS
from keras_vit.models.detection import detector
from keras_vit.models.preprocessing import FROM_WEIGHTS
from keras_vit.models.pretrained.initial_values import values_later
from keras_vit.models.pretrained.weights import (
    USUAL_SCALING,
    fill_new_model,
    open_any,
    says_scaling,
)
from keras_vit.models.segmentation import segmenter
from keras_vit.models.variants.identify import (
    image_size_of,
    published_heads,
    variant_of,
)
from keras_vit.models.vision_model import grid_of_settings, prefix_of

logger = logging.getLogger(__name__)

_LOADING = ("strict", "skip", "keep", "position_kernel", "in_channels_rule")


@naming_its("source")
def from_checkpoint(
    source, *, position_grid=None, average=None, offline=None, **overrides
):
    """Builds the model that a checkpoint describes, and fills it.

    Sizes are read from the shapes of the arrays; a file of this package, and a
    `config.json` beside a safetensors file, say the rest. Where nothing does, the
    model is as its project builds it: square images; a class token means that the
    head reads it, else the mean of the patches; GELU and epsilons of that project. A
    warning names what was assumed so.

    What the file says of images becomes the model's `input_scaling` and, for
    prediction, `model.metadata["preprocessing"]`; names of classes become
    `model.metadata["class_names"]`.

    Args:
        source: Anything that `keras_vit.load_weights` takes.
        position_grid: Pair `(rows, columns)`, the grid of the file's position
            embeddings, where it is not a square.
        average: Boolean, see `keras_vit.load_weights`.
        offline: Boolean, see `keras_vit.load_weights`.
        **overrides: Arguments of `keras_vit.ViT`, `keras_vit.HybridViT` or
            `keras_vit.BiT`, such as `num_classes=10`, `image_size=(384, 512)`,
            `num_heads=12`, `pooling="gap"`, `input_scaling="imagenet"`; and `strict`,
            `skip`, `keep`, `position_kernel` and `in_channels_rule` of
            `keras_vit.load_weights`.

    Returns:
        A `keras_vit.models.VisionModel`. With `image_size=(None, None)` it takes
        images of every size.

    Raises:
        ValueError: if the source is broken or unknown, an override is, or something
            needed can be read nowhere; the message names the argument to pass.

    Example:

    >>> model = keras_vit.from_checkpoint("vit_s16_i1k_300ep.npz", image_size=224)
    """
    checkpoint = open_any(source, None, {}, offline, average)
    family = family_of(checkpoint)
    builder = builder_for(family, checkpoint)
    if builder is None:
        raise ValueError(
            f"{checkpoint.origin} holds a model of the family {family!r}; this can "
            f"build {', '.join(map(repr, BUILDERS))}. Use "
            "`keras.saving.load_model` for a `.keras` file."
        )
    loading = {name: overrides.pop(name) for name in _LOADING if name in overrides}
    known = inspect.signature(builder).parameters
    _check_names(builder, known, overrides)
    reads_patches = "position_kernel" in known
    if position_grid is not None and not reads_patches:
        raise ValueError(
            f"A {builder.__name__} model has no position embeddings. "
            f"Received: position_grid={position_grid}"
        )
    arguments = {**arguments_of(checkpoint), **overrides}
    if arguments.get("input_scaling", FROM_WEIGHTS) == FROM_WEIGHTS:
        arguments["input_scaling"] = checkpoint.input_scaling
    check_arguments(checkpoint, arguments, overrides)
    if "input_shape" in overrides:
        arguments.pop("image_size", None)
    assumed = _complete(checkpoint, arguments, known, position_grid)
    if reads_patches:
        if "embed_prefix" not in overrides and POSITIONS in checkpoint:
            arguments["embed_prefix"] = _embeds_prefix(
                checkpoint, family, arguments, position_grid
            )
        loading["position_grid"] = position_grid
        kernel = loading.get("position_kernel") or kernel_of(checkpoint)
        arguments["position_kernel"] = kernel
    if not ("input_scaling" in overrides or says_scaling(checkpoint)):
        assumed.append(USUAL_SCALING)
    arguments = {name: value for name, value in arguments.items() if name in known}
    variant = variant_of(family, arguments)
    arguments.setdefault("name", variant and variant.lower())
    if variant and "input_shape" not in arguments:
        arguments.setdefault("image_size", image_size_of(variant))
    if assumed:
        logger.warning(
            "%s does not say everything about its model. Assumed: %s.",
            checkpoint.origin,
            "; ".join(assumed),
        )
    with values_later():
        model = builder(**{**arguments, "weights": None})
    model.metadata.update(checkpoint.config.get("metadata") or {})
    return fill_new_model(model, checkpoint, chosen=overrides, **loading)


def builder_for(family, checkpoint):
    """The constructor of a family's models, or `None` where there is none."""
    for kind in (segmenter, detector):
        if family == kind.FAMILY:
            return kind.builder_of(arguments_of(checkpoint)["backbone"])
    return BUILDERS.get(family)


def _check_names(builder, known, overrides):
    for name in overrides:
        if name not in known or name == "weights":
            raise ValueError(
                f"`keras_vit.{builder.__name__}`, which this checkpoint needs, has no "
                f"such argument. Received: {name}={overrides[name]!r}."
                f"{hint(name, known)}"
            )


# Widths of which models with several numbers of heads are in use: ViT-S and MoCo v3.
_SEVERAL_HEADS = {384: "6 or 12"}


def missing_arguments(arguments, known):
    """The arguments of a constructor that must be passed, as nothing tells them.

    Args:
        arguments: Dictionary of those that are known, from `arguments_of` a file and
            from the user.
        known: Names of the constructor's arguments.

    Returns:
        Dictionary of names to what a message adds on the form of the value.
    """
    a, missing = arguments, {}
    for name in ASKED:
        is_open = name not in a if name == "pooling" else a.get(name, "") is None
        given = name == "image_size" and "input_shape" in a
        if name not in known or given or not is_open:
            continue
        form = ", as (height, width) if it is not square" * name.endswith("_size")
        if name == "num_heads":
            if _usual_heads(a) is not None:
                continue
            several = _SEVERAL_HEADS.get(a["hidden_dim"])
            form = f": models of this width have {several}" if several else ""
        missing[name] = form
    return missing


def _usual_heads(a):
    """The only number of heads of published models of these sizes, or `None`."""
    if a["hidden_dim"] in _SEVERAL_HEADS:
        return None
    return published_heads(a["hidden_dim"], a["num_layers"], a["mlp_dim"])


def _complete(checkpoint, arguments, known, position_grid):
    """Finds what arrays cannot tell, or raises naming the argument to pass.

    Returns:
        List of texts on what was assumed.
    """
    a, assumed = arguments, []
    # In a file of this package `None` is what the model was built with.
    missing = {} if checkpoint.settings else missing_arguments(a, known)
    for name, form in missing.items():
        raise ValueError(
            f"{checkpoint.origin} does not tell `{name}`, {ASKED[name]}. Pass "
            f"`{name}=`{form}."
        )
    if "num_heads" in known and a.get("num_heads") is None:
        a["num_heads"] = _usual_heads(a)
        assumed.append(
            f"num_heads={a['num_heads']}, the only number that published models of "
            "these sizes have"
        )
    if not checkpoint.layout.usual_scaling and not checkpoint.settings:
        usual, stated = facts_of(checkpoint), stated_facts(checkpoint)
        texts = [
            f"{name}={usual[name]!r}"
            for name in ("gelu", "epsilon", "standardization")
            if name in known and name not in stated and a[name] == usual[name]
        ]
        if texts:
            assumed.append(f"{' and '.join(texts)}, as in models of this layout")
        if (
            checkpoint.layout.project == "timm"
            and not stated
            and not a.get("qkv_bias", 1)
        ):
            assumed.append(
                "norms before attention and MLP, though timm's residual post-norm "
                "(..._rpn_...) has the same arrays"
            )
    if "position_grid" not in known:
        return assumed
    size = a.get("image_size")
    if size is not None and isinstance(size, (tuple, list)) and None in size:
        if POSITIONS in checkpoint:
            tokens = prefix_of(a)
            rows = checkpoint.shape(POSITIONS)[1]
            patches = rows - position_prefix(checkpoint, tokens)
            a["position_grid"] = position_grid or grid_of_file(checkpoint, patches)
    else:
        a["position_grid"] = None
    return assumed


def _embeds_prefix(checkpoint, family, a, position_grid):
    """Whether the file's class and register tokens have positions of their own."""
    tokens = prefix_of(a)
    size = a.get("image_size")
    patches = None
    if position_grid is not None:
        patches = math.prod(position_grid)
    elif size is not None and "input_shape" not in a:
        pairs = {
            name: list(a[name]) if isinstance(a[name], (tuple, list)) else [a[name]] * 2
            for name in ("image_size", "patch_size", "stride")
            if a.get(name) is not None
        }
        if None not in pairs["image_size"]:
            settings = {"family": family, "arguments": {**a, **pairs}}
            patches = math.prod(grid_of_settings(settings))
    return position_prefix(checkpoint, tokens, patches) == tokens
