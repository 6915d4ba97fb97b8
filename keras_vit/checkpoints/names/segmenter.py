"""Name tables for Segmenter (2021): timm's names for the encoder, its own for heads.

Rows are as in `names.rows`.
"""

from keras_vit.checkpoints.names.layout import Layout
from keras_vit.checkpoints.names.rows import TORCH_DENSE, TORCH_NORM
from keras_vit.checkpoints.names.transforms import as_is
from keras_vit.checkpoints.names.vit import TIMM

FAMILY = "segmenter"
_OURS = "mask_transformer/"
CLASS_TOKENS = _OURS + "class_tokens"
# What a mask transformer of other classes has not.
OF_CLASSES = (CLASS_TOKENS, _OURS + "mask_norm/gamma", _OURS + "mask_norm/beta")

_BLOCK, _OUR_BLOCK = "decoder.blocks.{i}.", _OURS + "block_{i:02d}/"
_ATTENTION = _OUR_BLOCK + "attention/"
_DECODER = (
    ("decoder.proj_dec", _OURS + "projection", TORCH_DENSE),
    ("decoder.cls_emb", CLASS_TOKENS, as_is),
    (_BLOCK + "norm1", _OUR_BLOCK + "attention_norm", TORCH_NORM),
    (_BLOCK + "attn.qkv", _ATTENTION + "query_key_value", TORCH_DENSE),
    (_BLOCK + "attn.proj", _ATTENTION + "projection", TORCH_DENSE),
    (_BLOCK + "norm2", _OUR_BLOCK + "mlp_norm", TORCH_NORM),
    (_BLOCK + "mlp.fc1", _OUR_BLOCK + "mlp/dense_1", TORCH_DENSE),
    (_BLOCK + "mlp.fc2", _OUR_BLOCK + "mlp/dense_2", TORCH_DENSE),
    ("decoder.decoder_norm", _OURS + "norm", TORCH_NORM),
    # Matrices that are multiplied from the right, as ours are.
    ("decoder.proj_patch", _OURS + "patch_projection/kernel", as_is),
    ("decoder.proj_classes", _OURS + "class_projection/kernel", as_is),
    ("decoder.mask_norm", _OURS + "mask_norm", TORCH_NORM),
    ("decoder.head", "head", TORCH_DENSE),
)
_HEADS = ("head", "head_dist", "pre_logits.fc", "fc_norm")
_ENCODER = tuple(
    (f"encoder.{row[0]}", *row[1:]) for row in TIMM if row[0] not in _HEADS
)

LAYOUTS = (
    Layout(
        "Segmenter",
        FAMILY,
        _ENCODER + _DECODER,
        (
            r"encoder\.patch_embed\.proj\.weight",
            r"decoder\.(?:head\.weight|cls_emb)",
        ),
        {"gelu": "erf", "epsilon": 1e-5},
        usual_scaling=True,
        position_kernel="bilinear",
        ignored=(
            (
                r"encoder\.(?:head|head_dist|pre_logits)\..*",
                "of the classifier that the encoder was before",
            ),
        ),
    ),
)
