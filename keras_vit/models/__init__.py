"""Models: layers composed into functional Keras models."""

from keras_vit.common.lazy import lazy_attributes
from keras_vit.models.variants.rows import FAMILIES

__getattr__, __dir__, __all__ = lazy_attributes(
    globals(),
    {
        "models.bit": ["BiT"],
        "models.changes.adapters": ["load_adapters", "save_adapters"],
        "models.changes.folding": ["fold_batch_norm", "fold_weight_standardization"],
        "models.changes.lora": ["enable_lora"],
        "models.changes.rebuilding": ["from_checkpoint"],
        "models.changes.surgery": ["with_image_size", "with_num_classes"],
        "models.constructors": ["build", *(n for f in FAMILIES.values() for n in f)],
        "models.detection.detector": ["Detector"],
        "models.hybrid": ["HybridViT"],
        "models.lineage.efficientnet": ["EfficientNet"],
        "models.lineage.resnet": ["ResNet"],
        "models.lineage.vgg": ["VGG"],
        "models.maps": ["feature_maps"],
        "models.preprocessing": ["preprocess_input"],
        "models.pretrained.imagenet_names": ["decode_predictions", "imagenet_classes"],
        "models.pretrained.weights": ["load_weights"],
        "models.segmentation.segmenter": ["Segmenter"],
        "models.variants.listing": [
            "ModelInfo",
            "ModelTable",
            "canonical_name",
            "list_models",
        ],
        "models.vision_model": [
            "VisionModel",
            "arguments_of",
            "grid_of",
            "metadata_of",
            "reduction_of",
            "settings_of",
            "value_range_of",
        ],
        "models.vit": ["ViT"],
        "models.yolos": ["YOLOS"],
    },
)
