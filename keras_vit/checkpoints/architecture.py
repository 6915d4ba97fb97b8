"""The arguments of a model's constructor, read from the arrays of its checkpoint."""

import re

from keras_vit.checkpoints.names.vit import CLASS_TOKEN, HEAD, PATCH_KERNEL, POSITIONS
from keras_vit.checkpoints.positions import square_grid

_FUSED = "block_00/attention/query_key_value/kernel"
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


def family_of(checkpoint):
    """`"vit"`, `"hybrid"` or `"bit"`."""
    settings = checkpoint.config.get("settings")
    if settings:
        return settings["family"]
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
    settings = checkpoint.config.get("settings")
    if settings:
        names = (
            "gelu",
            "epsilon",
            "group_norm_epsilon",
            "standardization",
            "standardization_epsilon",
        )
        known = settings["arguments"]
        return {name: known[name] for name in names if name in known}
    facts = dict(checkpoint.layout.facts)
    config = checkpoint.config
    activation = config.get("hidden_act") or _model_args(config).get("act_layer")
    if activation and "gelu" in facts:
        facts["gelu"] = _GELUS.get(activation)
        if facts["gelu"] is None:
            raise ValueError(
                f"{checkpoint.origin} was trained with an activation that keras_vit "
                f"does not have. Received: {activation!r}"
            )
    if checkpoint.layout.name == "Hugging Face BiT":
        for name, only in (("layer_type", "preactivation"), ("global_padding", None)):
            if config.get(name, only) != only:
                raise ValueError(
                    f"{checkpoint.origin} holds a BiT that keras_vit does not have: "
                    f"{name} must be {only!r}. Received: {name}={config[name]!r}"
                )
    if "layer_norm_eps" in config and "epsilon" in facts:
        facts["epsilon"] = float(config["layer_norm_eps"])
    return facts


def arguments_of(checkpoint):
    """The constructor's arguments, as far as the checkpoint tells them.

    Returns:
        Dictionary of arguments; a value of `None` under `num_heads` or `image_size`
        means that it is needed and cannot be read.
    """
    settings = checkpoint.config.get("settings")
    if settings:
        return dict(settings["arguments"])
    family = family_of(checkpoint)
    found = dict(facts_of(checkpoint))
    found["num_classes"] = class_count(checkpoint) or 0
    if family != "vit":
        found.update(_resnet(checkpoint))
    if family != "bit":
        found.update(_encoder(checkpoint))
        patch, channels = _patches(checkpoint, family)
        found.update(patch_size=patch)
        if family == "vit":
            found.update(num_channels=channels)
        grid = _grid(checkpoint, found)
        reduction = 1
        if family == "hybrid":
            reduction = 4 * 2 ** max(len(found["num_blocks"]) - 1, 0)
        found["image_size"] = grid and [g * p * reduction for g, p in zip(grid, patch)]
        size = checkpoint.config.get("image_size")  # Hugging Face
        size = size or _model_args(checkpoint.config).get("img_size")  # timm
        if size and family == "vit":
            found["image_size"] = list(size) if hasattr(size, "__len__") else [size] * 2
    return found


def class_count(checkpoint):
    """The classes of the head, or `None` where there is no head."""
    for path in reversed(HEAD):
        if path in checkpoint:
            shape = checkpoint.shape(path)
            return shape[-1] if shape else None
    return None


def _resnet(checkpoint):
    units = {}
    for path in checkpoint.variables:
        if match := re.fullmatch(r"stage(\d+)_unit(\d+)/conv_1/kernel", path):
            stage, unit = int(match[1]), int(match[2])
            units[stage] = max(units.get(stage, 0), unit)
    *_, channels, width = checkpoint.shape("root_conv/kernel")
    factor = width / 64
    return dict(
        num_blocks=[units.get(stage, 0) for stage in range(1, len(units) + 1)],
        width_factor=int(factor) if factor == int(factor) else factor,
        num_channels=channels,
    )


