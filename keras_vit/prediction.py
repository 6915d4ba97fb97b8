"""Moved to `keras_vit.inference`; this name works for one more release."""

from keras_vit.inference.loaded import (  # noqa: F401
    class_names,
    class_probabilities,
    load_model,
    output_kind,
    preprocessing_of,
)
from keras_vit.inference.predicting import (  # noqa: F401
    Prediction,
    find_images,
    predict,
)
