"""Reads the arguments of a model's constructor from the arrays of a checkpoint."""

import math

from keras_vit.checkpoints.names import vit as paths
from keras_vit.checkpoints.names.layouts import FACTS
from keras_vit.checkpoints.names.segmenter import FAMILY as SEGMENTER
from keras_vit.checkpoints.names.transforms import hwio, hwio_joined, transformed_shape
from keras_vit.checkpoints.names.yolos import FAMILY as YOLOS
from keras_vit.checkpoints.positions import square_grid
from keras_vit.checkpoints.sizes import (
    alexnet,
    batch_norm_resnet,
    efficientnet,
    encoder,
    lenet,
    neocognitron,
    segmenter,
    unet,
    vgg,
    yolos,
)
from keras_vit.layers.tokens.grids import stem_factor

# Of each family of the lineage: a function from a checkpoint to arguments.
READERS = {
    "lenet": lenet.arguments,
    "alexnet": alexnet.arguments,
    "vgg": vgg.arguments,
    "resnet": batch_norm_resnet.arguments,
    "unet": unet.arguments,
    "efficientnet": efficientnet.arguments,
    "transformer encoder": encoder.arguments,
    "neocognitron": neocognitron.arguments,
}

_BLOCK = "block_00/"
_FUSED = _BLOCK + "attention/query_key_value/kernel"
_QUERY_NORM = _BLOCK + "attention/query_norm/gamma"
_MLP = (_BLOCK + "mlp/dense_1/kernel", _BLOCK + "mlp/dense_2/kernel")
# What `arguments_of` may leave open, because no file of some kinds says it.
ASKED = {
    "num_heads": "the number of attention heads",
    "position_embedding": "its positions: it holds none, and models with rotary or "
    "relative positions are not supported ('none' or 'sincos2d' are)",
    "patch_size": "the size of the patches",
    "image_size": "the image size",
    "activation": "its activation ('tanh' or 'relu')",
    "subsampling": "how it subsamples ('average' or 'max')",
    "lrn": "its local response normalisation ('paper', 'caffe' or 'none')",
    "grid_size": "the positions that its first dense layer reads",
    "gelu": "the kind of GELU, of which its project has several ('erf' or 'quick')",
    "padding": "how its convolutions pad: an EfficientNet's 'same' (Google's, timm's "
    "`tf_efficientnet_*`) or 'symmetric' (timm's own), a U-Net's 'same' or 'valid'",
    "stride_in": "where its stride is, of which ResNets have two kinds: '1x1' (v1, the "
    "paper's and Keras's) or '3x3' (v1.5, torchvision's and timm's)",
    "decoder_heads": "the attention heads of its mask transformer",
    "pooling": "what its head reads",
    "form": "its form ('1980' or '1988')",
    "skip_first": "in which order a U-Net joins what was upsampled and what was not",
    "upconv_relu": "whether a ReLU follows the up-convolutions",
}


def family_of(checkpoint):
    """`"vit"`, `"hybrid"` or `"bit"`."""
    if checkpoint.settings:
        return checkpoint.settings["family"]
    if checkpoint.layout.family:
        return checkpoint.layout.family
    if paths.PATCH_KERNEL not in checkpoint:
        return "bit"
    return "hybrid" if "root_conv/kernel" in checkpoint else "vit"


def stated_facts(checkpoint):
    """The arguments of which arrays show nothing, as far as the file itself says them.

    GELU kind, epsilons and the form of weight standardisation.
    """
    if checkpoint.settings:
        known = checkpoint.settings["arguments"]
        return {name: known[name] for name in FACTS if name in known}
    return dict(checkpoint.described.facts)


def facts_of(checkpoint):
    """`stated_facts`, completed by what the project always has.

    `None` where its files differ, so that the user must say it.
    """
    stated = stated_facts(checkpoint)
    return stated if checkpoint.settings else {**checkpoint.layout.facts, **stated}


def arguments_of(checkpoint):
    """The constructor's arguments, as far as the checkpoint tells them.

    Returns:
        Dictionary of arguments; `None` under a name of `ASKED` but `pooling`, or no
        such name, means that it is needed and cannot be read.
    """
    if checkpoint.settings:
        return dict(checkpoint.settings["arguments"])
    family = family_of(checkpoint)
    found = {**facts_of(checkpoint), "num_classes": class_count(checkpoint) or 0}
    if family in READERS:
        found.update(READERS[family](checkpoint))
        _check_complete(checkpoint, found)
    elif family == "bit":
        found.update(_resnet(checkpoint), pooling="gap")
    else:
        found.update(_resnet(checkpoint) if family == "hybrid" else {})
        found.update(_encoder(checkpoint))
        reads_pixels = family != "hybrid"
        found.update(_sizes(checkpoint, "vit" if reads_pixels else family))
    if family == SEGMENTER:
        head = segmenter.arguments(checkpoint, found)
        _check_complete(
            checkpoint, {k: v for k, v in head.items() if k != "decoder_heads"}
        )
        found.update(head)
    if family == YOLOS:
        own = yolos.arguments(checkpoint, found)
        _check_complete(checkpoint, own)
        found.update(own)
    for name, argument, size in checkpoint.described.sizes:
        if size is not None and found.get(argument, size) != size:
            raise ValueError(
                f"{checkpoint.origin} contradicts its configuration, which says "
                f"{name}={size}; its arrays are those of {argument}={found[argument]}."
            )
    return found


