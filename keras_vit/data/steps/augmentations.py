"""Augmentations of training images: names, short strings, lists of steps."""

from collections.abc import Sequence

from keras_vit.common.wording import hint
from keras_vit.data.steps import (
    STEPS,
    BatchStep,
    Flip,
    InceptionCrop,
    Mixup,
    Pad,
    RandAugment,
    RandomCrop,
    Resize,
    ResizeSmall,
    Step,
    ValueRange,
)
from keras_vit.data.steps.preprocessing import Preprocessing
from keras_vit.data.steps.spelling import steps_from_text

SMALL_IMAGE = 96  # pixels: up to this side, "auto" crops instead of zooming

# Layers and magnitude of RandAugment, alpha of mixup.
AUGREG = {
    "augreg_none": (0, 0, 0.0),
    "augreg_light1": (2, 0, 0.0),
    "augreg_light2": (2, 10, 0.2),
    "augreg_medium1": (2, 15, 0.2),
    "augreg_medium2": (2, 15, 0.5),
    "augreg_strong1": (2, 20, 0.5),
    "augreg_strong2": (2, 20, 0.8),
}
AUGMENTATIONS = (
    "auto",
    "none",
    "flip",
    "crop",
    "crop_flip",
    "inception",
    "resmall_crop",
    "resize_crop",
    *AUGREG,
)


def augmentation(augment, evaluation: Preprocessing) -> Preprocessing:
    """The training steps that go with evaluation steps.

    Args:
        augment: A name:
            `None` or `"none"`: the evaluation steps;
            `"flip"`: those, mirrored at random;
            `"crop"`: resized, padded with black by an eighth of the side, and cropped
            at random, as is usual for CIFAR;
            `"crop_flip"`: that, mirrored at random;
            `"inception"`: a random part of the image (5 to 100 % of its area, aspect
            ratio 0.75 to 1.33) resized, mirrored at random, as in the official
            fine-tuning;
            `"resmall_crop"`: the smaller side resized to 7/6 of the size (448 for 384),
            cropped at random, mirrored at random, as in big_vision's transfers;
            `"resize_crop"`: the same from a square, as in BiT's;
            `"augreg_none"`, `"augreg_light1"`, `"augreg_light2"`, `"augreg_medium1"`,
            `"augreg_medium2"`, `"augreg_strong1"`, `"augreg_strong2"`: `"inception"`,
            then RandAugment and mixup as strong as that level of the paper;
            `"auto"`: `"crop_flip"` up to 96 pixels, else `"inception"`.
            Or a string of steps: `"inception_crop|flip|randaugment(2,10)|mixup(0.2)"`;
            see `steps_from_text`. Steps that name no size take the evaluation's.
            Or a list of steps from `keras_vit.data.steps`.
            One of the names above may stand before steps: `"crop_flip|mixup(0.2)"`.
            Other strings, and lists, replace all of the evaluation's steps but two: the
            value range, which comes before the steps on batches (mixup, cutmix, label
            smoothing), and `corrupt_patches`, which comes last. Where none of them
            decides the size (`"flip|mixup(0.2)"`), they follow the evaluation's.
        evaluation: The evaluation's `Preprocessing`.

    Returns:
        A `Preprocessing` of the same image size, channels and range.

    Raises:
        ValueError: naming the step that is wrong and what was probably meant, or if
            another size comes out than evaluation has.

    Example:

    >>> evaluation = keras_vit.data.preprocessing(224)
    >>> augmentation("inception_crop(area_min=0.3)|flip", evaluation).steps
    (InceptionCrop(height=224, width=224, area_min=0.3, ...), Flip(...), ...)

    Reference: [Steiner et al., 2021](https://arxiv.org/abs/2106.10270), section 3.
    """
    size = evaluation.image_size
    steps = _named(augment, evaluation)
    if steps is None:
        read = _from_text if isinstance(augment, str) else _checked
        steps = read(augment, evaluation)
    if all(step.output_size(None) is None for step in steps if isinstance(step, Step)):
        steps = (*_without_range(evaluation), *steps)
    training = Preprocessing(_in_order(steps, evaluation), evaluation.num_channels)
    if training.image_size != size:
        raise ValueError(
            f"`augment` must end with images of {size[0]}x{size[1]} pixels, as "
            f"evaluation does. Received: steps that make {training.image_size}: "
            f"{augment}"
        )
    return training


