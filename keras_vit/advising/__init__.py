"""Advice after a run and before one: what a colleague would say, with the numbers."""

from keras_vit.common.lazy import lazy_attributes

__getattr__, __dir__, __all__ = lazy_attributes(
    globals(),
    {
        "advising.advice": ["Advice", "Line"],
        "advising.data_page": ["write_data_page"],
        "advising.writing": ["advise", "read_advice"],
    },
)
