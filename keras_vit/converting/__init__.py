"""Checkpoints of other projects: what they hold, and writing them in other formats."""

from keras_vit.common.lazy import lazy_attributes

__getattr__, __dir__, __all__ = lazy_attributes(
    globals(),
    {
        "converting.inspecting": ["Inspection", "inspect_checkpoint"],
        "converting.pickled": ["open_pickled"],
        "converting.writing": ["convert"],
    },
)
