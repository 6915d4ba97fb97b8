"""The paper's studies: grids of runs, with their statistics and a page."""

from keras_vit.common.lazy import lazy_attributes

__getattr__, __dir__, __all__ = lazy_attributes(
    globals(),
    {
        "studies.paper_plan": [],
        "studies.study": ["Axis", "Cell", "Compare", "Study"],
    },
)