def augreg_name(spelling: str) -> str:
    """The augmentation that a published file's name means.

    The file names count the light levels from 0: their `light0` is the paper's light1,
    their `light1` its light2. Nowhere else is that spelling used.

    Args:
        spelling: String, `"none"`, `"light0"`, `"light1"`, `"medium1"`, `"medium2"`,
            `"strong1"` or `"strong2"`.

    Returns:
        One of the names that `augmentation` takes, such as `"augreg_light1"`.
    """
    names = {name.removeprefix("augreg_"): name for name in AUGREG}
    names |= {"light0": names["light1"], "light1": names.pop("light2")}
    if spelling not in names:
        raise ValueError(
            f"A file's augmentation must be one of {', '.join(sorted(names))}. "
            f"Received: spelling={spelling!r}"
        )
    return names[spelling]


def _named(augment, evaluation):
    """The steps of a named augmentation; None if there is none of that name."""
    height, width = evaluation.image_size
    if augment == "auto":
        augment = "crop_flip" if min(height, width) <= SMALL_IMAGE else "inception"
    if not isinstance(augment, str | None):
        return None
    if augment in AUGREG:
        return _augreg(height, width, *AUGREG[augment])
    given = _without_range(evaluation)
    whole = Resize(height, width)
    padded = (Pad(max(1, round(max(height, width) / 8))), RandomCrop(height, width))
    larger = [round(length * 7 / 6) for length in (height, width)]
    return {
        "none": given,
        "flip": (*given, Flip()),
        "crop": (whole, *padded),
        "crop_flip": (whole, *padded, Flip()),
        "inception": (InceptionCrop(height, width), Flip()),
        "resmall_crop": (ResizeSmall(max(larger)), RandomCrop(height, width), Flip()),
        "resize_crop": (Resize(*larger), RandomCrop(height, width), Flip()),
    }.get("none" if augment is None else augment)


def _without_range(evaluation):
    return tuple(s for s in evaluation.image_steps if not isinstance(s, ValueRange))


def _augreg(height, width, num_layers, magnitude, alpha):
    steps = (InceptionCrop(height, width), Flip())
    if num_layers:  # at magnitude 0, RandAugment still changes images
        steps = (*steps, RandAugment(num_layers, magnitude))
    return (*steps, Mixup(alpha)) if alpha else steps


def _from_text(augment, evaluation):
    size = evaluation.image_size
    first, bar, rest = (part.strip() for part in augment.partition("|"))
    if bar and first in AUGMENTATIONS and first not in STEPS:
        return (*_named(first, evaluation), *steps_from_text(rest, size))
    if first.isidentifier() and not bar and first not in STEPS:
        raise ValueError(
            f"`augment` must be one of {', '.join(AUGMENTATIONS)}; or steps, as in "
            f"'inception_crop|flip|mixup(0.2)', from {', '.join(STEPS)}; or a list of "
            f"steps. Received: augment={augment!r}."
            f"{hint(augment, (*AUGMENTATIONS, *STEPS))}"
        )
    return steps_from_text(augment, size)


def _in_order(steps, evaluation):
    """The steps with the evaluation's value range, before those on batches."""
    last = tuple(step for step in evaluation.batch_steps if step.last)
    if last and not any(getattr(step, "last", False) for step in steps):
        steps = (*steps, *last)
    if any(isinstance(step, ValueRange) for step in steps):
        return steps
    ranges = tuple(s for s in evaluation.image_steps if isinstance(s, ValueRange))
    on_batches = [isinstance(step, BatchStep) for step in steps]
    first = on_batches.index(True) if any(on_batches) else len(steps)
    return (*steps[:first], *ranges, *steps[first:])


def _checked(steps, evaluation):
    kinds = Step | BatchStep
    if not isinstance(steps, Sequence) or not all(isinstance(s, kinds) for s in steps):
        raise ValueError(
            f"`augment` must be one of {', '.join(AUGMENTATIONS)}, or a string or list "
            f"of steps. Received: augment={steps!r}"
        )
    return tuple(steps)
