"""Opens the weights that a user names, and fills models with them."""

import logging
import math
import os

from keras_vit.checkpoints.architecture import (
    ASKED,
    arguments_of,
    facts_of,
    family_of,
    patch_of,
    position_prefix,
    stated_facts,
)
from keras_vit.checkpoints.checkpoint import Checkpoint
from keras_vit.checkpoints.files.errors import naming_its
from keras_vit.checkpoints.names.vit import (
    CLASS_TOKEN,
    PATCH_KERNEL,
    POSITIONS,
)
from keras_vit.checkpoints.opening import open_source
from keras_vit.checkpoints.plan.load import fill, log_report, make_plan
from keras_vit.checkpoints.plan.position_plan import kernel_of
from keras_vit.checkpoints.registry import (
    find_source,
    is_registered,
    published_preparation,
)
from keras_vit.models.preprocessing import (
    FROM_WEIGHTS,
    resolve_scaling,
    scaling_text,
)
from keras_vit.models.pretrained.describing import describe
from keras_vit.models.pretrained.initial_values import forget, give_values
from keras_vit.models.variants.identify import describe_difference, variant_of
from keras_vit.models.vision_model import grid_of_settings, look_inside, settings_of

logger = logging.getLogger(__name__)

USUAL_SCALING = (
    "images in [-1, 1]; if it was trained with others, pass `input_scaling=`: "
    "'imagenet', 'clip', or (mean, deviation)"
)


@naming_its("source")
def load_weights(
    model,
    source,
    *,
    strict=True,
    skip=(),
    keep=(),
    position_kernel=None,
    position_grid=None,
    in_channels_rule=None,
    average=None,
    offline=None,
):
    """Fills a model from a checkpoint of any known kind.

    Every array must find its variable and every variable its array, of the same
    shape; all of that is checked, and every value read and found finite, before the
    first variable changes. What may differ:

    - A head of another number of classes starts from zero (an INFO line says so),
      as does a head whose features changed.
    - `pre_logits` is dropped where the model has none.
    - Position embeddings are resized to the model's grid.

    Args:
        model: A model of this package, or a part cut out of one; or a
            `keras_vit.layers.TransformerEncoder`, once it is built.
        source: A registered name (see `keras_vit.list_weights`), such as
            `"imagenet"`, `"imagenet21k"`, `"augreg"`, `"augreg:<file name>"` or
            `"bit-m"`; the path of a `.npz`, safetensors, `.keras` or `.weights.h5`
            file, of a run folder, or of a folder with `model.safetensors` and
            `config.json`; a URL, its SHA-256 after `#sha256=`; `"hf://owner/repo"`;
            a dictionary of arrays; or another Keras model.
        strict: Boolean. If false, what does not fit is left out and listed.
        skip: Names of arrays that are not read, `"head"` standing for all that
            begins with it; `*` matches anything.
        keep: Paths of variables that keep their values, in the same way.
        position_kernel: `"official"`, `"bilinear"`, `"bicubic"` or
            `"bicubic_antialias"`, how position embeddings are resized. Defaults to
            the way of the project that the file is from.
        position_grid: Pair `(rows, columns)`, the grid of the file's position
            embeddings. Defaults to a square.
        in_channels_rule: How a kernel for other numbers of channels is made:
            `"sum"` or `"repeat"`. By default other channels are an error.
        average: Boolean, whether to take the moving average of the weights, where the
            file has one beside them. By default the weights are taken, and a warning
            says so.
        offline: Boolean, whether to use files that are already there only. Defaults
            to the environment variable `KERAS_VIT_OFFLINE`.

    Returns:
        A `LoadReport`: what was used, resized, re-initialised, unused, unfilled.

    Raises:
        ValueError: if the source is broken, unknown, or does not fit. The message
            names every array and variable that is left over, with both shapes.

    Example:

    >>> model = keras_vit.ViT_B16(num_classes=10)
    >>> report = keras_vit.load_weights(model, "ViT-B_16.npz")
    """
    settings = settings_of(model)
    if inside := look_inside(model):
        raise ValueError(
            "`model` must be made by a constructor of keras_vit, or cut out of such a "
            f"model. Received: {model.name!r}.{inside}"
        )
    if not model.built:
        raise ValueError(
            "`model` must be built, so that it has weights to fill. Received: "
            f"{model.name!r}. Call it once, or its `build` with the shape of its input."
        )
    checkpoint = open_any(
        source, settings.get("family"), settings.get("arguments", {}), offline, average
    )
    if strict and settings:
        _check_model(checkpoint, settings["family"], settings["arguments"])
    _compare_scaling(checkpoint, settings.get("arguments", {}))
    plan = make_plan(
        model,
        checkpoint,
        strict=strict,
        skip=skip,
        keep=keep,
        position_kernel=position_kernel,
        position_grid=position_grid,
        in_channels_rule=in_channels_rule,
    )
    return fill(plan)