def _encoder(checkpoint):
    config = checkpoint.config
    hidden_dim = checkpoint.shape(PATCH_KERNEL)[-1]
    layers = [
        int(match[1])
        for path in checkpoint.variables
        if (match := re.fullmatch(r"block_(\d+)/mlp/dense_1/kernel", path))
    ]
    class_token = CLASS_TOKEN in checkpoint
    registers = "patch_encoder/register_tokens"
    pooled_norm = "pooled_norm/gamma" in checkpoint
    pooling = _POOLINGS.get(config.get("global_pool"))
    if pooling is None:
        pooling = "token" if class_token and not pooled_norm else "gap"
    if pooling == "gap" and _model_args(config).get("pool_include_prefix"):
        pooling = "gap_all"
    if "pooling/probe" in checkpoint:
        pooling = "map"
    pre_logits = "pre_logits/bias"
    positions = "learned" if POSITIONS in checkpoint else "sincos2d"
    found = dict(
        num_layers=max(layers, default=-1) + 1,
        hidden_dim=hidden_dim,
        mlp_dim=checkpoint.shape("block_00/mlp/dense_1/kernel")[-1] if layers else None,
        num_heads=_heads(checkpoint, hidden_dim),
        pooling=pooling,
        class_token=class_token,
        register_tokens=checkpoint.shape(registers)[1]
        if registers in checkpoint
        else 0,
        pooled_norm=pooled_norm,
        qk_norm="block_00/attention/query_norm/gamma" in checkpoint,
        layer_scale=1e-5 if "block_00/attention_scale/gamma" in checkpoint else None,
        representation_size=(
            checkpoint.shape(pre_logits)[0] if pre_logits in checkpoint else None
        ),
        position_embedding=positions,
    )
    tokens = found["class_token"] + found["register_tokens"]
    found["embed_prefix"] = not tokens or position_prefix(checkpoint, tokens) > 0
    return found


def _heads(checkpoint, hidden_dim):
    if "num_attention_heads" in checkpoint.config:
        return checkpoint.config["num_attention_heads"]
    if "num_heads" in _model_args(checkpoint.config):
        return _model_args(checkpoint.config)["num_heads"]
    if _FUSED in checkpoint and len(checkpoint.raw_shape(_FUSED)) == 3:
        return checkpoint.raw_shape(_FUSED)[1]  # (D, heads, key_dim)
    norm = "block_00/attention/query_norm/gamma"
    if norm in checkpoint:
        return hidden_dim // checkpoint.shape(norm)[0]
    return None


def _patches(checkpoint, family):
    """`(patch_size, channels)`; a flattened kernel is taken as a square of RGB."""
    shape = checkpoint.raw_shape(PATCH_KERNEL)
    if len(shape) == 4 and "weight" in checkpoint.names(PATCH_KERNEL)[0]:
        return list(shape[2:]), shape[1]
    if len(shape) == 4:
        return list(shape[:2]), shape[2]
    channels = 3
    if family == "hybrid":
        stages = _resnet(checkpoint)
        width = 64 * stages["width_factor"]
        count = len(stages["num_blocks"])
        channels = int(width * 4 * 2 ** (count - 1) if count else width)
    side = square_grid(shape[0] // channels)
    return (list(side) if side else None), channels


def _grid(checkpoint, found):
    if POSITIONS not in checkpoint:
        return None
    tokens = found["class_token"] + found["register_tokens"]
    rows = checkpoint.shape(POSITIONS)[1]
    return square_grid(rows - position_prefix(checkpoint, tokens))


def position_prefix(checkpoint, tokens, patches=None):
    """How many leading position vectors belong to class and register tokens.

    Args:
        checkpoint: A `Checkpoint` with learned position embeddings.
        tokens: Integer, the class and register tokens of the checkpoint.
        patches: Integer or `None`, the patches that are expected.
    """
    settings = checkpoint.config.get("settings")
    if settings and "embed_prefix" in settings["arguments"]:
        return tokens if settings["arguments"]["embed_prefix"] else 0
    if not tokens or POSITIONS not in checkpoint:
        return 0
    rows = checkpoint.shape(POSITIONS)[1]
    name = checkpoint.names(POSITIONS)[0]
    if name.endswith("posembed_input/pos_embedding") or "embeddings." in name:
        return tokens  # the official code and Hugging Face have no other way
    if rows - tokens == patches:
        return tokens
    if rows == patches:
        return 0
    # timm's `no_embed_class` and today's big_vision: a square without the prefix.
    return 0 if square_grid(rows) and not square_grid(rows - tokens) else tokens


def _model_args(config):
    return config.get("model_args") or {}
