"""Masked patch prediction: a backbone learns from images without labels."""

from keras_vit.common.lazy import lazy_attributes

__getattr__, __dir__, __all__ = lazy_attributes(
    globals(),
    {
        "pretraining.colours": ["bin_colours", "colour_classes"],
        "pretraining.losses": ["MaskedPatchLoss"],
        "pretraining.metrics": [
            "CommonestColour",
            "MaskedPatchAccuracy",
            "VisibleNeighbours",
            "masked_patch_metrics",
        ],
        "pretraining.model": [
            "MaskedPatchPrediction",
            "corruption_step",
            "example_targets",
            "is_pretraining",
        ],
        "pretraining.mosaic_pictures": ["mosaics"],
        "pretraining.targets": ["TARGETS"],
    },
)