# What the weights decide where the user does not: which parts a model has, and what its
# head reads.
_PARTS = (
    "register_tokens",
    "position_embedding",
    "position_scope",
    "qkv_bias",
    "patch_bias",
    "pre_norm",
    "swiglu",
    "qk_norm",
    "layer_scale",
    "stage_widths",
    "widths",
    "hidden_dims",
    "grid_size",
    "batch_norm",
    "upconv_widths",
    "detection_tokens",
    "mid_positions",
)


def _take_parts(checkpoint, options, given):
    """Replaces arguments that were not given by those of the weights' model."""
    theirs, names = arguments_of(checkpoint), _PARTS
    as_theirs = options.get("pooling") == theirs.get("pooling")
    # Masked pretraining has the settings of a head, but none.
    if not checkpoint.masked and ("pooling" not in given or as_theirs):
        names = (*names, "pooling", "pooled_norm")
    for name in names:
        known = name in theirs and not (name == "grid_size" and theirs[name] is None)
        if known and name in options and name not in given:
            options[name] = theirs[name]
    # A class token stays, also where the head does not read it.
    if CLASS_TOKEN in checkpoint and options.get("class_token", 0) is None:
        options["class_token"] = True


def decide_prefix(checkpoint, family, a, given):
    """Sets `a.embed_prefix`, if it was not given, to what the weights have.

    Args:
        checkpoint: A `Checkpoint`, or `None` to do nothing.
        family: String.
        a: Namespace of the constructor's checked arguments.
        given: Names of those that the user gave.
    """
    if checkpoint is None or POSITIONS not in checkpoint or "embed_prefix" in given:
        return
    if not hasattr(a, "embed_prefix"):  # a YOLOS, whose tokens all have positions
        return
    tokens = a.class_token + a.register_tokens
    grid = grid_of_settings({"family": family, "arguments": vars(a)})
    if tokens and grid is not None:
        prefix = position_prefix(checkpoint, tokens, math.prod(grid))
        a.embed_prefix = prefix == tokens


@naming_its("options", "weights")
def open_weights(family, options, given):
    """Opens the `weights` of a constructor, and lets them decide what is open.

    Takes `weights` out of `options`, and replaces the arguments that were not given by
    what the file was trained with, such as the kind of GELU.

    Args:
        family: String, that of the constructor.
        options: Dictionary of all arguments of the constructor; changed in place.
        given: Names of those that the user gave.

    Returns:
        A `Checkpoint`, or `None` where there are no weights.

    Raises:
        ValueError: if the source is broken, or contradicts an argument.
    """
    weights = options.pop("weights")
    if weights is None:
        return None
    checkpoint = open_any(weights, family, options)
    _check_model(checkpoint, family, options)
    if options.get("input_scaling") == FROM_WEIGHTS:
        options["input_scaling"] = checkpoint.input_scaling
        if not says_scaling(checkpoint):
            logger.warning("%s: assumed %s.", checkpoint.origin, USUAL_SCALING)
    _take_parts(checkpoint, options, given)
    if "position_kernel" in options and options["position_kernel"] is None:
        options["position_kernel"] = kernel_of(checkpoint)
    stated = stated_facts(checkpoint)
    for name, fact in facts_of(checkpoint).items():
        if name in given and options[name] != fact:
            if name in stated:
                raise ValueError(
                    f"`{name}` must be what the weights were trained with. Received: "
                    f"{name}={options[name]!r}, and weights of {checkpoint.origin} "
                    f"({checkpoint.layout.name} layout), trained with "
                    f"{name}={fact!r}. Leave `{name}` out."
                )
        elif name in options and fact is None:
            raise ValueError(
                f"`{name}` must be given: {checkpoint.origin} does not say "
                f"{ASKED[name]}."
            )
        elif name in options:
            options[name] = fact
    return checkpoint


def channels_of(weights):
    """The channels of the images that weights are for, or `None` where unknown.

    Args:
        weights: What `load_weights` takes as its source.

    Raises:
        ValueError: if the source is broken or unknown.
    """
    if isinstance(weights, str) and is_registered(weights):
        return 3  # all that are published
    return arguments_of(_opened(weights, None, {})).get("num_channels")


