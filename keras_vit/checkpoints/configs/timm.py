"""`config.json` of timm: the architecture's name, its arguments, its images."""

import math
import re

from keras_vit.checkpoints.configs import efficientnet, resnet
from keras_vit.checkpoints.configs.reading import (
    Description,
    names_in_order,
    nearest_interpolation,
)
from keras_vit.checkpoints.names.vit import PATCH_KERNEL
from keras_vit.checkpoints.preparation import SCALINGS, Preparation

_RELATIVE = "has relative positions, which keras_vit does not read from files of timm"
_ROTARY = "has rotary positions, which keras_vit does not have"
_PARALLEL = "has parallel blocks, whose parts stand side by side"

# Architectures that keras_vit does not have: a pattern of the name, and why.
_REFUSED = (
    (r".*_rpn_.*", "has residual post-norm (norms after attention and MLP)"),
    (r"vit_d(?:p?wee|little)_.*", "has differential attention"),
    (r"vit_d?pwee_.*|.*_18x2_.*|.*_xp_.*", _PARALLEL),
    (r"beit.*", f"is BEiT: it {_RELATIVE}"),
    (r"vit_s?relpos_.*", _RELATIVE),
    (r"eva02.*|.*dinov3.*|vit_pe_.*|.*rope.*|.*_rotary_.*", _ROTARY),
    (r"aimv2.*|test_vit4", "has RMS norm (root mean square)"),
    (r"vit_intern300m_.*", "has no final norm (final_norm)"),
    (r"vit_base_mci_.*|vitamin.*|mobilevit.*", "has a convolutional stem"),
    (
        r"(?:resnetv2_(?!.*_?bit)).*",
        "is a ResNet whose kernels are not standardised, often with batch norm or a "
        "deep stem; BiT is resnetv2_..._bit",
    ),
)
# What only the name of an architecture tells.
_FACTS = (
    (r".*clip_quickgelu.*|.*quickgelu.*", {"gelu": "quick"}),
    (r"(?:.*_)?clip(?:_.*)?", {"epsilon": 1e-5}),
    (r"vit_(?:so400m|giantopt|so150m)_.*siglip.*", {"gelu": "tanh"}),
)
_KNOWN = r"(?:vit|deit3?|flexivit|eva|samvit|test_vit\d?|resnetv2|naflexvit)(?:_.*)?"
_UNUSUAL = {
    "pre_norm/gamma": "a norm before the blocks",
    "pooling/probe": "attention pooling",
    "pooled_norm/gamma": "a norm after the pooling",
}

_POOLINGS = {"token": "token", "avg": "gap", "map": "map", "": None}
# Keys of `model_args` of a ViT. What the arrays show:
_OF_ARRAYS = {
    *("patch_size", "in_chans", "num_classes", "embed_dim", "depth", "mlp_ratio"),
    *("qkv_bias", "qk_norm", "init_values", "class_token", "reg_tokens"),
    *("no_embed_class", "pre_norm", "fc_norm", "img_size", "num_heads"),
    *("global_pool", "pool_include_prefix", "pos_embed", "act_layer", "mlp_layer"),
    *("norm_layer", "distilled", "representation_size", "layers", "channels"),
    *("stem_chs", "width_factor", "feature_size", "feature_ratio"),
}
# What cannot change the outputs at the size that is asked for:
_HARMLESS = {
    *("drop_rate", "pos_drop_rate", "patch_drop_rate", "proj_drop_rate"),
    *("attn_drop_rate", "drop_path_rate", "weight_init", "fix_init", "zero_init_last"),
    *("dynamic_img_size", "dynamic_img_pad", "strict_img_size", "device", "dtype"),
    *("features_only", "scriptable", "exportable", "pretrained_strict", "no_jit"),
    *("drop_block_rate", "grad_checkpointing", "checkpoint_path"),
}
_ONLY = {
    "final_norm": True,
    "scale_attn_norm": False,
    "scale_mlp_norm": False,
    "scale_attn_inner_norm": False,
    "proj_bias": True,
    "embed_layer": ("", "patch_embed", "patchembed"),
    "embed_norm_layer": "",
    "embed_norm": False,
    "block_fn": ("", "block"),
    "attn_layer": ("", "attn", "attention"),
    "use_naflex": False,
    "flatten_embedding": True,
    "bottle_ratio": 0.25,
    "output_stride": 32,
    "avg_down": False,
    "preact": True,
    "basic": False,
    "stem_type": ("", "same"),
    "conv_layer": "",
}
_NORMS = {"": None, "layernorm": 1e-6, "LayerNorm": 1e-6}
_USUAL = SCALINGS["imagenet"]
_CROP_MODES = {"center": "crop", "squash": "squash", "border": "border"}
_SWIGLU = ("swiglu", "swiglupacked", "swiglu_packed", "SwiGLU", "SwiGLUPacked")


