"""Layers to functional Keras models."""

from keras_vit.models.bit import (
    BiT,
    BiT_R50x1,
    BiT_R50x3,
    BiT_R101x1,
    BiT_R101x3,
    BiT_R152x2,
    BiT_R152x4,
)
from keras_vit.models.changes.folding import fold_weight_standardization
from keras_vit.models.changes.surgery import with_image_size, with_num_classes
from keras_vit.models.hybrid import (
    HybridViT,
    R26_ViT_B32,
    R26_ViT_S32,
    R50_ViT_B16,
    R50_ViT_L32,
    R_ViT_Ti16,
)
from keras_vit.models.preprocessing import preprocess_input
from keras_vit.models.pretrained.imagenet_names import (
    decode_predictions,
    imagenet_classes,
)
from keras_vit.models.pretrained.rebuilding import from_checkpoint
from keras_vit.models.pretrained.weights import load_weights
from keras_vit.models.variants.listing import (
    ModelInfo,
    ModelTable,
    build,
    canonical_name,
    list_models,
)
from keras_vit.models.vision_model import VisionModel
from keras_vit.models.vit import (
    ViT,
    ViT_B8,
    ViT_B16,
    ViT_B32,
    ViT_H14,
    ViT_L16,
    ViT_L32,
    ViT_S16,
    ViT_S32,
    ViT_Ti16,
)

__all__ = [
    "BiT",
    "BiT_R50x1",
    "BiT_R50x3",
    "BiT_R101x1",
    "BiT_R101x3",
    "BiT_R152x2",
    "BiT_R152x4",
    "HybridViT",
    "ModelInfo",
    "ModelTable",
    "R26_ViT_B32",
    "R26_ViT_S32",
    "R50_ViT_B16",
    "R50_ViT_L32",
    "R_ViT_Ti16",
    "ViT",
    "ViT_B8",
    "ViT_B16",
    "ViT_B32",
    "ViT_H14",
    "ViT_L16",
    "ViT_L32",
    "ViT_S16",
    "ViT_S32",
    "ViT_Ti16",
    "VisionModel",
    "build",
    "canonical_name",
    "decode_predictions",
    "fold_weight_standardization",
    "from_checkpoint",
    "imagenet_classes",
    "list_models",
    "load_weights",
    "preprocess_input",
    "with_image_size",
    "with_num_classes",
]
