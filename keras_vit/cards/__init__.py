"""Model cards: what a trained model is, and what it was made of."""

from keras_vit.common.lazy import lazy_attributes

_LAZY = {"model_card": "keras_vit.reporting.card:model_card"}
__getattr__, __dir__ = lazy_attributes(globals(), _LAZY)

__all__ = ["model_card"]