def described(values, layout, checkpoint):
    """A `Description` of files of timm; `values`: those of `config.json`."""
    if not values.values:
        return Description()
    name, args = values.text("architecture"), values.part("model_args")
    cfg = values.part("pretrained_cfg")
    if not cfg.values and "mean" in values:  # as the first versions wrote it
        cfg = values
    for pattern, why in _REFUSED:
        if name and re.fullmatch(pattern, name):
            raise values.error("architecture", why)
    of_convolutions = {*efficientnet.OF_TIMM, *resnet.OF_TIMM}
    args.known({*_OF_ARRAYS, *_HARMLESS, *_ONLY, *of_convolutions})
    args.require(_ONLY)
    facts, arguments = {}, {}
    if layout.family == "bit":
        args.require({"act_layer": ("", "relu"), "norm_layer": ""})
        _pooling(values, args, {"avg": "gap"})
    elif layout.family == "vgg":
        args.require({"act_layer": ("", "relu"), "mlp_ratio": 1.0})
    elif layout.family == "resnet":
        facts = resnet.of_timm(values, args)
        arguments = _pooled_size(values, args, cfg)
    elif layout.family == "efficientnet":
        args.require({"act_layer": ("", "silu", "swish")})
        facts = efficientnet.of_timm(values, args)
        arguments = _pooled_size(values, args, cfg)
    else:
        facts = _facts(name, args, checkpoint)
        arguments = _arguments(values, args, layout)
    labels = values.values.get("label_names") or cfg.values.get("label_names")
    labels = labels or values.values.get("labels") or values.values.get("id2label")
    return Description(
        facts,
        arguments,
        (
            ("embed_dim", "hidden_dim", args.integer("embed_dim")),
            ("depth", "num_layers", args.integer("depth")),
        ),
        (),
        _preparation(cfg, args),
        names_in_order(labels),
        _notes(values, name, checkpoint),
    )


def _facts(name, args, checkpoint):
    """Kind of GELU and epsilon: of the architecture, unless an argument says it."""
    facts = {"gelu": "erf", "epsilon": 1e-6} if name else {}
    for pattern, said in _FACTS:
        if name and re.fullmatch(pattern, name):
            facts |= {k: v for k, v in said.items() if facts[k] != v}
    norm = args.text("norm_layer", "")
    if norm not in _NORMS:
        rms = " (RMS norm, root mean square)" * ("rms" in norm.lower())
        raise args.error(
            "norm_layer", f"keras_vit does not have{rms}: it has layernorm"
        )
    if _NORMS[norm]:
        facts["epsilon"] = _NORMS[norm]
    mlp = args.text("mlp_layer", "")
    if mlp not in ("", "mlp", "Mlp", *_SWIGLU):
        raise args.error("mlp_layer", "keras_vit does not have: it has mlp and swiglu")
    if args.text("act_layer"):
        gated = is_gated(checkpoint)
        if not (gated and args.text("act_layer").lower() in ("silu", "swish")):
            facts["gelu"] = args.gelu("act_layer", None)
            if gated:
                raise args.error("act_layer", "keras_vit does not have in gated MLPs")
    return facts


