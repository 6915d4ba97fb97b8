"""Tables: what each project calls an array, and which variable it fills here.

A row is `(name in the file, path of the variable, transform)`, and for arrays that
stand side by side in one variable the pair `(which, of how many)`. `{i}` is a number
that both sides share; `{i+1}` counts from one, `{i:02d}` has two digits.
"""

from keras_vit.checkpoints.names.transforms import (
    as_is,
    flat,
    hwio_joined,
    join_first,
    join_last,
    transpose,
)

POSITIONS = "patch_encoder/position_embedding/embeddings"
CLASS_TOKEN = "patch_encoder/class_token"
PATCH_KERNEL = "patch_encoder/projection/kernel"
PRE_LOGITS = ("pre_logits/kernel", "pre_logits/bias")
HEAD = ("head/kernel", "head/bias")

_QUERY, _KEY, _VALUE = (0, 3), (1, 3), (2, 3)
_MAP_KEY, _MAP_VALUE = (0, 2), (1, 2)

_BLOCK = "Transformer/encoderblock_{i}/"
_ATTENTION = _BLOCK + "MultiHeadDotProductAttention_0/"
_OURS = "block_{i:02d}/"
_FUSED = _OURS + "attention/query_key_value/"
_MAP = "MAPHead_0/"
_MAP_ATTENTION = _MAP + "MultiHeadDotProductAttention_0/"

# Official ViT and hybrid, big_vision's ViT. Names as after `spelling.normalised`.
OFFICIAL = (
    ("embedding/kernel", PATCH_KERNEL, join_first),
    ("embedding/bias", "patch_encoder/projection/bias", as_is),
    ("cls", CLASS_TOKEN, as_is),
    ("pos_embedding", POSITIONS, as_is),
    ("Transformer/pos_embedding", POSITIONS, as_is),
    ("Transformer/posembed_input/pos_embedding", POSITIONS, as_is),
    (_BLOCK + "LayerNorm_0/scale", _OURS + "attention_norm/gamma", as_is),
    (_BLOCK + "LayerNorm_0/bias", _OURS + "attention_norm/beta", as_is),
    (_ATTENTION + "query/kernel", _FUSED + "kernel", join_last, _QUERY),
    (_ATTENTION + "key/kernel", _FUSED + "kernel", join_last, _KEY),
    (_ATTENTION + "value/kernel", _FUSED + "kernel", join_last, _VALUE),
    (_ATTENTION + "query/bias", _FUSED + "bias", flat, _QUERY),
    (_ATTENTION + "key/bias", _FUSED + "bias", flat, _KEY),
    (_ATTENTION + "value/bias", _FUSED + "bias", flat, _VALUE),
    (_ATTENTION + "out/kernel", _OURS + "attention/projection/kernel", join_first),
    (_ATTENTION + "out/bias", _OURS + "attention/projection/bias", as_is),
    (_BLOCK + "LayerNorm_1/scale", _OURS + "mlp_norm/gamma", as_is),
    (_BLOCK + "LayerNorm_1/bias", _OURS + "mlp_norm/beta", as_is),
    (_BLOCK + "MlpBlock_0/Dense_0/kernel", _OURS + "mlp/dense_1/kernel", as_is),
    (_BLOCK + "MlpBlock_0/Dense_0/bias", _OURS + "mlp/dense_1/bias", as_is),
    (_BLOCK + "MlpBlock_0/Dense_1/kernel", _OURS + "mlp/dense_2/kernel", as_is),
    (_BLOCK + "MlpBlock_0/Dense_1/bias", _OURS + "mlp/dense_2/bias", as_is),
    ("Transformer/encoder_norm/scale", "encoder_norm/gamma", as_is),
    ("Transformer/encoder_norm/bias", "encoder_norm/beta", as_is),
    (_MAP + "probe", "pooling/probe", as_is),
    (_MAP_ATTENTION + "query/kernel", "pooling/query/kernel", join_last),
    (_MAP_ATTENTION + "query/bias", "pooling/query/bias", flat),
    (_MAP_ATTENTION + "key/kernel", "pooling/key_value/kernel", join_last, _MAP_KEY),
    (
        _MAP_ATTENTION + "value/kernel",
        "pooling/key_value/kernel",
        join_last,
        _MAP_VALUE,
    ),
    (_MAP_ATTENTION + "key/bias", "pooling/key_value/bias", flat, _MAP_KEY),
    (_MAP_ATTENTION + "value/bias", "pooling/key_value/bias", flat, _MAP_VALUE),
    (_MAP_ATTENTION + "out/kernel", "pooling/projection/kernel", join_first),
    (_MAP_ATTENTION + "out/bias", "pooling/projection/bias", as_is),
    (_MAP + "LayerNorm_0/scale", "pooling/norm/gamma", as_is),
    (_MAP + "LayerNorm_0/bias", "pooling/norm/beta", as_is),
    (_MAP + "MlpBlock_0/Dense_0/kernel", "pooling/mlp/dense_1/kernel", as_is),
    (_MAP + "MlpBlock_0/Dense_0/bias", "pooling/mlp/dense_1/bias", as_is),
    (_MAP + "MlpBlock_0/Dense_1/kernel", "pooling/mlp/dense_2/kernel", as_is),
    (_MAP + "MlpBlock_0/Dense_1/bias", "pooling/mlp/dense_2/bias", as_is),
    ("pre_logits/kernel", "pre_logits/kernel", as_is),
    ("pre_logits/bias", "pre_logits/bias", as_is),
    ("head/kernel", "head/kernel", join_first),
    ("head/bias", "head/bias", as_is),
)

