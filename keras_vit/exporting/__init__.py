"""Models in other formats, each file checked by its own runtime before it is kept."""

from keras_vit.common.lazy import lazy_attributes

_LAZY = {
    "FORMATS": "keras_vit.exporting.formats:FORMATS",
    "ExportReport": "keras_vit.exporting.report:ExportReport",
    "Parity": "keras_vit.exporting.parity:Parity",
    "export": "keras_vit.exporting.checked:export",
}
__getattr__, __dir__ = lazy_attributes(globals(), _LAZY)

__all__ = sorted(_LAZY)