def is_gated(checkpoint):
    """Whether the MLPs of a file are SwiGLU: gate and value of twice the width."""
    shapes = [
        checkpoint.shape(path) if path in checkpoint else None
        for path in ("block_00/mlp/dense_1/kernel", "block_00/mlp/dense_2/kernel")
    ]
    return None not in shapes and shapes[0][-1] == 2 * shapes[1][0]


def _pooling(values, args, known):
    """The pooling of a configuration, or "" where it says nothing."""
    for part in (args, values):
        if isinstance(part.values.get("global_pool"), str):
            pool = part.text("global_pool")
            if pool not in known:
                raise part.error(
                    "global_pool",
                    "is a pooling that keras_vit does not have: it has "
                    f"{', '.join(map(repr, known))}",
                )
            return known[pool]
        part.text("global_pool")
    return ""


def _arguments(values, args, layout):
    arguments = {}
    pooling = _pooling(values, args, _POOLINGS)
    if pooling != "":
        arguments["pooling"] = pooling
    if pooling == "gap" and args.flag("pool_include_prefix"):
        arguments["pooling"] = "gap_all"
    if "num_heads" in args:
        arguments["num_heads"] = args.integer("num_heads", most=4096)
    if "img_size" in args:
        arguments["image_size"] = args.size("img_size")
    kind = args.text("pos_embed", "learn")
    if kind in ("", "none"):
        arguments["position_embedding"] = "none"
    elif kind != "learn":
        raise args.error("pos_embed", "keras_vit does not read: it has learn and none")
    return arguments


def _pooled_size(values, args, cfg):
    """`image_size` of a convolutional network, whose head reads the mean."""
    _pooling(values, args, {"avg": "gap"})
    size = _input_size(cfg)
    return {} if size is None else {"image_size": size}


def _preparation(cfg, args):
    """A `Preparation` of `pretrained_cfg`, or `None` where it says nothing."""
    mean, deviation = cfg.channels("mean"), cfg.channels("std")
    if mean is None and deviation is None:
        return None
    mean, deviation = mean or _USUAL[0], deviation or _USUAL[1]
    if len(mean) != len(deviation) or not all(d > 0 for d in deviation):
        raise cfg.error("std", "must be positive, one for each of mean")
    usual = _input_size(cfg)
    size = args.size("img_size", usual)
    share = cfg.number("crop_pct", 0.875)
    mode = cfg.text("crop_mode", "center")
    if mode not in _CROP_MODES:
        raise cfg.error("crop_mode", f"must be one of {', '.join(_CROP_MODES)}")
    resize, resize_to = _CROP_MODES[mode], None
    if size is not None:
        resize_to = tuple(math.floor(side / share) for side in size)
        if resize == "crop" and resize_to[0] == resize_to[1]:
            resize_to = resize_to[0]
    how = nearest_interpolation(cfg.text("interpolation", "bicubic"))
    if resize == "crop" and isinstance(resize_to, tuple):
        how = "bilinear"  # whatever is configured: timm does not pass it on
    return Preparation(mean, deviation, size, resize, resize_to, how, "even")


def _input_size(cfg):
    """`(height, width)` of `input_size`, which is `(channels, height, width)`."""
    value = cfg.values.get("input_size")
    if value is None:
        return None
    if not isinstance(value, (list, tuple)) or len(value) != 3:
        raise cfg.error("input_size", "must be (channels, height, width)")
    part = type(cfg)({"input_size": list(value[1:])}, cfg.origin, cfg.where)
    return part.size("input_size")


def _notes(values, name, checkpoint):
    if not name or PATCH_KERNEL not in checkpoint or re.fullmatch(_KNOWN, name):
        return ()
    unusual = [what for path, what in _UNUSUAL.items() if path in checkpoint]
    if is_gated(checkpoint):
        unusual.append("gated MLPs, taken as SwiGLU")
    if "block_00/attention/query_key_value/bias" not in checkpoint:
        unusual.append("query, key and value without bias")
    if not unusual:
        return ()
    return (
        f"is of an architecture that keras_vit does not know, {name!r}, with "
        f"{', '.join(unusual)}. It is taken for timm's VisionTransformer; compare its "
        "outputs before you rely on it.",
    )
