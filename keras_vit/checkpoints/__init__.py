"""Checkpoints: reads weights in any known layout, and fills models with them."""

from keras_vit.common.lazy import lazy_attributes

__getattr__, __dir__, __all__ = lazy_attributes(
    globals(),
    {
        "checkpoints.architecture": ["arguments_of", "facts_of", "family_of"],
        "checkpoints.checkpoint": ["Checkpoint"],
        "checkpoints.opening": ["open_source"],
        "checkpoints.plan.load": ["fill", "make_plan"],
        "checkpoints.plan.report": ["LoadReport"],
        "checkpoints.positions": ["resize_position_embeddings"],
        "checkpoints.published": ["PublishedFile"],
        "checkpoints.registry": [
            "Source",
            "WeightsTable",
            "find_source",
            "list_weights",
            "source_url",
        ],
    },
)
