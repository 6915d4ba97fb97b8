"""What a model sees in a few images, as one HTML page."""

from keras_vit.common.lazy import lazy_attributes

_LAZY = {
    "Report": "keras_vit.explaining.writing:Report",
    "explain": "keras_vit.explaining.writing:explain",
}
__getattr__, __dir__ = lazy_attributes(globals(), _LAZY)

__all__ = ["Report", "explain"]
