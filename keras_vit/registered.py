"""All layers, models, losses, metrics and optimizers: imported, saved files load."""

from keras_vit import layers, losses  # noqa: F401
from keras_vit.models import vision_model  # noqa: F401
from keras_vit.pretraining import losses as masked_losses  # noqa: F401
from keras_vit.pretraining import metrics, model  # noqa: F401
from keras_vit.training.optimizers import (  # noqa: F401
    label_metrics,
    pixel_metrics,
    scaled_rate,
    schedules,
    update_rules,
)
from keras_vit.training.optimizers import losses as training_losses  # noqa: F401

for _name in layers.__all__:
    getattr(layers, _name)
