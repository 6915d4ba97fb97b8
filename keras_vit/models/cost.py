"""Moved to `keras_vit.costs.flops`; this name works for one more release."""

from keras_vit.costs.flops import (  # noqa: F401
    TRAINING_FACTOR,
    flops_by_part,
    forward_flops,
    run_cost,
)
