"""Name tables for ViT: what each project calls a layer, and what we call it.

Rows are as in `names.rows`.
"""

from keras_vit.checkpoints.names.rows import (
    DENSE,
    HEADS,
    JOINED,
    NORM,
    TORCH_DENSE,
    TORCH_NORM,
    TORCH_PATCHES,
)
from keras_vit.checkpoints.names.transforms import as_is

PATCHES = "patch_encoder/projection"
PATCH_KERNEL = "patch_encoder/projection/kernel"
CLASS_TOKEN = "patch_encoder/class_token"
REGISTER_TOKENS = "patch_encoder/register_tokens"
POSITIONS = "patch_encoder/position_embedding/embeddings"
PRE_LOGITS = ("pre_logits/kernel", "pre_logits/bias")
HEAD = ("head/kernel", "head/bias")

_QUERY, _KEY, _VALUE = (0, 3), (1, 3), (2, 3)
_MAP_KEY, _MAP_VALUE = (0, 2), (1, 2)

_OURS = "block_{i:02d}/"
_FUSED = _OURS + "attention/query_key_value"
_BLOCK = "Transformer/encoderblock_{i}/"
_ATTENTION = _BLOCK + "MultiHeadDotProductAttention_0/"
_MAP = "MAPHead_0/"
_MAP_ATTENTION = _MAP + "MultiHeadDotProductAttention_0/"

# Official ViT and hybrid, big_vision's ViT. Names as after `spelling.normalised`.
OFFICIAL = (
    ("embedding", PATCHES, JOINED),
    ("cls", CLASS_TOKEN, as_is),
    ("pos_embedding", POSITIONS, as_is),
    ("Transformer/pos_embedding", POSITIONS, as_is),
    ("Transformer/posembed_input/pos_embedding", POSITIONS, as_is),
    (_BLOCK + "LayerNorm_0", _OURS + "attention_norm", NORM),
    (_ATTENTION + "query", _FUSED, HEADS, _QUERY),
    (_ATTENTION + "key", _FUSED, HEADS, _KEY),
    (_ATTENTION + "value", _FUSED, HEADS, _VALUE),
    (_ATTENTION + "out", _OURS + "attention/projection", JOINED),
    (_BLOCK + "LayerNorm_1", _OURS + "mlp_norm", NORM),
    (_BLOCK + "MlpBlock_0/Dense_0", _OURS + "mlp/dense_1", DENSE),
    (_BLOCK + "MlpBlock_0/Dense_1", _OURS + "mlp/dense_2", DENSE),
    ("Transformer/encoder_norm", "encoder_norm", NORM),
    (_MAP + "probe", "pooling/probe", as_is),
    (_MAP_ATTENTION + "query", "pooling/query", HEADS),
    (_MAP_ATTENTION + "key", "pooling/key_value", HEADS, _MAP_KEY),
    (_MAP_ATTENTION + "value", "pooling/key_value", HEADS, _MAP_VALUE),
    (_MAP_ATTENTION + "out", "pooling/projection", JOINED),
    (_MAP + "LayerNorm_0", "pooling/norm", NORM),
    (_MAP + "MlpBlock_0/Dense_0", "pooling/mlp/dense_1", DENSE),
    (_MAP + "MlpBlock_0/Dense_1", "pooling/mlp/dense_2", DENSE),
    ("pre_logits", "pre_logits", DENSE),
    ("head", "head", JOINED),
)

_TIMM_BLOCK = "blocks.{i}."
_TIMM_MAP = "attn_pool."

TIMM = (
    ("patch_embed.proj", PATCHES, TORCH_PATCHES),
    ("cls_token", CLASS_TOKEN, as_is),
    ("reg_token", REGISTER_TOKENS, as_is),
    ("pos_embed", POSITIONS, as_is),
    (_TIMM_BLOCK + "norm1", _OURS + "attention_norm", TORCH_NORM),
    (_TIMM_BLOCK + "attn.qkv", _FUSED, TORCH_DENSE),
    (_TIMM_BLOCK + "attn.q_norm", _OURS + "attention/query_norm", TORCH_NORM),
    (_TIMM_BLOCK + "attn.k_norm", _OURS + "attention/key_norm", TORCH_NORM),
    (_TIMM_BLOCK + "attn.proj", _OURS + "attention/projection", TORCH_DENSE),
    (_TIMM_BLOCK + "ls1.gamma", _OURS + "attention_scale/gamma", as_is),
    (_TIMM_BLOCK + "norm2", _OURS + "mlp_norm", TORCH_NORM),
    (_TIMM_BLOCK + "mlp.fc1", _OURS + "mlp/dense_1", TORCH_DENSE),
    (_TIMM_BLOCK + "mlp.fc2", _OURS + "mlp/dense_2", TORCH_DENSE),
    (_TIMM_BLOCK + "ls2.gamma", _OURS + "mlp_scale/gamma", as_is),
    ("norm", "encoder_norm", TORCH_NORM),
    (_TIMM_MAP + "latent", "pooling/probe", as_is),
    (_TIMM_MAP + "q", "pooling/query", TORCH_DENSE),
    (_TIMM_MAP + "kv", "pooling/key_value", TORCH_DENSE),
    (_TIMM_MAP + "proj", "pooling/projection", TORCH_DENSE),
    (_TIMM_MAP + "norm", "pooling/norm", TORCH_NORM),
    (_TIMM_MAP + "mlp.fc1", "pooling/mlp/dense_1", TORCH_DENSE),
    (_TIMM_MAP + "mlp.fc2", "pooling/mlp/dense_2", TORCH_DENSE),
    ("fc_norm", "pooled_norm", TORCH_NORM),
    ("pre_logits.fc", "pre_logits", TORCH_DENSE),
    ("head", "head", TORCH_DENSE),
)

_HF_PATCHES = "embeddings.patch_embeddings.projection"
_HF_BLOCK = "encoder.layer.{i}."
_HF_ATTENTION = _HF_BLOCK + "attention.attention."

# Hugging Face transformers; names as after dropping the prefix `vit.`.
HUGGING_FACE = (
    (_HF_PATCHES, PATCHES, TORCH_PATCHES),
    ("embeddings.cls_token", CLASS_TOKEN, as_is),
    ("embeddings.position_embeddings", POSITIONS, as_is),
    (_HF_BLOCK + "layernorm_before", _OURS + "attention_norm", TORCH_NORM),
    (_HF_ATTENTION + "query", _FUSED, TORCH_DENSE, _QUERY),
    (_HF_ATTENTION + "key", _FUSED, TORCH_DENSE, _KEY),
    (_HF_ATTENTION + "value", _FUSED, TORCH_DENSE, _VALUE),
    (_HF_BLOCK + "attention.output.dense", _OURS + "attention/projection", TORCH_DENSE),
    (_HF_BLOCK + "layernorm_after", _OURS + "mlp_norm", TORCH_NORM),
    (_HF_BLOCK + "intermediate.dense", _OURS + "mlp/dense_1", TORCH_DENSE),
    (_HF_BLOCK + "output.dense", _OURS + "mlp/dense_2", TORCH_DENSE),
    ("layernorm", "encoder_norm", TORCH_NORM),
    ("pooler.dense", "pre_logits", TORCH_DENSE),
    ("classifier", "head", TORCH_DENSE),
)
