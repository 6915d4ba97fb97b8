"""All layers, models, losses and metrics: imported, saved files load without more."""

from keras_vit import layers, losses  # noqa: F401
from keras_vit.models import vision_model  # noqa: F401
from keras_vit.pretraining import losses as masked_losses  # noqa: F401
from keras_vit.pretraining import metrics, model  # noqa: F401

for _name in layers.__all__:
    getattr(layers, _name)
