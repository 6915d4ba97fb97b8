"""Estimates the memory that a training run will need."""

import dataclasses
import math

import numpy as np

from keras_vit.common.checks import check_positive
from keras_vit.common.wording import as_memory
from keras_vit.costs.activations import kept_values
from keras_vit.costs.machine import available_memory
from keras_vit.layers.convolution.batch_norm import trained_norm
from keras_vit.models.vision_model import image_shape

# Values per weight that an optimizer keeps, of float32.
SLOTS = {"adamw": 2, "adam": 2, "sgd": 1, "rmsprop": 2}

# What the largest layer needs at once on top of what is kept: gradients of all that
# it keeps, and the copies that they are made with.
WORKING = 2

# What the loss keeps for each class: log-probabilities, targets, and their gradients.
LOSS = 3

# Bytes of a kept value in half precision: norms and attention scores stay in float32.
HALF = 3

# Batches of pixels in the pipeline and on their way: float32, prefetched by two.
PIPELINE = 4

# Share of the memory that a run may be estimated to need. On TensorFlow's CPU backend
# estimates are 0.85 to 1.2 times what was needed, and 1.33 times for LeNet-5, whose
# first layer is most of it (benchmarks/training_memory.py); the compiler apart, which
# takes up to one GiB.
SAFE = 0.75


