"""Name tables for the Vision Transformers of Hugging Face transformers.

Rows are as in `names.rows`; names as after dropping the model's own prefix, such as
`vit.` or `vision_model.`.
"""

from keras_vit.checkpoints.names import vit as paths
from keras_vit.checkpoints.names.rows import TORCH_DENSE, TORCH_NORM, TORCH_PATCHES
from keras_vit.checkpoints.names.transforms import as_is, third, thirds, with_axes

_OURS = "block_{i:02d}/"
_FUSED = _OURS + "attention/query_key_value"
_PROJECTION = _OURS + "attention/projection"
_QUERY, _KEY, _VALUE = (0, 3), (1, 3), (2, 3)


def _attention(query, key, value, projection):
    return (
        (query, _FUSED, TORCH_DENSE, _QUERY),
        (key, _FUSED, TORCH_DENSE, _KEY),
        (value, _FUSED, TORCH_DENSE, _VALUE),
        (projection, _PROJECTION, TORCH_DENSE),
    )


def _block(start):
    """The rows of a block: of ViT and its kin, then what DINOv2 names otherwise."""
    inner = start + "attention.attention."
    return (
        (start + "layernorm_before", _OURS + "attention_norm", TORCH_NORM),
        *_attention(
            inner + "query",
            inner + "key",
            inner + "value",
            start + "attention.output.dense",
        ),
        *_attention(*(f"{start}attention.{x}_proj" for x in "qkvo")),
        (start + "layernorm_after", _OURS + "mlp_norm", TORCH_NORM),
        (start + "intermediate.dense", _OURS + "mlp/dense_1", TORCH_DENSE),
        (start + "output.dense", _OURS + "mlp/dense_2", TORCH_DENSE),
        (start + "mlp.fc1", _OURS + "mlp/dense_1", TORCH_DENSE),
        (start + "mlp.fc2", _OURS + "mlp/dense_2", TORCH_DENSE),
        (start + "mlp.weights_in", _OURS + "mlp/dense_1", TORCH_DENSE),
        (start + "mlp.weights_out", _OURS + "mlp/dense_2", TORCH_DENSE),
        (start + "norm1", _OURS + "attention_norm", TORCH_NORM),
        (start + "norm2", _OURS + "mlp_norm", TORCH_NORM),
        (start + "layer_scale1.lambda1", _OURS + "attention_scale/gamma", as_is),
        (start + "layer_scale2.lambda1", _OURS + "mlp_scale/gamma", as_is),
    )


# ViT, DeiT, DINOv2, MSN, MAE and I-JEPA: as files have them, then as the modules of
# transformers 5 are called.
HUGGING_FACE = (
    ("embeddings.patch_embeddings.projection", paths.PATCHES, TORCH_PATCHES),
    ("embeddings.cls_token", paths.CLASS_TOKEN, as_is),
    ("embeddings.register_tokens", paths.REGISTER_TOKENS, as_is),
    ("embeddings.distillation_token", paths.REGISTER_TOKENS, as_is),
    ("embeddings.position_embeddings", paths.POSITIONS, as_is),
    *_block("encoder.layer.{i}."),
    *_block("layers.{i}."),
    *_block("encoder.layers.{i}."),
    ("layernorm", "encoder_norm", TORCH_NORM),
    ("pooler.dense", "pre_logits", TORCH_DENSE),
    ("classifier", "head", TORCH_DENSE),
    ("cls_classifier", "head", TORCH_DENSE),
    ("distillation_classifier", "distilled_head", TORCH_DENSE),
)


def _tower_block(start):
    return (
        (start + "layer_norm1", _OURS + "attention_norm", TORCH_NORM),
        *_attention(*(f"{start}self_attn.{x}_proj" for x in ("q", "k", "v", "out"))),
        (start + "layer_norm2", _OURS + "mlp_norm", TORCH_NORM),
        (start + "mlp.fc1", _OURS + "mlp/dense_1", TORCH_DENSE),
        (start + "mlp.fc2", _OURS + "mlp/dense_2", TORCH_DENSE),
    )


# The vision towers of CLIP and SigLIP; the head of the latter is PyTorch's own
# attention, which joins query, key and value.
HUGGING_FACE_TOWER = (
    ("embeddings.patch_embedding", paths.PATCHES, TORCH_PATCHES),
    ("embeddings.class_embedding", paths.CLASS_TOKEN, with_axes),
    ("embeddings.position_embedding.weight", paths.POSITIONS, with_axes),
    ("pre_layrnorm", "pre_norm", TORCH_NORM),
    *_tower_block("encoder.layers.{i}."),
    *_tower_block("layers.{i}."),
    ("post_layernorm", "encoder_norm", TORCH_NORM),
    ("head.probe", "pooling/probe", as_is),
    ("head.attention.in_proj_weight", "pooling/query/kernel", third),
    ("head.attention.in_proj_weight", "pooling/key_value/kernel", thirds),
    ("head.attention.in_proj_bias", "pooling/query/bias", third),
    ("head.attention.in_proj_bias", "pooling/key_value/bias", thirds),
    ("head.attention.out_proj", "pooling/projection", TORCH_DENSE),
    ("head.layernorm", "pooling/norm", TORCH_NORM),
    ("head.mlp.fc1", "pooling/mlp/dense_1", TORCH_DENSE),
    ("head.mlp.fc2", "pooling/mlp/dense_2", TORCH_DENSE),
    ("classifier", "head", TORCH_DENSE),
)
