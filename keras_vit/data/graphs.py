"""How the pipeline's functions become graphs, and how many cores they use."""

import os

import tensorflow as tf

# The package's functions on tensors use `tf.cond` where they must, so that TensorFlow
# needn't translate their source code, which costs half a second for each pipeline.
as_written = tf.autograph.experimental.do_not_convert


def usable_cores() -> int:
    """The CPU cores that this process may use; each reads one image at a time."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        return os.cpu_count() or 1
