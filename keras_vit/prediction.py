"""Moved to `keras_vit.inference`; this name goes on for one release."""

from keras_vit.inference.predicting import (  # noqa: F401
    Prediction,
    class_names,
    class_probabilities,
    find_images,
    load_model,
    output_kind,
    predict,
    preprocessing_of,
)
