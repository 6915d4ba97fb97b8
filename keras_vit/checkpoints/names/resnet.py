"""Tables of `names.py` for BiT, and for the ResNet inside the hybrids."""

from keras_vit.checkpoints.names.transforms import (
    as_is,
    flat,
    hwio,
    hwio_joined,
    join_first,
    transpose,
)

_UNIT = "block{b}/unit{u}/"
_OURS = "stage{b}_unit{u:02d}/"

# The ResNet of the official hybrids, whose norms may be stored as (1, 1, 1, C).
OFFICIAL_HYBRID = (
    ("conv_root/kernel", "root_conv/kernel", as_is),
    ("gn_root/scale", "root_norm/gamma", flat),
    ("gn_root/bias", "root_norm/beta", flat),
    (_UNIT + "conv{k}/kernel", _OURS + "conv_{k}/kernel", as_is),
    (_UNIT + "gn{k}/scale", _OURS + "norm_{k}/gamma", flat),
    (_UNIT + "gn{k}/bias", _OURS + "norm_{k}/beta", flat),
    (_UNIT + "conv_proj/kernel", _OURS + "projection/kernel", as_is),
    (_UNIT + "gn_proj/scale", _OURS + "projection_norm/gamma", flat),
    (_UNIT + "gn_proj/bias", _OURS + "projection_norm/beta", flat),
)

_BIT_UNIT = "block{b}/unit{u:02d}/"

# Official BiT; names as after `spelling.normalised`, which writes the parts a, b, c
# of a unit as 1, 2, 3.
OFFICIAL_BIT = (
    ("root_block/standardized_conv2d/kernel", "root_conv/kernel", as_is),
    (_BIT_UNIT + "{k}/group_norm/gamma", _OURS + "norm_{k}/gamma", flat),
    (_BIT_UNIT + "{k}/group_norm/beta", _OURS + "norm_{k}/beta", flat),
    (_BIT_UNIT + "{k}/standardized_conv2d/kernel", _OURS + "conv_{k}/kernel", as_is),
    (
        _BIT_UNIT + "1/proj/standardized_conv2d/kernel",
        _OURS + "projection/kernel",
        as_is,
    ),
    ("group_norm/gamma", "norm/gamma", flat),
    ("group_norm/beta", "norm/beta", flat),
    ("head/conv2d/kernel", "head/kernel", join_first),
    ("head/conv2d/bias", "head/bias", as_is),
    # big_vision's names for the same model, as in the distilled files.
    ("root_block/conv_root/kernel", "root_conv/kernel", as_is),
    (_BIT_UNIT + "gn{k}/scale", _OURS + "norm_{k}/gamma", flat),
    (_BIT_UNIT + "gn{k}/bias", _OURS + "norm_{k}/beta", flat),
    (_BIT_UNIT + "conv{k}/kernel", _OURS + "conv_{k}/kernel", as_is),
    (_BIT_UNIT + "conv_proj/kernel", _OURS + "projection/kernel", as_is),
    ("norm-pre-head/scale", "norm/gamma", flat),
    ("norm-pre-head/bias", "norm/beta", flat),
    ("head/kernel", "head/kernel", join_first),
    ("head/bias", "head/bias", as_is),
)


_TIMM_UNIT = "stages.{b}.blocks.{u}."
_HF_UNIT = "encoder.stages.{b}.layers.{u}."
_TORCH_OURS = "stage{b+1}_unit{u+1:02d}/"

TIMM_BIT = (
    ("stem.conv.weight", "root_conv/kernel", hwio),
    (_TIMM_UNIT + "conv{k}.weight", _TORCH_OURS + "conv_{k}/kernel", hwio),
    (_TIMM_UNIT + "norm{k}.weight", _TORCH_OURS + "norm_{k}/gamma", as_is),
    (_TIMM_UNIT + "norm{k}.bias", _TORCH_OURS + "norm_{k}/beta", as_is),
    (_TIMM_UNIT + "downsample.conv.weight", _TORCH_OURS + "projection/kernel", hwio),
    ("norm.weight", "norm/gamma", as_is),
    ("norm.bias", "norm/beta", as_is),
    ("head.fc.weight", "head/kernel", hwio_joined),
    ("head.fc.bias", "head/bias", as_is),
)

_TIMM_HYBRID = "patch_embed.backbone." + _TIMM_UNIT

TIMM_HYBRID = (
    ("patch_embed.backbone.stem.conv.weight", "root_conv/kernel", hwio),
    ("patch_embed.backbone.stem.norm.weight", "root_norm/gamma", as_is),
    ("patch_embed.backbone.stem.norm.bias", "root_norm/beta", as_is),
    (_TIMM_HYBRID + "conv{k}.weight", _TORCH_OURS + "conv_{k}/kernel", hwio),
    (_TIMM_HYBRID + "norm{k}.weight", _TORCH_OURS + "norm_{k}/gamma", as_is),
    (_TIMM_HYBRID + "norm{k}.bias", _TORCH_OURS + "norm_{k}/beta", as_is),
    (_TIMM_HYBRID + "downsample.conv.weight", _TORCH_OURS + "projection/kernel", hwio),
    (
        _TIMM_HYBRID + "downsample.norm.weight",
        _TORCH_OURS + "projection_norm/gamma",
        as_is,
    ),
    (
        _TIMM_HYBRID + "downsample.norm.bias",
        _TORCH_OURS + "projection_norm/beta",
        as_is,
    ),
)

# Hugging Face; names as after dropping the prefix `bit.`.
HUGGING_FACE_BIT = (
    ("embedder.convolution.weight", "root_conv/kernel", hwio),
    (_HF_UNIT + "conv{k}.weight", _TORCH_OURS + "conv_{k}/kernel", hwio),
    (_HF_UNIT + "norm{k}.weight", _TORCH_OURS + "norm_{k}/gamma", as_is),
    (_HF_UNIT + "norm{k}.bias", _TORCH_OURS + "norm_{k}/beta", as_is),
    (_HF_UNIT + "downsample.conv.weight", _TORCH_OURS + "projection/kernel", hwio),
    ("norm.weight", "norm/gamma", as_is),
    ("norm.bias", "norm/beta", as_is),
    ("classifier.1.weight", "head/kernel", transpose),
    ("classifier.1.bias", "head/bias", as_is),
)

_HF_BACKBONE = "embeddings.patch_embeddings.backbone.bit."
_HF_HYBRID = _HF_BACKBONE + _HF_UNIT

HUGGING_FACE_HYBRID = (
    (_HF_BACKBONE + "embedder.convolution.weight", "root_conv/kernel", hwio),
    (_HF_BACKBONE + "embedder.norm.weight", "root_norm/gamma", as_is),
    (_HF_BACKBONE + "embedder.norm.bias", "root_norm/beta", as_is),
    (_HF_HYBRID + "conv{k}.weight", _TORCH_OURS + "conv_{k}/kernel", hwio),
    (_HF_HYBRID + "norm{k}.weight", _TORCH_OURS + "norm_{k}/gamma", as_is),
    (_HF_HYBRID + "norm{k}.bias", _TORCH_OURS + "norm_{k}/beta", as_is),
    (_HF_HYBRID + "downsample.conv.weight", _TORCH_OURS + "projection/kernel", hwio),
    (
        _HF_HYBRID + "downsample.norm.weight",
        _TORCH_OURS + "projection_norm/gamma",
        as_is,
    ),
    (_HF_HYBRID + "downsample.norm.bias", _TORCH_OURS + "projection_norm/beta", as_is),
)
