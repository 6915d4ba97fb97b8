"""The cost of a run before it starts: computed, not measured."""

import dataclasses
import types

from keras_vit.common.wording import as_duration, hint
from keras_vit.costs.chips import CHIPS, PEAK_TFLOPS, UTILISATION
from keras_vit.costs.flops import TRAINING_FACTOR
from keras_vit.data.sets.known import image_shape, num_training_images
from keras_vit.models.variants import counts
from keras_vit.models.variants.lineage import LINEAGE
from keras_vit.models.variants.listing import canonical_name, published_flops
from keras_vit.training.model_arguments import SMALL, family_of, model_arguments


@dataclasses.dataclass(frozen=True)
class Cost:
    """The cost of a run of a recipe; prints as text."""

    # Updates of the whole run.
    steps: int
    # Training images seen, each time anew.
    images: int
    # Passes over the training images; `None` where their number is not known.
    epochs: float | None
    # Floating-point operations of training, a multiply-add counted as two.
    flops: float
    # Where it would run, and what share of the peak is assumed there; `None` if unsaid.
    hardware: str | None = None
    # Hours of all devices together on the clock, and times their number.
    hours: float | None = None
    device_hours: float | None = None

    def __str__(self):
        passes = "" if self.epochs is None else f" ({self.epochs:.3g} epochs)"
        lines = [
            f"{self.steps:,} updates, {self.images:,} images{passes}",
            f"{self.flops:.3g} floating-point operations, evaluation apart",
        ]
        if self.hours is not None:
            lines.append(f"about {as_duration(3600 * self.hours)} on {self.hardware}")
        return "\n".join(lines)


def images_trained_on(recipe, images):
    """How many of so many training images are left beside the validation part."""
    if not recipe.validation_fraction:
        return images
    return images - max(1, round(recipe.validation_fraction * images))


def estimate_cost(
    recipe,
    num_examples=None,
    *,
    gflops=None,
    hardware=None,
    devices=1,
    utilisation=UTILISATION,
):
    """Steps, images, operations and hours of a run.

    A backward pass costs two forward passes, so that training costs three; with
    `freeze=("backbone",)` nothing flows back, and it costs one.

    Args:
        recipe: A `Recipe`.
        num_examples: Integer, number of training images. Known for the papers' data
            sets.
        gflops: Float, 1e9 operations of the model's forward pass for one image, a
            multiply-add counted as two. Known for published models, and for the small
            ones where the recipe or the data says the image size.
        hardware: A name from `keras_vit.costs.chips.PEAK_TFLOPS` such as
            `"a100"`, or a float: 1e12 operations per second that one device is known
            to reach with this model. Without it there are no hours.
        devices: Integer, how many of them.
        utilisation: Float in `(0, 1]`, the share of the named chip's peak that is
            reached. Defaults to 0.4.

    Returns:
        A `Cost`, which prints as text.

    Raises:
        ValueError: if the data, the model or the hardware is not known.

    Example:

    >>> print(recipe("vit_l16_jft_14ep").cost(hardware="tpu-v3-core", devices=512))
    1,035,636 updates, 4,241,965,056 images (14 epochs)
    1.57e+21 floating-point operations, evaluation apart
    about 35 h on 512 x tpu-v3-core at 40 % of 61.5 TFLOP/s
    """
    if num_examples is None:
        num_examples = num_training_images(recipe.data)
        if num_examples is not None:
            num_examples = images_trained_on(recipe, num_examples)
    if num_examples is None and recipe.total_steps is None:
        raise ValueError(
            "`num_examples` must be given for data whose size is not known. "
            f"Received: num_examples=None, data={recipe.data!r}"
        )
    if gflops is None:
        gflops = _forward_gflops(recipe)
    if num_examples is None:
        steps, batch_size = recipe.total_steps, recipe.batch_size
    else:
        batch_size = min(recipe.batch_size, num_examples)
        steps = recipe.resolve_steps(num_examples // batch_size)
    images = steps * batch_size
    passes = 1 if "backbone" in recipe.freeze else TRAINING_FACTOR
    cost = Cost(
        steps=steps,
        images=images,
        epochs=None if num_examples is None else images / num_examples,
        flops=passes * images * gflops * 1e9,
    )
    if hardware is None:
        return cost
    rate, text = _rate(hardware, utilisation)
    device_hours = cost.flops / rate / 3600
    return dataclasses.replace(
        cost,
        hardware=f"{devices} x {text}",
        hours=device_hours / devices,
        device_hours=device_hours,
    )


def _rate(hardware, utilisation):
    """Operations per second of one device, and how that was found."""
    if not isinstance(hardware, str):
        return hardware * 1e12, f"{hardware:g} TFLOP/s"
    hardware = f"tpu-{hardware}" if hardware in CHIPS else hardware
    if hardware not in PEAK_TFLOPS:
        raise ValueError(
            f"`hardware` must be one of {', '.join(PEAK_TFLOPS)}, or the TFLOP/s that "
            "a device reaches. "
            f"Received: hardware={hardware!r}.{hint(hardware, PEAK_TFLOPS)}"
        )
    peak = PEAK_TFLOPS[hardware]
    text = f"{hardware} at {100 * utilisation:g} % of {peak:g} TFLOP/s"
    return peak * utilisation * 1e12, text


def _forward_gflops(recipe):
    """Of a model at the recipe's image size, from the closed forms."""
    if recipe.model in SMALL:
        return _small_flops(recipe) / 1e9
    size = 224 if recipe.image_size is None else recipe.image_size
    return published_flops(canonical_name(recipe.model), size) / 1e9


def _small_flops(recipe):
    """Of a small model, whose sizes its images decide."""
    *sides, channels = image_shape(recipe.data) or (None, None, 3)
    if recipe.image_size is None and None in sides:
        raise ValueError(
            "`image_size` of the recipe, or `gflops`, must be given: the model "
            f"{recipe.model!r} takes the size of its images, which is not known for "
            f"{recipe.data!r}. "
            "Received: image_size=None"
        )
    recipe = dataclasses.replace(recipe, weights=None)  # which need not be there
    arguments = model_arguments(recipe, native_size=sides, num_channels=channels)
    family = family_of(recipe.model)
    if family in LINEAGE:
        rows, size = LINEAGE[family], arguments["image_size"]
        a = types.SimpleNamespace(**{**rows.defaults, **arguments, "num_classes": 10})
        size = size if isinstance(size, tuple) else (size, size)
        return 2 * sum(rows.multiply_adds(a, size).values())
    _, flops = counts.FORMULAS[family]
    return flops(
        types.SimpleNamespace(**arguments),
        num_classes=10,
        image_size=arguments["image_size"],
        num_channels=arguments["num_channels"],
    )