def _check_complete(checkpoint, found):
    """Raises if arrays are missing from which a size is read."""
    for name, value in found.items():
        values = value if isinstance(value, list) else [value]
        if name not in ASKED and None in values:
            raise ValueError(
                f"{checkpoint.origin} is incomplete: no array tells {name}. Received: "
                f"{len(checkpoint.arrays)} arrays, from which {name}={value}. Fetch it "
                "again, or save it anew with the program that wrote it."
            )


def class_count(checkpoint):
    """The classes of the head, or `None` where there is no head."""
    lengths = (checkpoint.length(path, axis) for path, axis in paths.CLASSES)
    return next((length for length in lengths if length is not None), None)


def token_counts(checkpoint):
    """How many class tokens and register tokens there are."""
    registers = checkpoint.length(paths.REGISTER_TOKENS, 1) or 0
    return int(paths.CLASS_TOKEN in checkpoint), registers


def patch_of(checkpoint):
    """`(height, width, channels)` of a patch, `None` where its pixels are flattened."""
    part = checkpoint.variables[paths.PATCH_KERNEL][0]
    if len(part.shape) != 4:
        return None
    is_torch = part.transform is hwio_joined
    return (transformed_shape(hwio, part.shape) if is_torch else part.shape)[:3]


def position_prefix(checkpoint, tokens, patches=None):
    """How many leading position vectors belong to class and register tokens.

    Args:
        checkpoint: A `Checkpoint` with learned position embeddings.
        tokens: Integer, the class and register tokens of the checkpoint.
        patches: Integer or `None`, the patches that are expected.
    """
    arguments = checkpoint.settings.get("arguments", {})
    if "embed_prefix" in arguments:
        return tokens if arguments["embed_prefix"] else 0
    if "detection_tokens" in arguments:
        return tokens
    if not tokens or paths.POSITIONS not in checkpoint:
        return 0
    choices = _prefixes(checkpoint, tokens)
    name = checkpoint.names(paths.POSITIONS)[0]
    if name.endswith(checkpoint.layout.prefixed_positions):
        return choices[0]
    rows = checkpoint.length(paths.POSITIONS, 1)
    if patches not in (rows - prefix for prefix in choices):
        grid = stated_grid(checkpoint)
        patches = grid and math.prod(grid)
    for prefix in choices:
        if rows - prefix == patches:
            return prefix
    # timm's `no_embed_class` and today's big_vision: a square without the prefix.
    squares = (prefix for prefix in choices if square_grid(rows - prefix))
    return next(squares, choices[0])


def _prefixes(checkpoint, tokens):
    """How many tokens before the patches may have positions, the likeliest first."""
    class_tokens, registers = token_counts(checkpoint)
    choices = (tokens, class_tokens, 0)
    # DINOv2 puts its registers in after the positions are added.
    names = checkpoint.names(paths.REGISTER_TOKENS) if registers else ()
    if any(name.endswith("register_tokens") for name in names):
        choices = (class_tokens, tokens, 0)
    return tuple(dict.fromkeys(choices))


def stated_grid(checkpoint):
    """The grid of patches that the file's configuration means, or `None`.

    A size that contradicts the file's positions is passed over: files that were
    fine-tuned with images of another size may still name the former one.
    """
    described, rows = checkpoint.described, checkpoint.length(paths.POSITIONS, 1)
    preparation = described.preparation
    sizes = (
        described.arguments.get("image_size"),
        preparation and preparation.image_size,
    )
    tokens = sum(token_counts(checkpoint))
    for size in filter(None, sizes):
        grid = _grid(checkpoint, size)
        prefixes = _prefixes(checkpoint, tokens)
        if grid and (rows is None or rows - math.prod(grid) in prefixes):
            return grid
    return None