@dataclasses.dataclass(frozen=True)
class Estimate:
    """What `estimate_training` found, in bytes; prints as text."""

    weights: int
    # Of the weights that are trained; twice where a batch is computed in parts.
    gradients: int
    # The optimizer's values and averages of the weights.
    optimizer: int
    # What is kept of the images for the backward pass, and needed while it runs, for
    # one image.
    activations_per_image: int
    # Pixels of one image, times the batches that lie in memory.
    pixels_per_image: int
    batch_size: int
    accumulation_steps: int
    # What the evaluation after the training takes; 0 where there is none.
    evaluation: int = 0
    # Whether a batch norm must see the batch as a whole.
    whole_batches: bool = False

    @property
    def fixed(self):
        """Bytes that do not depend on the batch."""
        return self.weights + self.gradients + self.optimizer

    @property
    def activations(self):
        """Bytes of the part of a batch that is computed at once."""
        at_once = -(-self.batch_size // self.accumulation_steps)
        return at_once * self.activations_per_image

    @property
    def pixels(self):
        """Bytes of the images of several batches."""
        return self.batch_size * self.pixels_per_image

    @property
    def total(self):
        """Bytes in all, above what the program itself needs."""
        return max(self.training, self.fixed + self.evaluation)

    @property
    def training(self):
        """Bytes of the training alone."""
        return self.fixed + self.activations + self.pixels

    def images_that_fit(self, available):
        """The largest batch that can be computed at once in so many bytes; 0 if none.

        A quarter of the memory is left free, because this is an estimate.
        """
        room = SAFE * available - self.fixed
        return max(0, int(room // (self.activations_per_image + self.pixels_per_image)))

    def to_json(self):
        """The estimate as a dictionary that JSON can hold, with its sums."""
        sums = {name: getattr(self, name) for name in ("activations", "pixels")}
        return {**dataclasses.asdict(self), **sums, "total": self.total}

    def __str__(self):
        amounts = {
            "weights": self.weights,
            "gradients": self.gradients,
            "optimizer": self.optimizer,
            "activations": self.activations,
            "images": self.pixels,
        }
        if self.total > self.training:
            amounts["evaluation afterwards"] = self.evaluation
        found = ", ".join(f"{name} {as_memory(n)}" for name, n in amounts.items())
        parts = f" in {self.accumulation_steps} parts" * (self.accumulation_steps > 1)
        return (
            f"about {as_memory(self.total)}: {found}; batches of "
            f"{self.batch_size}{parts}"
        )


def estimate_training(
    model,
    batch_size,
    *,
    optimizer="adamw",
    momentum_dtype="float32",
    accumulation_steps=1,
    average=False,
    evaluation=0,
) -> Estimate:
    """How much memory a training run will need at most.

    Counted are weights, gradients and the optimizer's values, what the layers keep
    for the backward pass, and the batches of images on their way; not the program
    itself, nor data that is kept in memory. Image size and precision are the model's.

    Args:
        model: A functional model of a known image size.
        batch_size: Integer, images per update.
        optimizer: `"adamw"`, `"adam"`, `"sgd"` or `"rmsprop"` (with momentum), or a
            Keras optimizer that was built, whose variables are counted.
        momentum_dtype: `"float32"` or `"bfloat16"`; see `Recipe`.
        accumulation_steps: Integer, the parts that a batch is computed in.
        average: Boolean, whether an average of the weights is kept (`ema_momentum`).
        evaluation: Integer, bytes that an evaluation after the training takes beside
            the model. Defaults to 0.

    Returns:
        An `Estimate`, which prints as text.

    Raises:
        ValueError: if a number is not positive, the optimizer is unknown, or the
            model takes images of every size.

    Example:

    >>> print(estimate_training(keras_vit.ViT_B16(), 64))
    """
    check_positive(batch_size=batch_size, accumulation_steps=accumulation_steps)
    kept, largest = kept_values(model)
    shape = model.output_shape
    if isinstance(shape, tuple) and len(shape) in (2, 4):  # of images or pixels
        kept += LOSS * math.prod(side or 0 for side in shape[1:])
    half = any(
        layer.weights and _bytes(layer.compute_dtype) == 2 for layer in model.layers
    )
    trained = sum(math.prod(v.shape) for v in model.trainable_variables)
    weights = bytes_of(model.variables)
    if half:  # a copy of every weight is made for the computation
        weights += 2 * sum(math.prod(v.shape) for v in model.weights)
    return Estimate(
        weights=weights,
        gradients=4 * trained * (2 if accumulation_steps > 1 else 1),
        optimizer=_slots(optimizer, trained, momentum_dtype) + 4 * trained * average,
        activations_per_image=(HALF if half else 4) * (kept + WORKING * largest),
        pixels_per_image=4 * PIPELINE * math.prod(image_shape(model)),
        batch_size=int(batch_size),
        accumulation_steps=int(accumulation_steps),
        evaluation=int(evaluation),
        whole_batches=trained_norm(model) is not None,
    )


class TooLarge(ValueError):
    """A run needs more memory than there is."""


def refuse_if_too_large(estimate, available=None):
    """Raises before a run that would not fit in memory.

    Args:
        estimate: An `Estimate`.
        available: Integer, bytes. Defaults to `available_memory()`; where that is not
            known, nothing is refused.

    Raises:
        TooLarge: a ValueError, with what is needed, what there is, and what would fit.
    """
    available = available_memory() if available is None else available
    if available is None or estimate.total <= SAFE * available:
        return
    raise TooLarge(
        f"This run needs {estimate}, but only {as_memory(available)} are free, and a "
        f"quarter of that is kept in reserve. {_remedy(estimate, available)} A smaller "
        "model or image_size, freeze=('backbone',) or dtype='mixed_bfloat16' also need "
        "less."
    )


def _remedy(estimate, available):
    if estimate.training <= SAFE * available:
        return "Data of fewer classes, or more free memory, would do."
    fit = estimate.images_that_fit(available)
    if not fit:
        return "Not even a batch of one image would fit."
    batch = 2 ** int(math.log2(fit))
    room = SAFE * available - estimate.pixels - estimate.fixed
    if estimate.accumulation_steps == 1:
        room -= estimate.gradients  # which are added up in another copy
    at_once = int(room // estimate.activations_per_image)
    size, same = estimate.batch_size, ""
    parts = (n for n in range(1, size + 1) if size % n == 0 and size // n <= at_once)
    number = None if estimate.whole_batches else next(parts, None)
    if number:
        same = f"accumulation_steps={number} would fit, with the same result; or "
    return f"{same}batch_size={batch} would fit."


def _slots(optimizer, trained, momentum_dtype):
    if not isinstance(optimizer, str):
        if not optimizer.built:
            raise ValueError(
                "The optimizer must be built, so that its variables can be counted: "
                "optimizer.build(model.trainable_variables). "
                f"Received: {optimizer.name}"
            )
        return bytes_of(optimizer.variables)
    if optimizer not in SLOTS:
        raise ValueError(
            f"`optimizer` must be one of {', '.join(SLOTS)}, or a Keras optimizer. "
            f"Received: optimizer={optimizer!r}"
        )
    others = 4 * (SLOTS[optimizer] - 1)
    return trained * (_bytes(momentum_dtype) + others)


def bytes_of(variables):
    """The memory of variables, in bytes."""
    return sum(math.prod(v.shape) * _bytes(v.dtype) for v in variables)


def _bytes(dtype):
    return 2 if dtype == "bfloat16" else np.dtype(dtype).itemsize
