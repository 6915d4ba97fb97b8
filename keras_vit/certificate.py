"""Moved to `keras_vit.certificates`; this name works for one more release."""

from keras_vit.certificates.certificate import (  # noqa: F401
    LOGITS_BAR,
    POSITIONS_BAR,
    Certificate,
    Check,
    golden_folder,
    verify,
)
