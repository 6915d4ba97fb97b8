"""One export: the model as it is written, and the input of the file."""

import functools
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np

from keras_vit.exporting.describing import describe
from keras_vit.exporting.several_outputs import side_by_side
from keras_vit.inference.loaded import (
    gives_pixels,
    output_kind,
    pixel_output_kind,
)
from keras_vit.models.changes.folding import fold_weight_standardization
from keras_vit.models.changes.rebuilding import from_checkpoint
from keras_vit.models.vision_model import arguments_of, image_shape, settings_of


@dataclass
class Job:
    """One export.

    Attributes:
        model: The model as it was given.
        plain: The same in float32, as one plain model of this package.
        format: String, a key of `FORMATS`.
        path: `Path` to write to, not yet the final one.
        value_range: What black and white are for the model.
        preprocess: Boolean, whether the file takes pixels.
        postprocess: Boolean, whether it gives probabilities.
        input_dtype: `"float32"` or `"uint8"`.
        quantization: `"dynamic"` or `"static"`.
        calibration: Array of inputs for static quantisation, or `None`.
        notes: Sentences for the report, to which whoever writes may add.
    """

    model: keras.Model
    plain: keras.Model
    format: str
    path: Path
    value_range: tuple
    preprocess: bool = False
    postprocess: bool = False
    input_dtype: str = "float32"
    quantization: str = "dynamic"
    calibration: np.ndarray | None = None
    notes: list = field(default_factory=list)

    @property
    def family(self):
        return settings_of(self.plain)["family"]

    @property
    def arguments(self):
        return arguments_of(self.plain)

    @functools.cached_property
    def about(self):
        """What the file says of itself; see `describing.describe`."""
        try:
            kind = None if gives_pixels(self.plain) else output_kind(self.plain)
        except ValueError:  # features, or boxes
            kind = None
        return describe(self, kind)

    def from_pixels(self, pixels):
        """What the model takes, of pixels in [0, 255]."""
        low, high = self.value_range
        return (pixels * ((high - low) / 255) + low).astype("float32")

    def inputs(self, pixels):
        """What the file takes, of pixels in [0, 255]."""
        if not self.preprocess:
            return self.from_pixels(pixels)
        return pixels.astype(self.input_dtype)

    def served(self):
        """The Keras model that becomes the graph."""
        low, high = self.value_range
        shape = image_shape(self.plain)
        x = images = keras.Input(shape, dtype=self.input_dtype, name="image")
        if self.preprocess:
            x = keras.layers.Rescaling((high - low) / 255, low, dtype="float32")(x)
        model = self.plain
        if arguments_of(model).get("standardization"):
            model = fold_weight_standardization(model)
        # Said here: Keras's augmentation trains unless told otherwise.
        x = side_by_side(model(x, training=False))
        kind = scores_kind(self.plain) if self.postprocess else None
        if kind == "binary":  # several labels an image
            x = keras.layers.Activation(
                "sigmoid", dtype="float32", name="probabilities"
            )(x)
        if kind == "logits":
            x = keras.layers.Softmax(dtype="float32", name="probabilities")(x)
        return keras.Model(images, x, name=self.plain.name)


def plain_model(model):
    """`model` in float32, LoRA part of the kernels, nothing kept for training.

    Returns:
        `(plain, notes)`: a new model, and sentences about what is different.

    Raises:
        ValueError: if the model is quantized, or is not of this package and not a
            plain float32 model.
    """
    layers = model._flatten_layers()
    quantized = [layer.path for layer in layers if layer.quantization_mode]
    if quantized:
        raise ValueError(
            "A model that Keras has quantized cannot be exported. Received: "
            f"{model.name!r} with {len(quantized)} quantized layers, such as "
            f"{quantized[0]}. Export the float model with format='litert_int8'."
        )
    adapted = sum(bool(getattr(layer, "lora_enabled", False)) for layer in layers)
    settings, policy, notes = settings_of(model), _policy(model), []
    if not settings and (adapted or policy != "float32"):
        raise ValueError(
            "A part cut out of a model can be exported in float32 and without LoRA "
            f"only. Received: {model.name!r} in {policy} with {adapted} adapted "
            "layers. Export the whole model."
        )
    if adapted:
        notes.append(f"LoRA of {adapted} layers is merged into their kernels.")
    if policy != "float32":
        notes.append(
            f"The model computes in {policy}, the file in float32; the comparison is "
            "with a float32 copy."
        )
    if not settings:
        return model, notes
    plain = from_checkpoint(model, dtype="float32", remat=False, name=model.name)
    plain.metadata.update(model.metadata)
    return plain, notes


def scores_kind(model):
    """The `output_kind` of a model, of whole images or of every pixel."""
    return (pixel_output_kind if gives_pixels(model) else output_kind)(model)


def computes_in_full(model):
    """Whether a model computes in float32 at least."""
    policy = keras.dtype_policies.get(_policy(model))
    return policy.compute_dtype in ("float32", "float64")


def _policy(model):
    """The name of a model's dtype policy: its constructor's, not Keras's global one."""
    return arguments_of(model).get("dtype") or model.dtype_policy.name
