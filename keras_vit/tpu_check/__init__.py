"""The TPU compiler on a machine without a TPU: does a step fit, how fast is it?"""

from keras_vit.common.lazy import lazy_attributes

_LAZY = {
    "CompilerError": "keras_vit.tpu_check.children:CompilerError",
    "TpuReport": "keras_vit.tpu_check.report:TpuReport",
    "largest_batch": "keras_vit.tpu_check.checking:largest_batch",
    "tpu_check": "keras_vit.tpu_check.checking:tpu_check",
}
__getattr__, __dir__ = lazy_attributes(globals(), _LAZY)

__all__ = sorted(_LAZY)
