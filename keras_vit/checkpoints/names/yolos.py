"""Name table for YOLOS (2021), as Hugging Face transformers writes it.

Rows are as in `names.rows`; those of the encoder are ViT's.
"""

from keras_vit.checkpoints.names import vit as paths
from keras_vit.checkpoints.names.hugging_face import HUGGING_FACE
from keras_vit.checkpoints.names.layout import Layout
from keras_vit.checkpoints.names.rows import TORCH_DENSE
from keras_vit.checkpoints.names.transforms import as_is
from keras_vit.checkpoints.preparation import SCALINGS, Preparation

FAMILY = "yolos"
NAME = "Hugging Face YOLOS"
# Of the positions after the blocks, a table for each in one array.
MID_POSITIONS = "encoder.mid_position_embeddings"
MID_PATH = "position_embedding_{i+1:02d}/embeddings"

_HEADS = ("classifier", "cls_classifier", "distillation_classifier", "pooler.dense")
_OF_OTHERS = (*_HEADS, "embeddings.register_tokens", "embeddings.distillation_token")
_ENCODER = tuple(row for row in HUGGING_FACE if row[0] not in _OF_OTHERS)

LAYOUTS = (
    Layout(
        NAME,
        FAMILY,
        (
            *_ENCODER,
            ("embeddings.detection_tokens", paths.REGISTER_TOKENS, as_is),
            (MID_POSITIONS + ".{i}", MID_PATH, as_is),
            ("class_labels_classifier.layers.{i}", "class_head_{i+1}", TORCH_DENSE),
            ("bbox_predictor.layers.{i}", "box_head_{i+1}", TORCH_DENSE),
        ),
        (
            r"embeddings\.patch_embeddings\.projection\.weight",
            r"embeddings\.detection_tokens",
        ),
        {"gelu": "erf", "epsilon": 1e-12},
        project="hugging_face",
        preparation=Preparation(*SCALINGS["imagenet"], image_size=None),
        prefixed_positions=("embeddings.position_embeddings",),
        position_kernel="bicubic",
        stacked=(MID_POSITIONS,),
        tokens_behind=True,
    ),
)
