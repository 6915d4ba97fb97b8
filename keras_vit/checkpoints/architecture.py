"""Reads the arguments of a model's constructor from the arrays of a checkpoint."""

import re

from keras_vit.checkpoints.names import vit as paths
from keras_vit.checkpoints.names.layouts import FACTS
from keras_vit.checkpoints.names.transforms import hwio, hwio_joined, transformed_shape
from keras_vit.checkpoints.positions import square_grid
from keras_vit.layers.tokens.patches import stem_factor

_BLOCK = "block_00/"
_FUSED = _BLOCK + "attention/query_key_value/kernel"
_QUERY_NORM = _BLOCK + "attention/query_norm/gamma"
# The activations of `config.json`, as far as this package has them.
_GELUS = {
    "gelu": "erf",
    "gelu_python": "erf",
    "gelu_new": "tanh",
    "gelu_fast": "tanh",
    "gelu_tanh": "tanh",
    "gelu_pytorch_tanh": "tanh",
}
_POOLINGS = {"token": "token", "avg": "gap", "map": "map"}


def family_of(checkpoint):
    """`"vit"`, `"hybrid"` or `"bit"`."""
    if checkpoint.settings:
        return checkpoint.settings["family"]
    if checkpoint.layout.family:
        return checkpoint.layout.family
    if paths.PATCH_KERNEL not in checkpoint:
        return "bit"
    return "hybrid" if "root_conv/kernel" in checkpoint else "vit"


def facts_of(checkpoint):
    """The arguments that a file fixes without its arrays showing them.

    GELU kind, epsilons and the form of weight standardisation; from the file's own
    description where there is one, else as its project always has them.
    """
    if checkpoint.settings:
        known = checkpoint.settings["arguments"]
        return {name: known[name] for name in FACTS if name in known}
    config, facts = checkpoint.config, dict(checkpoint.layout.facts)
    activation = _configured(config, "hidden_act", "act_layer")
    if activation and "gelu" in facts:
        facts["gelu"] = _GELUS.get(activation)
        if facts["gelu"] is None:
            raise ValueError(
                f"{checkpoint.origin} was trained with an activation that keras_vit "
                f"does not have. Received: {activation!r}"
            )
    if "layer_norm_eps" in config and "epsilon" in facts:
        facts["epsilon"] = float(config["layer_norm_eps"])
    for name, only in checkpoint.layout.required.items():
        if config.get(name, only) != only:
            raise ValueError(
                f"{checkpoint.origin} holds a model of a kind that keras_vit does not "
                f"have ({checkpoint.layout.name} layout): {name} must be {only!r}. "
                f"Received: {name}={config[name]!r}"
            )
    return facts


def arguments_of(checkpoint):
    """The constructor's arguments, as far as the checkpoint tells them.

    Returns:
        Dictionary of arguments; a value of `None` under `num_heads` or `image_size`
        means that it is needed and cannot be read.
    """
    if checkpoint.settings:
        return dict(checkpoint.settings["arguments"])
    family = family_of(checkpoint)
    found = {**facts_of(checkpoint), "num_classes": class_count(checkpoint) or 0}
    if family != "vit":
        found.update(_resnet(checkpoint))
    if family != "bit":
        found.update(_encoder(checkpoint))
        found.update(_sizes(checkpoint, family, found))
    return found


def class_count(checkpoint):
    """The classes of the head, or `None` where there is no head."""
    kernel, bias = paths.HEAD
    return _length(checkpoint, bias if bias in checkpoint else kernel, -1)


def token_counts(checkpoint):
    """How many class tokens and register tokens there are."""
    registers = _length(checkpoint, paths.REGISTER_TOKENS, 1) or 0
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
    if not tokens or paths.POSITIONS not in checkpoint:
        return 0
    name = checkpoint.names(paths.POSITIONS)[0]
    if name.endswith(checkpoint.layout.prefixed_positions):
        return tokens
    rows = _length(checkpoint, paths.POSITIONS, 1)
    if patches in (rows, rows - tokens):
        return tokens if patches == rows - tokens else 0
    # timm's `no_embed_class` and today's big_vision: a square without the prefix.
    return 0 if square_grid(rows) and not square_grid(rows - tokens) else tokens


def _configured(config, face, timm):
    """What a `config.json` says, under the name of Hugging Face or of timm."""
    return config.get(face) or (config.get("model_args") or {}).get(timm)


