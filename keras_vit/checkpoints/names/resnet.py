"""Name tables for BiT, and for the ResNet inside the hybrids.

Rows are as in `names.rows`.
"""

from keras_vit.checkpoints.names.rows import (
    BIT_NORM,
    FLAT_NORM,
    JOINED,
    KERNEL,
    TORCH_CONV,
    TORCH_DENSE,
    TORCH_NORM,
    TORCH_PATCHES,
)

_UNIT = "block{b}/unit{u}/"
_OURS = "stage{b}_unit{u:02d}/"

# The ResNet of the official hybrids, whose norms may be stored as (1, 1, 1, C).
OFFICIAL_HYBRID = (
    ("conv_root", "root_conv", KERNEL),
    ("gn_root", "root_norm", FLAT_NORM),
    (_UNIT + "conv{k}", _OURS + "conv_{k}", KERNEL),
    (_UNIT + "gn{k}", _OURS + "norm_{k}", FLAT_NORM),
    (_UNIT + "conv_proj", _OURS + "projection", KERNEL),
    (_UNIT + "gn_proj", _OURS + "projection_norm", FLAT_NORM),
)

_BIT_UNIT = "block{b}/unit{u:02d}/"

# Official BiT; names as after `spelling.normalised`, which writes the parts a, b, c
# of a unit as 1, 2, 3.
OFFICIAL_BIT = (
    ("root_block/standardized_conv2d", "root_conv", KERNEL),
    (_BIT_UNIT + "{k}/group_norm", _OURS + "norm_{k}", BIT_NORM),
    (_BIT_UNIT + "{k}/standardized_conv2d", _OURS + "conv_{k}", KERNEL),
    (_BIT_UNIT + "1/proj/standardized_conv2d", _OURS + "projection", KERNEL),
    ("group_norm", "norm", BIT_NORM),
    ("head/conv2d", "head", JOINED),
    # big_vision's names for the same model, as in the distilled files.
    ("root_block/conv_root", "root_conv", KERNEL),
    (_BIT_UNIT + "gn{k}", _OURS + "norm_{k}", FLAT_NORM),
    (_BIT_UNIT + "conv{k}", _OURS + "conv_{k}", KERNEL),
    (_BIT_UNIT + "conv_proj", _OURS + "projection", KERNEL),
    ("norm-pre-head", "norm", FLAT_NORM),
    ("head", "head", JOINED),
)

_TORCH_OURS = "stage{b+1}_unit{u+1:02d}/"


def _torch(stem, norm, unit):
    # Norms of the stem and of projections are the hybrids' alone.
    return (
        (stem, "root_conv", TORCH_CONV),
        (norm, "root_norm", TORCH_NORM),
        (unit + "conv{k}", _TORCH_OURS + "conv_{k}", TORCH_CONV),
        (unit + "norm{k}", _TORCH_OURS + "norm_{k}", TORCH_NORM),
        (unit + "downsample.conv", _TORCH_OURS + "projection", TORCH_CONV),
        (unit + "downsample.norm", _TORCH_OURS + "projection_norm", TORCH_NORM),
    )


_TIMM = _torch("stem.conv", "stem.norm", "stages.{b}.blocks.{u}.")
TIMM_HYBRID = (
    *(("patch_embed.backbone." + name, *row) for name, *row in _TIMM),
    # Of a stem alone, without stages.
    ("patch_embed.backbone.conv", "root_conv", TORCH_CONV),
    ("patch_embed.backbone.norm", "root_norm", TORCH_NORM),
)
TIMM_BIT = (*_TIMM, ("norm", "norm", TORCH_NORM), ("head.fc", "head", TORCH_PATCHES))

# Hugging Face; names as after dropping the prefix `bit.`.
_HUGGING_FACE = _torch(
    "embedder.convolution", "embedder.norm", "encoder.stages.{b}.layers.{u}."
)
HUGGING_FACE_HYBRID = tuple(
    ("embeddings.patch_embeddings.backbone.bit." + name, *row)
    for name, *row in _HUGGING_FACE
)
HUGGING_FACE_BIT = (
    *_HUGGING_FACE,
    ("norm", "norm", TORCH_NORM),
    ("classifier.1", "head", TORCH_DENSE),
)
