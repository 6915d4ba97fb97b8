"""`summary`: parameters, operations, memory and speed of a model."""

import collections
import dataclasses
import math

import keras

from keras_vit.common.checks import check_positive
from keras_vit.common.tables import Told, aligned
from keras_vit.common.wording import as_memory
from keras_vit.costs.flops import flops_by_part
from keras_vit.costs.memory import bytes_of, estimate_training
from keras_vit.costs.time import images_per_second
from keras_vit.layers.tokens.grids import pair
from keras_vit.models import build, with_image_size
from keras_vit.models.preprocessing import scaling_text
from keras_vit.models.variants.lineage import LINEAGE
from keras_vit.models.vision_model import arguments_of, image_shape, settings_of

BATCH_SIZES = (1, 32, 256)

# In the order of the forward pass, with the words for people.
PARTS = {
    "resnet": "ResNet",
    "body": "body",
    "patch_embedding": "patches and positions",
    "attention": "attention",
    "mlp": "MLP",
    "norm": "last norm",
    "pooling": "pooling",
    "head": "head",
}
DETECTION_HEADS = [f"{name}_head_{i}" for name in ("class", "box") for i in (1, 2, 3)]
_LAYERS = {
    "patch_embedding": ("patches", "patch_encoder", "patch_corruption", "pre_norm"),
    "norm": ("encoder_norm", "norm"),
    "pooling": ("pooling", "pooled_norm"),
    "head": ("pre_logits", "head", "prediction", "detection_tokens", *DETECTION_HEADS),
}


@dataclasses.dataclass(frozen=True, repr=False)
class ModelFacts(Told):
    """What `summary` found; prints as text."""

    name: str
    # Height, width and channels of the images.
    image_shape: tuple
    dtype: str
    # By part, see `PARTS`: numbers of weights, and floating-point operations of the
    # forward pass of one image, a multiply-add counted as two; `None` where the model
    # is not of this package.
    parameters: dict
    flops: dict | None
    # Of the weights, in bytes.
    weight_bytes: int
    # Batch size to the `keras_vit.costs.memory.Estimate` of training with AdamW.
    training: dict
    # Batch size to images per second of the forward pass on this machine, measured.
    speed: dict = dataclasses.field(default_factory=dict)
    # Mean and deviation by which the model scales its images, or `None`.
    input_scaling: list | None = None

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
        height, width, channels = self.image_shape
        flops = self.flops or {}
        rows = [("part", "parameters", "GFLOPs")]
        for part in dict.fromkeys((*self.parameters, *flops)):
            count = self.parameters.get(part, 0)
            rows.append(_row(PARTS.get(part, part), count, flops.get(part, 0) / 1e9))
        rows.append(_row("all", self.num_parameters, self.gflops))
        sizes = [("batch", "activations", "training in all", "images/s")]
        for size, estimate in self.training.items():
            memory = as_memory(estimate.activations), as_memory(estimate.total)
            speed = f"{self.speed[size]:.3g}" if size in self.speed else ""
            sizes.append((f"{size:,}", *memory, speed))
        scaled = self.input_scaling and scaling_text(self.input_scaling)
        lines = [
            f"{self.name}: images of {height}x{width}x{channels}, {self.dtype}"
            + f"\nscaled inside to {scaled}" * bool(scaled),
            aligned(rows, left=1),
            f"weights: {as_memory(self.weight_bytes)}",
            aligned(sizes if self.speed else [row[:-1] for row in sizes], left=0),
        ]
        notes = "(memory: estimated, of a training step)"
        if self.speed:
            notes += "\n(images/s: forward pass, measured on this machine just now)"
        return "\n\n".join(lines) + "\n" + notes


def _row(name, count, gflops):
    number = "" if gflops is None else f"{gflops:.3f}" if gflops else "-"
    return name, f"{count:,}", number


def summary(
    model,
    batch_sizes=BATCH_SIZES,
    *,
    num_classes=None,
    image_size=None,
    optimizer="adamw",
    measure=False,
):
    """Parameters and operations by part, memory by batch size, and speed on request.

    Args:
        model: A model of this package, or the name of a published one.
        batch_sizes: Integers, images at once.
        num_classes: Integer, classes of a model given by name. Defaults to those of
            the published weights, 1000 for most.
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
        check_positive(batch_sizes=size)
    if isinstance(model, str):
        given = {"num_classes": num_classes, "image_size": image_size}
        model = build(model, **{k: v for k, v in given.items() if v is not None})
    elif not isinstance(model, keras.Model):
        raise ValueError(
            "`model` must be a Keras model, or a name from `keras_vit.list_models()`. "
            f"Received: model={model!r}"
        )
    elif image_size is not None and (
        pair(image_size, "image_size") != tuple(image_shape(model)[:2])
    ):
        model = with_image_size(model, image_size)
    return ModelFacts(
        name=model.name,
        image_shape=tuple(image_shape(model)),
        dtype=model.dtype_policy.name,
        parameters=parameters_by_part(model),
        flops=_flops_in_order(model),
        weight_bytes=bytes_of(model.weights),
        training={
            size: estimate_training(model, size, optimizer=optimizer) for size in sizes
        },
        speed={size: images_per_second(model, size) for size in sizes if measure},
        input_scaling=arguments_of(model).get("input_scaling"),
    )


def _flops_in_order(model):
    flops = flops_by_part(model)
    return flops and {part: flops[part] for part in PARTS if flops.get(part)}


def parameters_by_part(model):
    """Numbers of parameters, by the part that they belong to.

    Args:
        model: A Keras model. What is not recognised is `"other"`.

    Returns:
        Dictionary from some of `PARTS` to positive integers.
    """
    found = collections.Counter()
    lineage = settings_of(model).get("family") in LINEAGE
    for weight in model.weights:
        part = _part_of(weight.path)
        part = "body" if lineage and part != "head" else part
        found[part] += math.prod(weight.shape)
    return {part: found[part] for part in (*PARTS, "other") if found[part]}


def _part_of(path):
    """The part of the weight with this path, such as `"block_00/mlp/dense_1/bias"`."""
    first, _, rest = path.partition("/")
    if first.startswith("block_"):
        return "attention" if rest.startswith(("attention", "relative")) else "mlp"
    if first.startswith("position_embedding"):
        return "patch_embedding"
    if first.startswith(("root_", "stage")):
        return "resnet"
    return next((part for part, names in _LAYERS.items() if first in names), "other")
