"""How a model's images are prepared, as other projects say it."""

import numpy as np

from keras_vit.checkpoints.preparation import INTERPOLATIONS, Preparation
from keras_vit.data import steps_to_text
from keras_vit.data.steps import CentralCrop, Resize, ResizeSmall, ValueRange
from keras_vit.inference.loaded import preprocessing_of
from keras_vit.models.building.ends import from_minus_one_to_one
from keras_vit.models.preprocessing import scaling_text

_METHODS = {ours: theirs for theirs, ours in INTERPOLATIONS.items()}


def statistics_of(job):
    """Mean and deviation of images in [0, 1] that a model's first layer wants.

    What scales images at the entrance of a model is no weight, so a file of weights
    says it in these numbers.

    Returns:
        `(mean, deviation)`, lists of one number a channel.
    """
    a = job.arguments
    half = [[0.5] * a["num_channels"]] * 2
    mean, deviation = a.get("input_scaling") or half
    # The layers at the entrance take images in [-1, 1], or make those of pixels.
    low, high = (-1, 1) if a["include_preprocessing"] else job.value_range
    mean = [(2 * m - 1 - low) / (high - low) for m in mean]
    return mean, [2 * d / (high - low) for d in deviation]


def preparation_of(job):
    """How a model's images are prepared, and whether that is all.

    Returns:
        `(preparation, exact)`: a `Preparation`, and whether it stands for the same
        steps as the model's.
    """
    mean, deviation = statistics_of(job)
    steps = _steps(job)
    size = steps.image_size if steps else (224, 224)
    steps = steps and [s for s in steps.image_steps if not isinstance(s, ValueRange)]
    found = _words(steps) or {}
    said = {"mean": tuple(mean), "deviation": tuple(deviation), "image_size": size}
    exact = not steps or (bool(found) and getattr(steps[0], "pillow", True))
    return Preparation(**said, **found), exact


def _steps(job):
    """A model's `keras_vit.data.Preprocessing`, or `None` where it has none."""
    size = job.arguments["image_size"]
    try:
        return preprocessing_of(job.model, None if None in size else tuple(size))
    except ValueError:  # of any size, or of other channels than images have
        return None


def _words(steps):
    """The rest of a `Preparation`, of steps that it has words for, or `None`."""
    match steps:
        case [Resize(fit="stretch") as first]:
            words = {"resize": "squash"}
        case [Resize(fit="stretch") as first, CentralCrop() as crop]:
            words = {"resize": "squash", "resize_to": (first.height, first.width)}
        case [ResizeSmall() as first, CentralCrop() as crop]:
            words = {"resize": "crop", "resize_to": first.side}
        case [Resize(fit="cover") as first, CentralCrop() as crop]:
            words = {"resize": "crop", "resize_to": (first.height, first.width)}
        case [Resize(fit="contain") as first, CentralCrop() as crop]:
            words = {"resize": "border", "resize_to": (first.height, first.width)}
        case [CentralCrop() as crop]:
            return {"resize": "none", "halves": crop.halves}
        case _:
            return None
    words["interpolation"] = _METHODS.get(first.method, "bilinear")
    if len(steps) > 1:
        words["halves"] = crop.halves
    return words


def note(job, project, says):
    """A sentence for where a folder says something else than the model does."""
    steps = steps_to_text(_steps(job).image_steps)
    return (
        f"The folder cannot say how this model's images are prepared ({steps}). It "
        f"says {says}, which {project} does by Pillow, with antialiasing."
    )


def folded(job, values, kernel, bias):
    """The variables of a ViT whose patch projection scales the images itself.

    A file that has no place for mean and deviation is for images in [-1, 1]. A patch
    is projected by one matrix, so that the scaling can be part of it exactly.

    Args:
        job: A `Job`.
        values: Dictionary of a variable's path to its array.
        kernel: Path of the kernel of the projection, `(pixels * channels, D)`.
        bias: Path of its bias.

    Returns:
        A new dictionary.
    """
    entrance = from_minus_one_to_one(*statistics_of(job))
    scale, offset = (np.asarray(entrance[name]) for name in ("scale", "offset"))
    old = np.asarray(values[kernel], "float64")
    parts = old.reshape(-1, len(scale), old.shape[-1])  # (pixels, channels, D)
    new = (parts * scale[:, None]).reshape(old.shape)
    moved = values[bias] + (parts * offset[:, None]).sum((0, 1))
    return {**values, kernel: new.astype("float32"), bias: moved.astype("float32")}


def scaling_note(job):
    """A sentence about the scaling inside a model; none where there is none."""
    scaling = job.arguments.get("input_scaling")
    if scaling is None:
        return []
    return [
        "Images are scaled at the model's entrance, by the numbers of images in "
        f"[0, 1]: {scaling_text(scaling)}."
    ]


def is_plain(job):
    """Whether the first layer wants images in [-1, 1]."""
    return all(abs(n - 0.5) < 1e-9 for each in statistics_of(job) for n in each)
