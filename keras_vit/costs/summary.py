"""`summary`: parameters, operations, memory and speed of a model."""

import dataclasses
import math
import re

import keras

from keras_vit.costs.flops import flops_by_part
from keras_vit.costs.memory import estimate_training
from keras_vit.costs.parts import PARTS, parameters_by_part
from keras_vit.costs.text import as_text
from keras_vit.costs.time import images_per_second
from keras_vit.layers.tokens.patches import pair
from keras_vit.models import build, with_image_size
from keras_vit.models.vision_model import image_shape

BATCH_SIZES = (1, 32, 256)


@dataclasses.dataclass(frozen=True)
class ModelFacts:
    """What `summary` found; prints as text."""

    name: str
    # Height, width and channels of the images.
    image_shape: tuple
    dtype: str
    # By part, see `keras_vit.costs.parts.PARTS`: numbers of weights, and floating-point
    # operations of the forward pass of one image, a multiply-add counted as two;
    # `None` where the model is not of this package.
    parameters: dict
    flops: dict | None
    # Of the weights, in bytes.
    weight_bytes: int
    # Batch size to the `keras_vit.training.Estimate` of training with AdamW.
    training: dict
    # Batch size to images per second of the forward pass on this machine, measured.
    speed: dict = dataclasses.field(default_factory=dict)

    @property
    def num_parameters(self):
        """The number of all weights."""
        return sum(self.parameters.values())

    @property
    def gflops(self):
        """1e9 operations of the forward pass of one image, or `None`."""
        return None if self.flops is None else sum(self.flops.values()) / 1e9

    def to_json(self):
        """The facts as a dictionary that JSON can hold."""
        sums = {"num_parameters": self.num_parameters, "gflops": self.gflops}
        training = {size: each.to_json() for size, each in self.training.items()}
        return {**dataclasses.asdict(self), **sums, "training": training}

    def __str__(self):
        return as_text(self)


def summary(
    model,
    batch_sizes=BATCH_SIZES,
    *,
    num_classes=1000,
    image_size=None,
    optimizer="adamw",
    measure=False,
):
    """Parameters and operations by part, memory by batch size, and speed on request.

    Args:
        model: A model of this package, or the name of a published one.
        batch_sizes: Integers, images at once.
        num_classes: Integer, classes of a model given by name.
        image_size: Integer or `(height, width)`, pixels. Defaults to the model's;
            needed where that is open.
        optimizer: As for `keras_vit.training.estimate_training`.
        measure: Boolean, whether to measure the forward pass on this machine, for a few
            seconds for each batch size. Defaults to `False`.

    Returns:
        A `ModelFacts`, which prints as text.

    Raises:
        ValueError: if there is no such model, a size is not positive, or the image
            size is open and none is given.

    Example:

    >>> print(keras_vit.summary("ViT_B16"))
    >>> keras_vit.summary(keras_vit.ViT_S16(10), image_size=(224, 384)).gflops
    16.0...
    """
    sizes = tuple(dict.fromkeys(batch_sizes))
    for size in sizes:
        if int(size) != size or size < 1:
            raise ValueError(
                "`batch_sizes` must be positive integers. "
                f"Received: batch_sizes={batch_sizes}"
            )
    if isinstance(model, str):
        given = {} if image_size is None else {"image_size": image_size}
        model = build(model, num_classes=num_classes, **given)
    elif not isinstance(model, keras.Model):
        raise ValueError(
            "`model` must be a Keras model, or a name from `keras_vit.list_models()`. "
            f"Received: model={model!r}"
        )
    elif image_size is not None and pair(image_size, "image_size") != _size(model):
        model = with_image_size(model, image_size)
    return ModelFacts(
        name=model.name,
        image_shape=tuple(image_shape(model)),
        dtype=model.dtype_policy.name,
        parameters=parameters_by_part(model),
        flops=_in_order(flops_by_part(model)),
        weight_bytes=sum(_bytes(weight) for weight in model.weights),
        training={
            size: estimate_training(model, size, optimizer=optimizer) for size in sizes
        },
        speed={size: images_per_second(model, size) for size in sizes if measure},
    )


def _size(model):
    return tuple(image_shape(model)[:2])


def _bytes(weight):
    dtype = keras.backend.standardize_dtype(weight.dtype)
    return math.prod(weight.shape) * int(re.search(r"\d+", dtype)[0]) // 8


def _in_order(flops):
    if flops is None:
        return None
    return {part: flops[part] for part in PARTS if flops.get(part)}
