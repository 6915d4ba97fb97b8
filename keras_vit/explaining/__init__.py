"""An HTML page that shows what a model sees in a few images."""

from keras_vit.common.lazy import lazy_attributes

__getattr__, __dir__, __all__ = lazy_attributes(
    globals(), {"explaining.writing": ["Report", "explain"]}
)
