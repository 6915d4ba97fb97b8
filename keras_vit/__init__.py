"""Vision Transformers, BiT ResNets and hybrids for Keras 3."""

import sys

from keras_vit.common.interrupts import INTERRUPTS, is_command

if is_command():
    INTERRUPTS.take()  # before the imports that take seconds

    from keras_vit.common.streams import be_plain

    be_plain()  # before libraries keep stderr for their logs
    del be_plain

from keras_vit._version import __version__
from keras_vit.common.lazy import lazy_attributes
from keras_vit.models.variants.rows import FAMILIES

# The command imports Keras once it knows that it will compute (`cli.py`). Its workers,
# which are spawned, unpickle what needs it.
if not is_command() or "multiprocessing.spawn" in sys.modules:
    from keras_vit.common.environment import check_environment

    check_environment()

    from keras_vit import registered as _  # noqa: F401

    del check_environment

del INTERRUPTS, is_command, sys

# Everything else is imported when it is first used.
__getattr__, __dir__, __all__ = lazy_attributes(
    globals(),
    {
        "advising": [],
        "advising.writing": ["advise"],
        "boxes": [],
        "certificates.certificate": ["verify"],
        "checkpoints": [],
        "checkpoints.plan.report": ["LoadReport"],
        "checkpoints.positions": ["resize_position_embeddings"],
        "checkpoints.registry": ["list_weights"],
        "converting": [],
        "converting.inspecting": ["inspect_checkpoint"],
        "converting.writing": ["convert"],
        "costs.summary": ["summary"],
        "data": [],
        "data.pixel_weights": ["unet_weight_map"],
        "estimator.classifier": ["Classifier"],
        "evaluation": [],
        "explaining.writing": ["explain"],
        "exporting": [],
        "exporting.checked": ["export"],
        "inference.box_writing": ["write_coco_boxes", "write_yolo_boxes"],
        "inference.detecting": ["detect"],
        "inference.mask_writing": ["overlay", "write_coco_masks", "write_mask"],
        "inference.predicting": ["predict"],
        "inference.segmenting": ["segment"],
        "inference.tiles": ["predict_tiles"],
        "inference.windows": ["predict_windows"],
        "layers": [],
        "losses": [],
        "models": [],
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
        "models.pretrained.imagenet_names": ["decode_predictions"],
        "models.pretrained.weights": ["load_weights"],
        "models.segmentation.segmenter": ["Segmenter"],
        "models.variants.listing": ["list_models"],
        "models.vit": ["ViT"],
        "models.yolos": ["YOLOS"],
        "pretraining": [],
        "pretraining.losses": ["MaskedPatchLoss"],
        "pretraining.model": ["MaskedPatchPrediction"],
        "published": [],
        "training": [],
        "tuner": [],
        "visualize": [],
    },
)
__all__ = [*__all__, "__version__"]