def family_of_weights(weights):
    """The family of the model that weights are of, or `None` where a name is published.

    Args:
        weights: What `load_weights` takes as its source.

    Raises:
        ValueError: if the source is broken or unknown.
    """
    if isinstance(weights, str) and is_registered(weights):
        return None  # many models have weights of that name
    return family_of(_opened(weights, None, {}))


def backbone_of_weights(weights):
    """The family of the backbone of a segmenter or detector that this package saved.

    `None` of all others. Arguments and errors are those of `family_of_weights`.
    """
    return _opened(weights, None, {}).settings.get("arguments", {}).get("backbone")


@naming_its("checkpoint")
def fill_new_model(model, checkpoint, **options):
    """Fills a model that has just been built; on an error it is thrown away.

    Args:
        model: The model, built within `values_later`.
        checkpoint: A `Checkpoint`, or `None` to do nothing.
        **options: Those of `make_plan`.
    """
    if checkpoint is None:
        return model
    _compare_scaling(checkpoint, settings_of(model).get("arguments", {}))
    try:
        plan = make_plan(model, checkpoint, **options)
    except BaseException:
        forget(model.variables)
        raise
    values = ((plan.variables[path], value) for path, value in plan.values())
    give_values(model.variables, values)
    describe(model, plan)
    log_report(plan)
    return model


def says_scaling(checkpoint):
    """Whether a file, or what it is known by, says how its images were scaled."""
    return bool(
        checkpoint.settings or checkpoint.preparation or checkpoint.layout.usual_scaling
    )


def _compare_scaling(checkpoint, arguments):
    """Warns where a model scales images otherwise than its weights were trained with.

    The model is as the user wants it, but it may be a mistake.
    """
    says = checkpoint.settings or checkpoint.preparation
    if not says or "input_scaling" not in arguments:
        return
    ours = arguments["input_scaling"]
    try:
        theirs = resolve_scaling(checkpoint.input_scaling, arguments["num_channels"])
    except ValueError:  # of another number of channels
        return
    if theirs != ours:
        logger.warning(
            "The weights of %s were trained with images scaled to %s, the model scales "
            "them to %s (of images in [0, 1]). A model built with "
            "input_scaling='weights' scales them as its weights want.",
            checkpoint.origin,
            *(scaling_text(each or ([0.5], [0.5])) for each in (theirs, ours)),
        )


def open_any(source, family, arguments, offline=None, average=None):
    """A `Checkpoint` of a registered name, an address, a file or an object."""
    if isinstance(source, Checkpoint):
        return source
    checkpoint = _opened(source, family, arguments, offline, average)
    for note in (*checkpoint.notes, *checkpoint.described.notes):
        logger.warning("%s %s", checkpoint.origin, note)
    return checkpoint


def _opened(source, family, arguments, offline=None, average=None):
    published = None
    if isinstance(source, (str, bytes, os.PathLike)):
        name, variant = os.fsdecode(source), None
        size = arguments.get("image_size")
        if is_registered(name):
            variant = variant_of(family, arguments)
            published = published_preparation(name, variant, size)
        source = find_source(name, variant, size, offline)
    checkpoint = open_source(source, average)
    checkpoint.published = published
    return checkpoint


def _check_model(checkpoint, family, arguments):
    """Raises, naming both models, unless the weights are for this one."""
    theirs = arguments_of(checkpoint)
    if family == "vit" and _same_pixels(checkpoint, arguments):
        theirs["patch_size"] = None  # which flattened pixels do not tell
    difference = describe_difference(family, arguments, family_of(checkpoint), theirs)
    if difference:
        raise ValueError(
            f"The weights of {checkpoint.origin} are for another model: {difference}. "
            "Nothing was changed. Build their model with `keras_vit.from_checkpoint`."
        )


def _same_pixels(checkpoint, arguments):
    """Whether flattened patches of a file have as many numbers as the model's."""
    if PATCH_KERNEL not in checkpoint or patch_of(checkpoint) or checkpoint.settings:
        return False
    shape = arguments.get("input_shape") or (arguments.get("num_channels"),)
    channels, patch = shape[-1], arguments.get("patch_size")
    sides = patch if isinstance(patch, (list, tuple)) else (patch, patch)
    return (
        None not in (*sides, channels)
        and math.prod((*sides, channels)) == checkpoint.shape(PATCH_KERNEL)[0]
    )
