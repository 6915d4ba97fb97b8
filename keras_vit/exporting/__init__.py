"""Exports models to other formats, and checks each file with its own runtime."""

from keras_vit.common.lazy import lazy_attributes

__getattr__, __dir__, __all__ = lazy_attributes(
    globals(),
    {
        "exporting.checked": ["export"],
        "exporting.formats": ["FORMATS"],
        "exporting.parity": ["Parity"],
        "exporting.report": ["ExportReport"],
    },
)
