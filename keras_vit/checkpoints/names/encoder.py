"""Name tables for Transformer encoders alone: PyTorch's own, and BERT's.

Rows are as in `names.rows`.
"""

from keras_vit.checkpoints.names.layout import Layout
from keras_vit.checkpoints.names.rows import TORCH_DENSE, TORCH_NORM
from keras_vit.checkpoints.names.transforms import as_is, transpose

_FAMILY = "transformer encoder"
_OURS = "block_{i:02d}/"
_FUSED = _OURS + "attention/query_key_value"
_PROJECTION = _OURS + "attention/projection"

_LAYER = "layers.{i}."
_TORCH = (
    (_LAYER + "self_attn.in_proj_weight", _FUSED + "/kernel", transpose),
    (_LAYER + "self_attn.in_proj_bias", _FUSED + "/bias", as_is),
    (_LAYER + "self_attn.out_proj", _PROJECTION, TORCH_DENSE),
    (_LAYER + "norm1", _OURS + "attention_norm", TORCH_NORM),
    (_LAYER + "linear1", _OURS + "mlp/dense_1", TORCH_DENSE),
    (_LAYER + "linear2", _OURS + "mlp/dense_2", TORCH_DENSE),
    (_LAYER + "norm2", _OURS + "mlp_norm", TORCH_NORM),
    ("norm", "encoder_norm", TORCH_NORM),
)

_BERT_LAYER = "encoder.layer.{i}."
_SELF = _BERT_LAYER + "attention.self."
# The first files have TensorFlow's words.
_NORM = (*TORCH_NORM, (".gamma", "/gamma", as_is), (".beta", "/beta", as_is))
_BERT = (
    (_SELF + "query", _FUSED, TORCH_DENSE, (0, 3)),
    (_SELF + "key", _FUSED, TORCH_DENSE, (1, 3)),
    (_SELF + "value", _FUSED, TORCH_DENSE, (2, 3)),
    (_BERT_LAYER + "attention.output.dense", _PROJECTION, TORCH_DENSE),
    (_BERT_LAYER + "attention.output.LayerNorm", _OURS + "attention_norm", _NORM),
    (_BERT_LAYER + "intermediate.dense", _OURS + "mlp/dense_1", TORCH_DENSE),
    (_BERT_LAYER + "output.dense", _OURS + "mlp/dense_2", TORCH_DENSE),
    (_BERT_LAYER + "output.LayerNorm", _OURS + "mlp_norm", _NORM),
)

LAYOUTS = (
    Layout(
        "torch Transformer encoder",
        _FAMILY,
        _TORCH,
        (r"layers\.0\.self_attn\.in_proj_weight", r"layers\.0\.linear1\.weight"),
        absent=(),
    ),
    Layout(
        "Hugging Face BERT",
        _FAMILY,
        _BERT,
        (r"encoder\.layer\.0\.attention\.self\.query\.weight",),
        {"gelu": "erf", "epsilon": 1e-12},
        project="hugging_face",
        absent=(),
        ignored=(
            (r"embeddings\..*", "of BERT's embeddings, not of its encoder"),
            (r"(?:pooler|cls|classifier|qa_outputs)\..*", "of BERT's heads"),
        ),
    ),
)
