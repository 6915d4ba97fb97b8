"""Compiles training steps for a TPU on a machine without one: do they fit, how fast?"""

from keras_vit.common.lazy import lazy_attributes

__getattr__, __dir__, __all__ = lazy_attributes(
    globals(),
    {
        "tpu_check.checking": ["largest_batch", "tpu_check"],
        "tpu_check.children": ["CompilerError"],
        "tpu_check.report": ["TpuReport"],
    },
)
