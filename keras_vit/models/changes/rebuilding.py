"""`from_checkpoint`: builds the model that a file describes, and fills it."""

import inspect
import logging
import math

from keras_vit.checkpoints.architecture import arguments_of, family_of, position_prefix
from keras_vit.checkpoints.bounds import check_arguments
from keras_vit.checkpoints.files.errors import naming_its
from keras_vit.checkpoints.names.vit import POSITIONS
from keras_vit.checkpoints.plan.position_plan import grid_of_file
from keras_vit.common.wording import hint
from keras_vit.models.constructors import BUILDERS
from keras_vit.models.preprocessing import FROM_WEIGHTS
from keras_vit.models.pretrained.initial_values import values_later
from keras_vit.models.pretrained.weights import fill_new_model, open_any, scaling_of
from keras_vit.models.variants.identify import published_heads, variant_of
from keras_vit.models.vision_model import grid_of_settings

logger = logging.getLogger(__name__)

_LOADING = ("strict", "skip", "keep", "position_kernel", "in_channels_rule")


@naming_its("source")
def from_checkpoint(source, *, position_grid=None, offline=None, **overrides):
    """Builds the model that a checkpoint describes, and fills it.

    Sizes are read from the shapes of the arrays; a file of this package, and a
    `config.json` beside a safetensors file, say the rest. Where nothing does, the
    model is as its project builds it: square images; a class token means that the
    head reads it, else the mean of the patches; GELU and epsilons of that project.

    Args:
        source: Anything that `keras_vit.load_weights` takes.
        position_grid: Pair `(rows, columns)`, the grid of the file's position
            embeddings, where it is not a square.
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
    checkpoint = open_any(source, None, {}, offline)
    family = family_of(checkpoint)
    if family not in BUILDERS:
        raise ValueError(
            f"{checkpoint.origin} holds a model of the family {family!r}; this can "
            f"build {', '.join(map(repr, BUILDERS))}. Use "
            "`keras.saving.load_model` for a `.keras` file."
        )
    builder = BUILDERS[family]
    loading = {name: overrides.pop(name) for name in _LOADING if name in overrides}
    known = inspect.signature(builder).parameters
    _check_names(builder, known, overrides)
    reads_patches = "position_embedding" in known
    if position_grid is not None and not reads_patches:
        raise ValueError(
            f"A {builder.__name__} model has no position embeddings. "
            f"Received: position_grid={position_grid}"
        )
    arguments = {**arguments_of(checkpoint), **overrides}
    if arguments.get("input_scaling", FROM_WEIGHTS) == FROM_WEIGHTS:
        arguments["input_scaling"] = scaling_of(checkpoint)
    check_arguments(checkpoint, arguments, overrides)
    if "input_shape" in overrides:
        arguments.pop("image_size", None)
    if reads_patches:
        _complete(checkpoint, arguments, position_grid)
        if "embed_prefix" not in overrides and POSITIONS in checkpoint:
            arguments["embed_prefix"] = _embeds_prefix(
                checkpoint, family, arguments, position_grid
            )
        loading["position_grid"] = position_grid
    arguments = {name: value for name, value in arguments.items() if name in known}
    variant = variant_of(family, arguments)
    arguments.setdefault("name", variant and variant.lower())
    with values_later():
        model = builder(**{**arguments, "weights": None})
    model.metadata.update(_metadata(checkpoint, model))
    return fill_new_model(model, checkpoint, **loading)


def _check_names(builder, known, overrides):
    for name in overrides:
        if name not in known or name == "weights":
            raise ValueError(
                f"`keras_vit.{builder.__name__}`, which this checkpoint needs, has no "
                f"such argument. Received: {name}={overrides[name]!r}."
                f"{hint(name, known)}"
            )


def _complete(checkpoint, arguments, position_grid):
    """Finds what arrays cannot tell, or raises naming the argument to pass."""
    a = arguments
    if a.get("num_heads") is None:
        sizes = (a["hidden_dim"], a["num_layers"], a["mlp_dim"])
        a["num_heads"] = published_heads(*sizes)
        if a["num_heads"] is None:
            raise ValueError(
                f"{checkpoint.origin} does not state the number of attention heads. "
                "Pass `num_heads=`."
            )
        logger.info(
            "%s does not state the number of heads; took the published %d of models "
            "with hidden_dim=%d, num_layers=%d, mlp_dim=%d.",
            checkpoint.origin,
            a["num_heads"],
            *sizes,
        )
    for name in ("patch_size", "image_size"):
        if a.get(name) is None and not (name == "image_size" and "input_shape" in a):
            raise ValueError(
                f"{checkpoint.origin} does not tell `{name}`. Pass `{name}=`, as "
                "(height, width) if it is not square."
            )
    size = a.get("image_size")
    if size is not None and isinstance(size, (tuple, list)) and None in size:
        if POSITIONS in checkpoint:
            tokens = a["class_token"] + a["register_tokens"]
            rows = checkpoint.shape(POSITIONS)[1]
            patches = rows - position_prefix(checkpoint, tokens)
            a["position_grid"] = position_grid or grid_of_file(checkpoint, patches)
    else:
        a["position_grid"] = None


def _embeds_prefix(checkpoint, family, a, position_grid):
    """Whether the file's class and register tokens have positions of their own."""
    tokens = a["class_token"] + a["register_tokens"]
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
    return not tokens or position_prefix(checkpoint, tokens, patches) > 0


def _metadata(checkpoint, model):
    """What a file of this package carries, and the class names of a `config.json`."""
    metadata = dict(checkpoint.config.get("metadata") or {})
    labels = checkpoint.config.get("id2label") or {}
    names = [labels.get(str(i)) for i in range(len(labels))]
    generic = [f"LABEL_{i}" for i in range(len(labels))]
    if names and None not in names and names != generic:
        if model.output_shape[-1] == len(names):
            metadata["class_names"] = names
    return metadata
