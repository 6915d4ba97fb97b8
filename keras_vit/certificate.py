"""Moved to `keras_vit.certificates`; this name goes on for one release."""

from keras_vit.certificates.certificate import (  # noqa: F401
    LOGITS_BAR,
    POSITIONS_BAR,
    Certificate,
    Check,
    golden_folder,
    verify,
)