def _grid(checkpoint, size):
    """The patches of images of a size, or `None` where their size is unknown."""
    patch, reduction = patch_of(checkpoint), reduction_of(checkpoint)
    if patch is None:
        return None
    grid = tuple(-(-side // reduction) // p for side, p in zip(size, patch))
    return grid if all(grid) else None


def reduction_of(checkpoint):
    """How many pixels a position of the feature map stands for; 1 without a ResNet."""
    if family_of(checkpoint) != "hybrid":
        return 1
    return stem_factor(_resnet(checkpoint)["num_blocks"])


def _resnet(checkpoint):
    units, widths = {}, {}
    for stage, unit in checkpoint.numbers(r"stage(\d+)_unit(\d+)/conv_1/kernel"):
        units[stage] = max(units.get(stage, 0), unit)
        widths[stage] = checkpoint.length(f"stage{stage}_unit01/conv_3/kernel", -1)
    *_, channels, width = checkpoint.shape("root_conv/kernel")
    factor = width / 64
    found = {
        "num_blocks": [units.get(stage, 0) for stage in range(1, len(units) + 1)],
        "width_factor": int(factor) if factor == int(factor) else factor,
        "num_channels": channels,
    }
    usual = {stage: 4 * width * 2 ** (stage - 1) for stage in units}
    if None not in widths.values() and widths != usual:
        found["stage_widths"] = [widths[stage] for stage in sorted(units)]
    return found


def _encoder(checkpoint):
    described = checkpoint.described.arguments
    hidden_dim = checkpoint.shape(paths.PATCH_KERNEL)[-1]
    blocks = checkpoint.numbers(r"block_(\d+)/mlp/dense_1/kernel")
    class_token, register_tokens = token_counts(checkpoint)
    tokens, learned = class_token + register_tokens, paths.POSITIONS in checkpoint
    outer, inner = checkpoint.length(_MLP[0], -1), checkpoint.length(_MLP[1], 0)
    swiglu = bool(inner) and outer == 2 * inner
    found = {
        "num_layers": max(blocks, default=(-1,))[0] + 1,
        "hidden_dim": hidden_dim,
        "mlp_dim": inner if swiglu else outer,
        "num_heads": _heads(checkpoint, hidden_dim),
        "class_token": bool(class_token),
        "register_tokens": register_tokens,
        "pooled_norm": "pooled_norm/gamma" in checkpoint,
        "qk_norm": _QUERY_NORM in checkpoint,
        "layer_scale": 1e-5 if _BLOCK + "attention_scale/gamma" in checkpoint else None,
        "representation_size": checkpoint.length(paths.PRE_LOGITS[1], 0),
        "position_embedding": "learned"
        if learned
        else described.get("position_embedding") or checkpoint.layout.without_positions,
        "embed_prefix": position_prefix(checkpoint, tokens) == tokens,
    }
    # Models of this package from before these arguments lack them.
    unusual = {
        "qkv_bias": _FUSED.replace("kernel", "bias") in checkpoint,
        "patch_bias": paths.PATCH_BIAS in checkpoint,
        "pre_norm": "pre_norm/gamma" in checkpoint,
        "swiglu": swiglu,
    }
    return {**found, **unusual, **_pooling(checkpoint, found)}


def _pooling(checkpoint, found):
    """`{"pooling": ...}`, or nothing where no file of this kind says it."""
    head = checkpoint.variables.get(paths.HEAD[0])
    if head and head[0].axis == 0:
        return {"pooling": "prefix"}  # two heads folded into one
    registers = checkpoint.variables.get(paths.REGISTER_TOKENS, ())
    if not head and any(part.name.endswith("dist_token") for part in registers):
        return {}  # timm then gives the mean of both tokens
    stated = checkpoint.described.arguments
    if "pooling" in stated:
        return {"pooling": stated["pooling"]}
    if "pooling/probe" in checkpoint:
        return {"pooling": "map"}
    reads_token = found["class_token"] and not found["pooled_norm"]
    return {"pooling": "token" if reads_token else "gap"}


def _heads(checkpoint, hidden_dim):
    if heads := checkpoint.described.arguments.get("num_heads"):
        return heads
    if _FUSED in checkpoint:
        shape = checkpoint.variables[_FUSED][0].shape
        if len(shape) == 3:
            return shape[1]  # (D, heads, key_dim)
    if _QUERY_NORM in checkpoint:
        return hidden_dim // checkpoint.shape(_QUERY_NORM)[0]
    return None


def _sizes(checkpoint, family):
    """The sizes of patches and images.

    A flattened patch is taken as a square, of colours or else of one channel: no number
    of pixels is both.
    """
    reduction, channels = reduction_of(checkpoint), 3
    if family == "hybrid":
        found = _resnet(checkpoint)
        stages = len(found["num_blocks"])
        channels = int(64 * found["width_factor"] * (reduction if stages else 1))
        channels = found.get("stage_widths", [channels])[-1]
    if patch := patch_of(checkpoint):
        *patch, channels = patch
    else:
        pixels = checkpoint.length(paths.PATCH_KERNEL, 0)
        if family == "vit" and square_grid(pixels):
            channels = 1
        patch = None if pixels % channels else square_grid(pixels // channels)
    stated = checkpoint.described.arguments.get("image_size")
    size, grid = None, stated_grid(checkpoint)
    if grid is not None:
        said = (stated, getattr(checkpoint.preparation, "image_size", None))
        size = next(s for s in said if s and _grid(checkpoint, s) == grid)
    elif (rows := checkpoint.length(paths.POSITIONS, 1)) is not None:
        if stated is not None and patch_of(checkpoint):
            raise ValueError(
                f"{checkpoint.origin} contradicts its configuration, which says images "
                f"of {stated[0]}x{stated[1]} pixels; it has {rows} positions."
            )
        tokens = sum(token_counts(checkpoint))
        grid = square_grid(rows - position_prefix(checkpoint, tokens))
        size = grid and patch and [g * p * reduction for g, p in zip(grid, patch)]
    sizes = {"patch_size": patch and list(patch), "image_size": size and list(size)}
    return {**sizes, "num_channels": channels} if family == "vit" else sizes