_TIMM_BLOCK = "blocks.{i}."
_TIMM_MAP = "attn_pool."

TIMM = (
    ("patch_embed.proj.weight", PATCH_KERNEL, hwio_joined),
    ("patch_embed.proj.bias", "patch_encoder/projection/bias", as_is),
    ("cls_token", CLASS_TOKEN, as_is),
    ("reg_token", "patch_encoder/register_tokens", as_is),
    ("pos_embed", POSITIONS, as_is),
    (_TIMM_BLOCK + "norm1.weight", _OURS + "attention_norm/gamma", as_is),
    (_TIMM_BLOCK + "norm1.bias", _OURS + "attention_norm/beta", as_is),
    (_TIMM_BLOCK + "attn.qkv.weight", _FUSED + "kernel", transpose),
    (_TIMM_BLOCK + "attn.qkv.bias", _FUSED + "bias", as_is),
    (_TIMM_BLOCK + "attn.q_norm.weight", _OURS + "attention/query_norm/gamma", as_is),
    (_TIMM_BLOCK + "attn.q_norm.bias", _OURS + "attention/query_norm/beta", as_is),
    (_TIMM_BLOCK + "attn.k_norm.weight", _OURS + "attention/key_norm/gamma", as_is),
    (_TIMM_BLOCK + "attn.k_norm.bias", _OURS + "attention/key_norm/beta", as_is),
    (
        _TIMM_BLOCK + "attn.proj.weight",
        _OURS + "attention/projection/kernel",
        transpose,
    ),
    (_TIMM_BLOCK + "attn.proj.bias", _OURS + "attention/projection/bias", as_is),
    (_TIMM_BLOCK + "ls1.gamma", _OURS + "attention_scale/gamma", as_is),
    (_TIMM_BLOCK + "norm2.weight", _OURS + "mlp_norm/gamma", as_is),
    (_TIMM_BLOCK + "norm2.bias", _OURS + "mlp_norm/beta", as_is),
    (_TIMM_BLOCK + "mlp.fc1.weight", _OURS + "mlp/dense_1/kernel", transpose),
    (_TIMM_BLOCK + "mlp.fc1.bias", _OURS + "mlp/dense_1/bias", as_is),
    (_TIMM_BLOCK + "mlp.fc2.weight", _OURS + "mlp/dense_2/kernel", transpose),
    (_TIMM_BLOCK + "mlp.fc2.bias", _OURS + "mlp/dense_2/bias", as_is),
    (_TIMM_BLOCK + "ls2.gamma", _OURS + "mlp_scale/gamma", as_is),
    ("norm.weight", "encoder_norm/gamma", as_is),
    ("norm.bias", "encoder_norm/beta", as_is),
    (_TIMM_MAP + "latent", "pooling/probe", as_is),
    (_TIMM_MAP + "q.weight", "pooling/query/kernel", transpose),
    (_TIMM_MAP + "q.bias", "pooling/query/bias", as_is),
    (_TIMM_MAP + "kv.weight", "pooling/key_value/kernel", transpose),
    (_TIMM_MAP + "kv.bias", "pooling/key_value/bias", as_is),
    (_TIMM_MAP + "proj.weight", "pooling/projection/kernel", transpose),
    (_TIMM_MAP + "proj.bias", "pooling/projection/bias", as_is),
    (_TIMM_MAP + "norm.weight", "pooling/norm/gamma", as_is),
    (_TIMM_MAP + "norm.bias", "pooling/norm/beta", as_is),
    (_TIMM_MAP + "mlp.fc1.weight", "pooling/mlp/dense_1/kernel", transpose),
    (_TIMM_MAP + "mlp.fc1.bias", "pooling/mlp/dense_1/bias", as_is),
    (_TIMM_MAP + "mlp.fc2.weight", "pooling/mlp/dense_2/kernel", transpose),
    (_TIMM_MAP + "mlp.fc2.bias", "pooling/mlp/dense_2/bias", as_is),
    ("fc_norm.weight", "pooled_norm/gamma", as_is),
    ("fc_norm.bias", "pooled_norm/beta", as_is),
    ("pre_logits.fc.weight", "pre_logits/kernel", transpose),
    ("pre_logits.fc.bias", "pre_logits/bias", as_is),
    ("head.weight", "head/kernel", transpose),
    ("head.bias", "head/bias", as_is),
)

