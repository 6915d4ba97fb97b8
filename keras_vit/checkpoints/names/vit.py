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
from keras_vit.checkpoints.names.transforms import as_is, transpose

PATCHES = "patch_encoder/projection"
PATCH_KERNEL = "patch_encoder/projection/kernel"
PATCH_BIAS = "patch_encoder/projection/bias"
CLASS_TOKEN = "patch_encoder/class_token"
REGISTER_TOKENS = "patch_encoder/register_tokens"
POSITIONS = "patch_encoder/position_embedding/embeddings"
PRE_LOGITS = ("pre_logits/kernel", "pre_logits/bias")
HEAD = ("head/kernel", "head/bias")
# What tells classes in a YOLOS, and in a Detector.
DETECTION_HEADS = (
    ("class_head_3/kernel", "class_head_3/bias"),
    ("class_output/kernel", "class_output/bias"),
)
# In the place of a kernel, of a LeNet-5: the codes to which distances are measured.
HEAD_CODES = "head/codes"
# Variables with an item for each class, and along which axis.
CLASSES = (
    *((HEAD[1], -1), (HEAD[0], -1), (HEAD_CODES, 0)),
    ("mask_transformer/class_tokens", 1),
)
# The second of two heads whose mean counts; `Checkpoint` folds both into `HEAD`.
DISTILLED_HEAD = ("distilled_head/kernel", "distilled_head/bias")

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
    ("register_tokens", REGISTER_TOKENS, as_is),  # DINOv2's own code
    ("dist_token", REGISTER_TOKENS, as_is),
    ("pos_embed", POSITIONS, as_is),
    ("norm_pre", "pre_norm", TORCH_NORM),
    (_TIMM_BLOCK + "norm1", _OURS + "attention_norm", TORCH_NORM),
    (_TIMM_BLOCK + "attn.qkv", _FUSED, TORCH_DENSE),
    (_TIMM_BLOCK + "attn.q_norm", _OURS + "attention/query_norm", TORCH_NORM),
    (_TIMM_BLOCK + "attn.k_norm", _OURS + "attention/key_norm", TORCH_NORM),
    (_TIMM_BLOCK + "attn.proj", _OURS + "attention/projection", TORCH_DENSE),
    (_TIMM_BLOCK + "ls1.gamma", _OURS + "attention_scale/gamma", as_is),
    (_TIMM_BLOCK + "gamma_1", _OURS + "attention_scale/gamma", as_is),  # DeiT III
    (_TIMM_BLOCK + "norm2", _OURS + "mlp_norm", TORCH_NORM),
    (_TIMM_BLOCK + "mlp.fc1", _OURS + "mlp/dense_1", TORCH_DENSE),
    (_TIMM_BLOCK + "mlp.fc2", _OURS + "mlp/dense_2", TORCH_DENSE),
    # SwiGLU: gate and value packed, as DINOv2's own code names them, or apart.
    (_TIMM_BLOCK + "mlp.w12", _OURS + "mlp/dense_1", TORCH_DENSE),
    (_TIMM_BLOCK + "mlp.w3", _OURS + "mlp/dense_2", TORCH_DENSE),
    (_TIMM_BLOCK + "mlp.fc1_g", _OURS + "mlp/dense_1", TORCH_DENSE, (0, 2)),
    (_TIMM_BLOCK + "mlp.fc1_x", _OURS + "mlp/dense_1", TORCH_DENSE, (1, 2)),
    (_TIMM_BLOCK + "ls2.gamma", _OURS + "mlp_scale/gamma", as_is),
    (_TIMM_BLOCK + "gamma_2", _OURS + "mlp_scale/gamma", as_is),
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
    ("head_dist", "distilled_head", TORCH_DENSE),
)

_VISION_BLOCK = "encoder.layers.encoder_layer_{i}."

# torchvision, whose files call the dense layers of the MLP `linear_1` and `linear_2`,
# and whose code `0` and `3`.
TORCHVISION = (
    ("conv_proj", PATCHES, TORCH_PATCHES),
    ("class_token", CLASS_TOKEN, as_is),
    ("encoder.pos_embedding", POSITIONS, as_is),
    (_VISION_BLOCK + "ln_1", _OURS + "attention_norm", TORCH_NORM),
    (_VISION_BLOCK + "self_attention.in_proj_weight", _FUSED + "/kernel", transpose),
    (_VISION_BLOCK + "self_attention.in_proj_bias", _FUSED + "/bias", as_is),
    (
        _VISION_BLOCK + "self_attention.out_proj",
        _OURS + "attention/projection",
        TORCH_DENSE,
    ),
    (_VISION_BLOCK + "ln_2", _OURS + "mlp_norm", TORCH_NORM),
    (_VISION_BLOCK + "mlp.linear_1", _OURS + "mlp/dense_1", TORCH_DENSE),
    (_VISION_BLOCK + "mlp.linear_2", _OURS + "mlp/dense_2", TORCH_DENSE),
    (_VISION_BLOCK + "mlp.0", _OURS + "mlp/dense_1", TORCH_DENSE),
    (_VISION_BLOCK + "mlp.3", _OURS + "mlp/dense_2", TORCH_DENSE),
    ("encoder.ln", "encoder_norm", TORCH_NORM),
    ("heads.pre_logits", "pre_logits", TORCH_DENSE),
    ("heads.head", "head", TORCH_DENSE),
)
