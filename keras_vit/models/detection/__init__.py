"""Detection: classes and boxes of objects, by a dense head on a backbone."""

from keras_vit.common.lazy import lazy_attributes

__getattr__, __dir__, __all__ = lazy_attributes(
    globals(),
    {
        "models.detection.decoding": ["decode"],
        "models.detection.detector": ["Detector"],
    },
)
