"""Vision Transformers, BiT ResNets and hybrids for Keras 3."""

from keras_vit._environment import check_environment

check_environment()

from keras_vit import checkpoints, layers, models, pretraining  # noqa: E402
from keras_vit._lazy import lazy_attributes  # noqa: E402
from keras_vit._version import __version__  # noqa: E402
from keras_vit.checkpoints import (  # noqa: E402
    LoadReport,
    list_weights,
    resize_position_embeddings,
)
from keras_vit.models import (  # noqa: E402
    BiT,
    BiT_R50x1,
    BiT_R50x3,
    BiT_R101x1,
    BiT_R101x3,
    BiT_R152x2,
    BiT_R152x4,
    HybridViT,
    R26_ViT_B32,
    R26_ViT_S32,
    R50_ViT_B16,
    R50_ViT_L32,
    R_ViT_Ti16,
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
    build,
    decode_predictions,
    fold_weight_standardization,
    from_checkpoint,
    list_models,
    load_weights,
    preprocess_input,
    with_image_size,
    with_num_classes,
)
from keras_vit.pretraining import MaskedPatchLoss, MaskedPatchPrediction  # noqa: E402

# What needs TensorFlow's input pipelines is imported when it is first used.
_LAZY = {
    "data": "keras_vit.data",
    "evaluation": "keras_vit.evaluation",
    "training": "keras_vit.training",
    "tuner": "keras_vit.tuner",
    "predict": "keras_vit.prediction:predict",
    "verify": "keras_vit.certificate:verify",
    "visualize": "keras_vit.visualize",
}
__getattr__, __dir__ = lazy_attributes(globals(), _LAZY)

__all__ = [
    "BiT",
    "BiT_R50x1",
    "BiT_R50x3",
    "BiT_R101x1",
    "BiT_R101x3",
    "BiT_R152x2",
    "BiT_R152x4",
    "HybridViT",
    "LoadReport",
    "MaskedPatchLoss",
    "MaskedPatchPrediction",
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
    "__version__",
    "build",
    "checkpoints",
    "data",
    "decode_predictions",
    "evaluation",
    "fold_weight_standardization",
    "from_checkpoint",
    "layers",
    "list_models",
    "list_weights",
    "load_weights",
    "models",
    "predict",
    "preprocess_input",
    "pretraining",
    "resize_position_embeddings",
    "training",
    "tuner",
    "verify",
    "visualize",
    "with_image_size",
    "with_num_classes",
]
