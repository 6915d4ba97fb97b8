"""A folder that `timm.create_model("local-dir:...")` loads: weights and config."""

import math

from keras_vit.exporting import weight_files as weights
from keras_vit.exporting.preparation import note, preparation_of
from keras_vit.layers.tokens.grids import stem_factor
from keras_vit.models.vision_model import metadata_of

_GELUS = {"erf": "gelu", "tanh": "gelu_tanh", "quick": "quick_gelu"}
_POOLINGS = {"token": "token", "gap": "avg", "gap_all": "avg", "map": "map", None: ""}
# timm makes models by name. The stages of a ResNet are part of the name, every size of
# the Transformer is an argument.
_VITS = {(): "vit_base_patch16_224"}
# The kind of MLP is no argument that a file can hold; this one has a SwiGLU.
_SWIGLU = "vit_giant_patch14_dinov2"
_HYBRIDS = {
    (): "vit_tiny_r_s16_p8_224",
    (2, 2, 2, 2): "vit_small_r26_s32_224",
    (3, 4, 9): "vit_base_r50_s16_224",
    (3, 4, 6, 3): "vit_large_r50_s32_224",
}
_BITS = {
    ((3, 4, 6, 3), 1): "resnetv2_50x1_bit",
    ((3, 4, 6, 3), 3): "resnetv2_50x3_bit",
    ((3, 4, 23, 3), 1): "resnetv2_101x1_bit",
    ((3, 4, 23, 3), 3): "resnetv2_101x3_bit",
    ((3, 8, 36, 3), 2): "resnetv2_152x2_bit",
    ((3, 8, 36, 3), 4): "resnetv2_152x4_bit",
}

_MODES = {"squash": "squash", "crop": "center", "border": "border"}


def write(job):
    """Writes the folder of `job.path`."""
    config = _config(job, job.family, job.arguments)
    weights.write_folder(job.path, weights.arrays_of(job, "timm"), config=config)


def _config(job, family, a):
    if family == "bit":
        weights.require(
            job,
            pooling="gap",
            group_norm_epsilon=1e-5,
            standardization="variance",
            stage_widths=(None,),
        )
        args, width = {}, int(64 * a["width_factor"])
        features = width * stem_factor(a["num_blocks"])
        names, key = _BITS, (tuple(a["num_blocks"]), a["width_factor"])
        pooling = "avg"
    else:
        args, features = _transformer(job, family, a), a["hidden_dim"]
        names = _HYBRIDS if family == "hybrid" else _VITS
        weights.require(job, pooling=tuple(_POOLINGS))
        key, pooling = tuple(a.get("num_blocks", ())), _POOLINGS[a["pooling"]]
    if key not in names:
        raise ValueError(
            "timm makes BiT and hybrid models with the published stages only: "
            f"{', '.join(map(str, names))}. Received: {key}. Choose another format."
        )
    if a["num_channels"] != 3:
        args["in_chans"] = a["num_channels"]
    labels = metadata_of(job.model).get("class_names")
    return {
        "architecture": _SWIGLU if a.get("swiglu") else names[key],
        "num_classes": a["num_classes"],
        "num_features": features,
        "global_pool": pooling,
        **({"label_names": list(labels)} if labels else {}),
        "model_args": args,
        "pretrained_cfg": {
            "num_classes": a["num_classes"],
            "fixed_input_size": family != "bit",
            **_transform(job),
        },
    }


def _transformer(job, family, a):
    """timm's arguments for what it lets one choose."""
    weights.require(
        job,
        stride=None if family == "hybrid" else list(a["patch_size"]),
        epsilon=1e-6,
        pooling=("token", "gap", "gap_all", "map"),
        position_embedding="learned",
        position_scope="input",
        representation_size=(None,),
        patch_bias=not a["pre_norm"],  # as timm always has it
    )
    weights.require_size(job)
    if family == "hybrid":
        weights.require(
            job,
            width_factor=1,
            stage_widths=(None,),
            group_norm_epsilon=(1e-5, 1e-6),
            swiglu=False,
        )
    if a["swiglu"]:
        weights.require(job, pooling=("token", "gap", "gap_all"))
    prefix = a["class_token"] + a["register_tokens"]
    args = {
        "img_size": weights.one_or_pair(a["image_size"]),
        "patch_size": weights.one_or_pair(a["patch_size"]),
        "embed_dim": a["hidden_dim"],
        "depth": a["num_layers"],
        "num_heads": a["num_heads"],
        "mlp_ratio": _ratio(a["mlp_dim"] * (2 if a["swiglu"] else 1), a["hidden_dim"]),
        "qkv_bias": a["qkv_bias"],
        "pre_norm": a["pre_norm"],
        "class_token": a["class_token"],
        "reg_tokens": a["register_tokens"],
        "no_embed_class": bool(prefix and not a["embed_prefix"]),
        "global_pool": _POOLINGS[a["pooling"]],
        "pool_include_prefix": a["pooling"] == "gap_all",
        "fc_norm": a["pooled_norm"],
        "qk_norm": a["qk_norm"],
        "init_values": a["layer_scale"],
    }
    if not a["swiglu"]:
        args["act_layer"] = _GELUS[a["gelu"]]
    return args


def _ratio(width, hidden_dim):
    """The ratio whose product with `hidden_dim`, rounded down, is `width`."""
    ratio = width / hidden_dim
    return ratio if int(ratio * hidden_dim) == width else math.nextafter(ratio, width)


def _transform(job):
    """What timm says of the preparation of images."""
    preparation, exact = preparation_of(job)
    size, to = preparation.image_size, preparation.resize_to
    mode = _MODES.get(preparation.resize)
    if isinstance(to, int):
        to = (to, to)
        exact = exact and size[0] == size[1]
    elif mode == "center" and size[0] != size[1]:
        exact = exact and preparation.interpolation == "bilinear"  # timm's only way
    share = _share(size, to or size)
    if mode is None or share is None:
        exact, mode, share = False, "squash", 1.0
    if not exact:
        said = f"{mode}, crop_pct {share}, {preparation.interpolation}"
        job.notes.append(note(job, "timm", said))
    return {
        "input_size": [job.arguments["num_channels"], *size],
        "interpolation": preparation.interpolation,
        "crop_pct": share,
        "crop_mode": mode,
        "mean": preparation.mean,
        "std": preparation.deviation,
    }


def _share(size, to):
    """The share of `to` that is kept, with as few digits as timm needs to find `to`."""
    most = min(n / m for n, m in zip(size, to))
    for digits in range(2, 8):
        share = math.floor(10**digits * most) / 10**digits
        if share and all(math.floor(n / share) == m for n, m in zip(size, to)):
            return share
    return None