_HF_BLOCK = "encoder.layer.{i}."
_HF_ATTENTION = _HF_BLOCK + "attention.attention."

# Hugging Face transformers; names as after dropping the prefix `vit.`.
HUGGING_FACE = (
    ("embeddings.patch_embeddings.projection.weight", PATCH_KERNEL, hwio_joined),
    (
        "embeddings.patch_embeddings.projection.bias",
        "patch_encoder/projection/bias",
        as_is,
    ),
    ("embeddings.cls_token", CLASS_TOKEN, as_is),
    ("embeddings.position_embeddings", POSITIONS, as_is),
    (_HF_BLOCK + "layernorm_before.weight", _OURS + "attention_norm/gamma", as_is),
    (_HF_BLOCK + "layernorm_before.bias", _OURS + "attention_norm/beta", as_is),
    (_HF_ATTENTION + "query.weight", _FUSED + "kernel", transpose, _QUERY),
    (_HF_ATTENTION + "key.weight", _FUSED + "kernel", transpose, _KEY),
    (_HF_ATTENTION + "value.weight", _FUSED + "kernel", transpose, _VALUE),
    (_HF_ATTENTION + "query.bias", _FUSED + "bias", as_is, _QUERY),
    (_HF_ATTENTION + "key.bias", _FUSED + "bias", as_is, _KEY),
    (_HF_ATTENTION + "value.bias", _FUSED + "bias", as_is, _VALUE),
    (
        _HF_BLOCK + "attention.output.dense.weight",
        _OURS + "attention/projection/kernel",
        transpose,
    ),
    (
        _HF_BLOCK + "attention.output.dense.bias",
        _OURS + "attention/projection/bias",
        as_is,
    ),
    (_HF_BLOCK + "layernorm_after.weight", _OURS + "mlp_norm/gamma", as_is),
    (_HF_BLOCK + "layernorm_after.bias", _OURS + "mlp_norm/beta", as_is),
    (_HF_BLOCK + "intermediate.dense.weight", _OURS + "mlp/dense_1/kernel", transpose),
    (_HF_BLOCK + "intermediate.dense.bias", _OURS + "mlp/dense_1/bias", as_is),
    (_HF_BLOCK + "output.dense.weight", _OURS + "mlp/dense_2/kernel", transpose),
    (_HF_BLOCK + "output.dense.bias", _OURS + "mlp/dense_2/bias", as_is),
    ("layernorm.weight", "encoder_norm/gamma", as_is),
    ("layernorm.bias", "encoder_norm/beta", as_is),
    ("pooler.dense.weight", "pre_logits/kernel", transpose),
    ("pooler.dense.bias", "pre_logits/bias", as_is),
    ("classifier.weight", "head/kernel", transpose),
    ("classifier.bias", "head/bias", as_is),
)
