"""`Preprocessing`: the steps from a decoded image to a model's input, as JSON.

`Preprocessing` is a list of steps and a number of channels. The one used for evaluation
is saved inside the model file, so that prediction does the same; the one used for
training is made from it by `augmentation`, see `augmentations.py`.
"""

import dataclasses
from collections.abc import Sequence

from keras_vit.common.checks import check_choice
from keras_vit.data.steps import (
    BatchStep,
    CentralCrop,
    RandomCrop,
    Resize,
    ResizeSmall,
    Step,
    ValueRange,
)
from keras_vit.data.steps.spelling import step_from_json, step_to_json, steps_from_text

RESIZES = ("stretch", "central_crop")


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """The steps from a decoded image to the model's input.

    Args:
        steps: Steps in their order: those on images, the last one usually `ValueRange`,
            then those on batches, if any. See `keras_vit.data.steps`.
        num_channels: 1 or 3. Grey images are repeated, coloured ones turned grey.

    Example:

    >>> keras_vit.data.preprocessing(224).to_json()
    {'num_channels': 3, 'steps': [{'step': 'resize', 'height': 224, ...}, ...]}
    """

    steps: tuple[Step | BatchStep, ...]
    num_channels: int = 3

    def __post_init__(self):
        object.__setattr__(self, "steps", tuple(self.steps))
        if self.num_channels not in (1, 3):
            raise ValueError(
                "`num_channels` must be 1 (grey) or 3 (red, green, blue). "
                f"Received: num_channels={self.num_channels}"
            )
        late = [s for s in self.steps[len(self.image_steps) :] if isinstance(s, Step)]
        if late:
            raise ValueError(
                "Steps on batches (mixup, cutmix, label smoothing) come after all of "
                f"those on images and the value range. Received: {late[0]} after "
                f"{self.batch_steps[0]}"
            )
        early = [step for step in self.batch_steps[:-1] if step.last]
        if early:
            raise ValueError(
                f"No step can follow {early[0]}: its output is not images "
                f"and labels. Received: {self.batch_steps[-1]}"
            )
        self.image_size  # noqa: B018  raises where the steps contradict each other

    @property
    def image_steps(self) -> tuple[Step, ...]:
        """The steps on images, up to the first on batches."""
        on_batches = [isinstance(step, BatchStep) for step in self.steps]
        return self.steps[: on_batches.index(True)] if any(on_batches) else self.steps

    @property
    def batch_steps(self) -> tuple[BatchStep, ...]:
        """The steps on whole batches, which make the labels one-hot."""
        return tuple(step for step in self.steps if isinstance(step, BatchStep))

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) that comes out."""
        size = None
        for step in self.image_steps:
            crops = isinstance(step, CentralCrop | RandomCrop)
            crops = crops and getattr(step, "border", None) is None
            if crops and size and (size[0] < step.height or size[1] < step.width):
                raise ValueError(
                    "A crop can't be larger than the image that it is cut from. "
                    f"Received: {step} "
                    f"after steps that make {size[0]}x{size[1]} pixels."
                )
            size = step.output_size(size)
        if size is None:
            raise ValueError(
                "One of the steps must fix the size of the image (Resize, a crop). "
                f"Received: steps={self.steps}"
            )
        return size

    def to_json(self) -> dict:
        """A dictionary of plain numbers, strings and lists; see `from_json`."""
        entries = [step_to_json(step) for step in self.steps]
        return {"num_channels": self.num_channels, "steps": entries}

    @classmethod
    def from_json(cls, entry: dict) -> "Preprocessing":
        """The inverse of `to_json`."""
        if not isinstance(entry, dict) or not {"num_channels", "steps"} <= set(entry):
            raise ValueError(
                "A preprocessing must be a dictionary with the keys 'num_channels' and "
                f"'steps', as `Preprocessing.to_json` writes it. Received: {entry!r}"
            )
        steps = [step_from_json(step) for step in entry["steps"]]
        return cls(tuple(steps), entry["num_channels"])


def preprocessing(
    image_size,
    *,
    num_channels: int = 3,
    resize: str = "stretch",
    value_range: tuple[float, float] = (-1.0, 1.0),
    last_step: BatchStep | None = None,
) -> Preprocessing:
    """The evaluation steps for an image size.

    Args:
        image_size: Integer or (height, width), pixels.
        num_channels: 1 or 3.
        resize: `"stretch"`, bilinear straight to the size, aspect ratio not kept, as
            the official fine-tuning evaluates; or `"central_crop"`, the smaller side to
            8/7 of the size and the middle cut out, as big_vision does (224 from 256).
        value_range: The values that black and white become. Defaults to `(-1, 1)`,
            which all official weights expect.
        last_step: A `keras_vit.data.steps.CorruptPatches` for masked patch prediction.
            Training does it too, whatever its augmentation. Defaults to `None`.

    Returns:
        A `Preprocessing`.
    """
    height, width = size_pair(image_size)
    check_choice(resize, RESIZES, "resize")
    side = round(max(height, width) * 8 / 7)
    first = (ResizeSmall(side), CentralCrop(height, width))
    first = (Resize(height, width),) if resize == "stretch" else first
    last = () if last_step is None else (last_step,)
    return Preprocessing((*first, ValueRange(*value_range), *last), num_channels)


def evaluation_steps(image_size, given, num_channels) -> Preprocessing:
    """The evaluation steps from one of two ways to give them."""
    if (image_size is None) == (given is None):
        raise ValueError(
            "Give either `image_size` or `preprocessing`. "
            f"Received: image_size={image_size}, preprocessing={given}"
        )
    if given is None:
        return preprocessing(image_size, num_channels=num_channels)
    return as_preprocessing(given)


def as_preprocessing(given) -> Preprocessing:
    """A `Preprocessing` from itself or its JSON."""
    return Preprocessing.from_json(given) if isinstance(given, dict) else given


def size_pair(image_size) -> tuple[int, int]:
    """(height, width) from an integer or a pair of integers."""
    size = (image_size, image_size) if isinstance(image_size, int) else image_size
    try:
        height, width = (int(length) for length in size)
    except (TypeError, ValueError):
        height = width = 0
    if height < 1 or width < 1:
        raise ValueError(
            "`image_size` must be a positive integer or (height, width), pixels. "
            f"Received: image_size={image_size!r}"
        )
    return height, width


def evaluation_with(given, own: Preprocessing) -> Preprocessing:
    """The evaluation steps that were asked for in place of a model's own.

    Args:
        given: None for the model's own; a string of steps, such as
            `"resize_small(256)|central_crop(224)"`, or a list of them: steps that name
            no size take the model's, and where no step sets the value range, it is the
            model's; or a `Preprocessing` or its JSON, taken as it is.
        own: The model's `Preprocessing`.

    Returns:
        A `Preprocessing` of the same size and channels.

    Raises:
        ValueError: if a step is wrong, random or for training, or other images come
            out than the model takes.
    """
    if given is None:
        return own
    given = as_preprocessing(given)
    if not isinstance(given, Preprocessing):
        given = _in_range_of(own, _steps(given, own))
    _check_fixed(given.steps)
    made = (*given.image_size, given.num_channels)
    wanted = (*own.image_size, own.num_channels)
    if made != wanted:
        raise ValueError(
            "The steps must end with images that the model takes, of "
            f"{wanted[0]}x{wanted[1]} pixels and {wanted[2]} channels. Received: steps "
            f"that make {made[0]}x{made[1]} pixels and {made[2]} channels. A model for "
            "another size comes from keras_vit.with_image_size."
        )
    return given


def _steps(given, own):
    steps = (None,)
    if isinstance(given, str):
        steps = steps_from_text(given, own.image_size)
    elif isinstance(given, Sequence):
        steps = tuple(given)
    if not all(isinstance(step, Step | BatchStep) for step in steps):
        raise ValueError(
            "Evaluation steps are given as a string, such as "
            "'resize_small(256)|central_crop(224)', a list of steps, or a "
            f"`Preprocessing`. Received: {given!r}"
        )
    return steps


def _in_range_of(own, steps):
    """The steps with the model's value range and channels."""
    _check_fixed(steps)
    if not any(isinstance(step, ValueRange) for step in steps):
        steps += tuple(s for s in own.image_steps if isinstance(s, ValueRange))
    return Preprocessing(steps, own.num_channels)


def _check_fixed(steps):
    wrong = [s for s in steps if s.random or isinstance(s, BatchStep)]
    if wrong:
        raise ValueError(
            "Evaluation takes steps on images that have nothing random: resize, "
            "resize_small, central_crop, pad and value_range. "
            f"Received: {wrong[0]}"
        )