def _length(checkpoint, path, axis):
    """The length of an axis of a variable, or `None` where the file has none."""
    shape = checkpoint.shape(path) if path in checkpoint else None
    return shape[axis] if shape else None


def _numbers(checkpoint, pattern):
    """The numbers in the paths of variables that a pattern matches."""
    found = (re.fullmatch(pattern, path) for path in checkpoint.variables)
    return [tuple(map(int, match.groups())) for match in found if match]


def _resnet(checkpoint):
    units = {}
    for stage, unit in _numbers(checkpoint, r"stage(\d+)_unit(\d+)/conv_1/kernel"):
        units[stage] = max(units.get(stage, 0), unit)
    *_, channels, width = checkpoint.shape("root_conv/kernel")
    factor = width / 64
    return {
        "num_blocks": [units.get(stage, 0) for stage in range(1, len(units) + 1)],
        "width_factor": int(factor) if factor == int(factor) else factor,
        "num_channels": channels,
    }


def _encoder(checkpoint):
    config, hidden_dim = checkpoint.config, checkpoint.shape(paths.PATCH_KERNEL)[-1]
    blocks = _numbers(checkpoint, r"block_(\d+)/mlp/dense_1/kernel")
    class_token, register_tokens = token_counts(checkpoint)
    tokens, learned = class_token + register_tokens, paths.POSITIONS in checkpoint
    pooled_norm = "pooled_norm/gamma" in checkpoint
    pooling = _POOLINGS.get(config.get("global_pool"))
    if pooling is None:
        pooling = "token" if class_token and not pooled_norm else "gap"
    if pooling == "gap" and _configured(config, None, "pool_include_prefix"):
        pooling = "gap_all"
    if "pooling/probe" in checkpoint:
        pooling = "map"
    return {
        "num_layers": max(blocks, default=(-1,))[0] + 1,
        "hidden_dim": hidden_dim,
        "mlp_dim": _length(checkpoint, _BLOCK + "mlp/dense_1/kernel", -1),
        "num_heads": _heads(checkpoint, hidden_dim),
        "pooling": pooling,
        "class_token": bool(class_token),
        "register_tokens": register_tokens,
        "pooled_norm": pooled_norm,
        "qk_norm": _QUERY_NORM in checkpoint,
        "layer_scale": 1e-5 if _BLOCK + "attention_scale/gamma" in checkpoint else None,
        "representation_size": _length(checkpoint, paths.PRE_LOGITS[1], 0),
        "position_embedding": "learned" if learned else "sincos2d",
        "embed_prefix": not tokens or position_prefix(checkpoint, tokens) > 0,
    }


def _heads(checkpoint, hidden_dim):
    if heads := _configured(checkpoint.config, "num_attention_heads", "num_heads"):
        return heads
    if _FUSED in checkpoint:
        shape = checkpoint.variables[_FUSED][0].shape
        if len(shape) == 3:
            return shape[1]  # (D, heads, key_dim)
    if _QUERY_NORM in checkpoint:
        return hidden_dim // checkpoint.shape(_QUERY_NORM)[0]
    return None


def _sizes(checkpoint, family, found):
    """The sizes of patches and images.

    A flattened patch is taken as a square, of colours or else of one channel: no number
    of pixels is both.
    """
    reduction, channels = 1, 3
    if family == "hybrid":
        stages = len(found["num_blocks"])
        reduction = stem_factor(found["num_blocks"])
        channels = int(64 * found["width_factor"] * (reduction if stages else 1))
    if patch := patch_of(checkpoint):
        *patch, channels = patch
    else:
        pixels = _length(checkpoint, paths.PATCH_KERNEL, 0)
        if family == "vit" and square_grid(pixels):
            channels = 1
        patch = None if pixels % channels else square_grid(pixels // channels)
    grid, rows = None, _length(checkpoint, paths.POSITIONS, 1)
    if rows is not None:
        tokens = sum(token_counts(checkpoint))
        grid = square_grid(rows - position_prefix(checkpoint, tokens))
    size = grid and patch and [g * p * reduction for g, p in zip(grid, patch)]
    if family == "vit":
        stated = _configured(checkpoint.config, "image_size", "img_size") or size
        size = stated if hasattr(stated, "__len__") else stated and [stated] * 2
    sizes = {"patch_size": patch and list(patch), "image_size": size and list(size)}
    return {**sizes, "num_channels": channels} if family == "vit" else sizes
