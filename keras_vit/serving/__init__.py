"""Serves a model: a page for people, and JSON for programs."""

from keras_vit.common.lazy import lazy_attributes

__getattr__, __dir__, __all__ = lazy_attributes(
    globals(),
    {
        "serving.addresses": ["application"],
        "serving.checking": ["check"],
        "serving.limits": ["Limits"],
        "serving.server": ["Server"],
    },
)
