"""What happens to a decoded image before the model sees it, written down as JSON.

`Preprocessing` is a list of steps and a number of channels. The one used for evaluation
is saved inside the model file, so that prediction does the same; the one used for
training is made from it by `augmentation`.
"""

import dataclasses
import difflib
from collections.abc import Sequence

from keras_vit.data.step_json import step_from_json, step_to_json
from keras_vit.data.steps import (
    CentralCrop,
    Flip,
    InceptionCrop,
    Pad,
    RandomCrop,
    Resize,
    ResizeSmall,
    Step,
    ValueRange,
)

RESIZES = ("stretch", "central_crop")
AUGMENTATIONS = ("auto", "none", "flip", "crop", "crop_flip", "inception")
SMALL_IMAGE = 96  # pixels: up to this side, "auto" crops instead of zooming


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """The steps from a decoded image to the model's input.

    Args:
        steps: Steps in their order, the last one usually `ValueRange`. See
            `keras_vit.data.steps`.
        num_channels: 1 or 3. Grey images are repeated, coloured ones turned grey.

    Example:

    >>> keras_vit.data.preprocessing(224).to_json()
    {'num_channels': 3, 'steps': [{'step': 'resize', 'height': 224, ...}, ...]}
    """

    steps: tuple[Step, ...]
    num_channels: int = 3

    def __post_init__(self):
        object.__setattr__(self, "steps", tuple(self.steps))
        if self.num_channels not in (1, 3):
            raise ValueError(
                "`num_channels` must be 1 (grey) or 3 (red, green, blue). "
                f"Received: num_channels={self.num_channels}"
            )
        self.image_size  # noqa: B018  raises where the steps contradict each other

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) that comes out."""
        size = None
        for step in self.steps:
            needed = (step.height, step.width) if _crops(step) else (0, 0)
            if size and (size[0] < needed[0] or size[1] < needed[1]):
                raise ValueError(
                    f"A crop can't be larger than what it cuts from. Received: {step} "
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


def _crops(step) -> bool:
    return isinstance(step, CentralCrop | RandomCrop)


def preprocessing(
    image_size,
    *,
    num_channels: int = 3,
    resize: str = "stretch",
    value_range: tuple[float, float] = (-1.0, 1.0),
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

    Returns:
        A `Preprocessing`.
    """
    height, width = size_pair(image_size)
    if resize not in RESIZES:
        raise ValueError(
            f"`resize` must be one of {', '.join(RESIZES)}. Received: resize={resize!r}"
        )
    if resize == "stretch":
        first = (Resize(height, width),)
    else:
        side = round(max(height, width) * 8 / 7)
        first = (ResizeSmall(side), CentralCrop(height, width))
    return Preprocessing((*first, ValueRange(*value_range)), num_channels)


def evaluation_steps(image_size, given, num_channels) -> Preprocessing:
    """The evaluation steps from one of two ways to give them."""
    if (image_size is None) == (given is None):
        raise ValueError(
            "Give either `image_size` or `preprocessing`. "
            f"Received: image_size={image_size}, preprocessing={given}"
        )
    if given is None:
        return preprocessing(image_size, num_channels=num_channels)
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


def augmentation(augment, evaluation: Preprocessing) -> Preprocessing:
    """The training steps that go with evaluation steps.

    Args:
        augment: One of
            `None` or `"none"`: the evaluation steps;
            `"flip"`: those, mirrored at random;
            `"crop"`: resized, padded with black by an eighth of the side, and cropped
            at random, as is usual for CIFAR;
            `"crop_flip"`: that, mirrored at random;
            `"inception"`: a random part of the image (5 to 100 % of its area, aspect
            ratio 0.75 to 1.33) resized, mirrored at random, as in the official
            fine-tuning;
            `"auto"`: `"crop_flip"` up to 96 pixels, else `"inception"`;
            or a list of steps from `keras_vit.data.steps`, which replaces all but the
            last step, the value range.
        evaluation: The evaluation's `Preprocessing`.

    Returns:
        A `Preprocessing` of the same image size, channels and range.
    """
    height, width = evaluation.image_size
    last = tuple(step for step in evaluation.steps if isinstance(step, ValueRange))
    geometry = tuple(s for s in evaluation.steps if not isinstance(s, ValueRange))
    if augment is None:
        augment = "none"
    if augment == "auto":
        augment = "crop_flip" if min(height, width) <= SMALL_IMAGE else "inception"
    crop = (Pad(max(1, round(max(height, width) / 8))), RandomCrop(height, width))
    named = {
        "none": geometry,
        "flip": (*geometry, Flip()),
        "crop": (Resize(height, width), *crop),
        "crop_flip": (Resize(height, width), *crop, Flip()),
        "inception": (InceptionCrop(height, width), Flip()),
    }
    if isinstance(augment, str):
        if augment not in named:
            close = difflib.get_close_matches(augment, AUGMENTATIONS, 1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise ValueError(
                f"`augment` must be one of {', '.join(AUGMENTATIONS)}, or a list of "
                f"steps. Received: augment={augment!r}.{hint}"
            )
        steps = named[augment]
    else:
        steps = _checked(augment)
        last = () if any(isinstance(step, ValueRange) for step in steps) else last
    training = Preprocessing((*steps, *last), evaluation.num_channels)
    if training.image_size != (height, width):
        raise ValueError(
            f"`augment` must end with images of {height}x{width} pixels, as evaluation "
            f"does. Received: steps that make {training.image_size}: {augment}"
        )
    return training


def _checked(steps: Sequence[Step]) -> tuple[Step, ...]:
    if not isinstance(steps, Sequence) or not all(isinstance(s, Step) for s in steps):
        raise ValueError(
            f"`augment` must be one of {', '.join(AUGMENTATIONS)}, or a list of steps. "
            f"Received: augment={steps!r}"
        )
    return tuple(steps)
