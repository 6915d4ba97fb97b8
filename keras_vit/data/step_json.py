"""Steps as dictionaries of plain values, and back."""

import dataclasses
import inspect

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

STEPS = {
    "resize": Resize,
    "resize_small": ResizeSmall,
    "central_crop": CentralCrop,
    "inception_crop": InceptionCrop,
    "pad": Pad,
    "random_crop": RandomCrop,
    "flip": Flip,
    "value_range": ValueRange,
}


def step_to_json(step: Step) -> dict:
    """`{"step": name, field: value, ...}` of a step."""
    name = next(name for name, kind in STEPS.items() if kind is type(step))
    return {"step": name, **dataclasses.asdict(step)}


def step_from_json(entry: dict) -> Step:
    """The inverse of `step_to_json`."""
    fields = dict(entry)
    name = fields.pop("step", None)
    if name not in STEPS:
        raise ValueError(
            f"A step must be one of {', '.join(STEPS)}. "
            f"Received: step={name!r} in {entry}"
        )
    try:
        return STEPS[name](**fields)
    except TypeError:
        raise ValueError(
            f"Step {name!r} takes {inspect.signature(STEPS[name])}. Received: {entry}"
        ) from None
