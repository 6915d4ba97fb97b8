"""The arguments of a model's constructor, read from the arrays of its checkpoint."""

import re

from keras_vit.checkpoints.names.transforms import hwio, hwio_joined, transformed_shape
from keras_vit.checkpoints.names.vit import (
    CLASS_TOKEN,
    HEAD,
    PATCH_KERNEL,
    POSITIONS,
    REGISTER_TOKENS,
)
from keras_vit.checkpoints.positions import square_grid
from keras_vit.layers.tokens.patches import stem_factor

_BLOCK = "block_00/"
_FUSED = _BLOCK + "attention/query_key_value/kernel"
_QUERY_NORM = _BLOCK + "attention/query_norm/gamma"
# The activations of `config.json`; `None` for one that this package does not have.
_GELUS = {
    "gelu": "erf",
    "gelu_python": "erf",
    "gelu_new": "tanh",
    "gelu_fast": "tanh",
    "gelu_tanh": "tanh",
    "gelu_pytorch_tanh": "tanh",
    "quick_gelu": None,
}
_POOLINGS = {"token": "token", "avg": "gap", "map": "map"}
# The arguments that a file fixes without its arrays showing them.
_FACTS = (
    "gelu",
    "epsilon",
    "group_norm_epsilon",
    "standardization",
    "standardization_epsilon",
)


def family_of(checkpoint):
    """`"vit"`, `"hybrid"` or `"bit"`."""
    if checkpoint.settings:
        return checkpoint.settings["family"]
    if checkpoint.layout.family:
        return checkpoint.layout.family
    if PATCH_KERNEL not in checkpoint:
        return "bit"
    return "hybrid" if "root_conv/kernel" in checkpoint else "vit"


def facts_of(checkpoint):
    """The arguments that a file fixes without its arrays showing them.

    GELU kind, epsilons and the form of weight standardisation; from the file's own
    description where there is one, else as its project always has them.
    """
    if checkpoint.settings:
        known = checkpoint.settings["arguments"]
        return {name: known[name] for name in _FACTS if name in known}
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
    for path in reversed(HEAD):
        if path in checkpoint:
            shape = checkpoint.shape(path)
            return shape[-1] if shape else None
    return None


def token_counts(checkpoint):
    """How many class tokens and register tokens there are."""
    registers = REGISTER_TOKENS in checkpoint
    return (
        int(CLASS_TOKEN in checkpoint),
        checkpoint.shape(REGISTER_TOKENS)[1] if registers else 0,
    )


def patch_of(checkpoint):
    """`(height, width, channels)` of a patch, `None` where its pixels are flattened."""
    part = checkpoint.variables[PATCH_KERNEL][0]
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
    if not tokens or POSITIONS not in checkpoint:
        return 0
    if checkpoint.names(POSITIONS)[0].endswith(checkpoint.layout.prefixed_positions):
        return tokens
    rows = checkpoint.shape(POSITIONS)[1]
    if patches in (rows, rows - tokens):
        return tokens if patches == rows - tokens else 0
    # timm's `no_embed_class` and today's big_vision: a square without the prefix.
    return 0 if square_grid(rows) and not square_grid(rows - tokens) else tokens


def _configured(config, face, timm):
    """What a `config.json` says, under the name of Hugging Face or of timm."""
    return config.get(face) or (config.get("model_args") or {}).get(timm)


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
    config, pre_logits = checkpoint.config, "pre_logits/bias"
    hidden_dim = checkpoint.shape(PATCH_KERNEL)[-1]
    blocks = _numbers(checkpoint, r"block_(\d+)/mlp/dense_1/kernel")
    mlp = _BLOCK + "mlp/dense_1/kernel"
    class_token, register_tokens = token_counts(checkpoint)
    tokens = class_token + register_tokens
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
        "mlp_dim": checkpoint.shape(mlp)[-1] if blocks else None,
        "num_heads": _heads(checkpoint, hidden_dim),
        "pooling": pooling,
        "class_token": bool(class_token),
        "register_tokens": register_tokens,
        "pooled_norm": pooled_norm,
        "qk_norm": _QUERY_NORM in checkpoint,
        "layer_scale": 1e-5 if _BLOCK + "attention_scale/gamma" in checkpoint else None,
        "representation_size": (
            checkpoint.shape(pre_logits)[0] if pre_logits in checkpoint else None
        ),
        "position_embedding": "learned" if POSITIONS in checkpoint else "sincos2d",
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
    """The sizes of patches and images; a flattened patch is taken as a square."""
    reduction, channels = 1, 3
    if family == "hybrid":
        stages = len(found["num_blocks"])
        reduction = stem_factor(found["num_blocks"])
        channels = int(64 * found["width_factor"] * (reduction if stages else 1))
    if patch := patch_of(checkpoint):
        *patch, channels = patch
    else:
        patch = square_grid(checkpoint.variables[PATCH_KERNEL][0].shape[0] // channels)
    grid = None
    if POSITIONS in checkpoint:
        tokens = sum(token_counts(checkpoint))
        rows = checkpoint.shape(POSITIONS)[1]
        grid = square_grid(rows - position_prefix(checkpoint, tokens))
    size = grid and patch and [g * p * reduction for g, p in zip(grid, patch)]
    if family == "vit":
        stated = _configured(checkpoint.config, "image_size", "img_size") or size
        size = stated if hasattr(stated, "__len__") else stated and [stated] * 2
    sizes = {"patch_size": patch and list(patch), "image_size": size and list(size)}
    return {**sizes, "num_channels": channels} if family == "vit" else sizes
