"""Files to variables; knows paths of variables, no model class."""

from keras_vit.checkpoints.architecture import arguments_of, facts_of, family_of
from keras_vit.checkpoints.checkpoint import Checkpoint
from keras_vit.checkpoints.opening import open_source
from keras_vit.checkpoints.plan.load import fill, make_plan
from keras_vit.checkpoints.plan.report import LoadReport
from keras_vit.checkpoints.positions import resize_position_embeddings
from keras_vit.checkpoints.registry import (
    Source,
    WeightsTable,
    find_source,
    list_weights,
    source_url,
)

__all__ = [
    "Checkpoint",
    "LoadReport",
    "Source",
    "WeightsTable",
    "arguments_of",
    "facts_of",
    "family_of",
    "fill",
    "find_source",
    "list_weights",
    "make_plan",
    "open_source",
    "resize_position_embeddings",
    "source_url",
]
