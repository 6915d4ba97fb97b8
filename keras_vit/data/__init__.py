"""Data sets, from a name to batches. Needs TensorFlow under every backend."""

from keras_vit.common.lazy import lazy_attributes

__getattr__, __dir__, __all__ = lazy_attributes(
    globals(),
    {
        "data.steps": [],
        "data.dense.sources": ["BoxSource", "MaskSource"],
        "data.describing": ["Description", "describe", "list_datasets"],
        "data.loading": [
            *("from_arrays", "load", "load_splits", "own_validation", "splits"),
        ],
        "data.multilabel.source": ["MultiLabelSource"],
        "data.pipeline.complete": ["corrupt_message"],
        "data.pipeline.images": ["load_image", "load_images"],
        "data.pipeline.masked": ["corrupt_patches"],
        "data.pipeline.masked_tokens": ["corrupt_tokens"],
        "data.pixel_weights": ["unet_weight_map"],
        "data.places": ["open_place"],
        "data.real": ["real_labels"],
        "data.source": ["Source"],
        "data.steps.augmentations": ["AUGMENTATIONS", "augmentation", "augreg_name"],
        "data.steps.preprocessing": ["Preprocessing", "preprocessing"],
        "data.steps.spelling": ["steps_from_text", "steps_to_text"],
        "data.subsets": ["fold_of", "hold_out"],
    },
)
