"""Steps as dictionaries of plain values, and back."""

import dataclasses
import typing

from keras_vit.data.steps import STEPS, BatchStep, Step


def name_of(step: Step | BatchStep) -> str:
    """The name of a step's kind."""
    return next(name for name, kind in STEPS.items() if kind is type(step))


def step_to_json(step: Step | BatchStep) -> dict:
    """`{"step": name, field: value, ...}` of a step."""
    return {"step": name_of(step), **dataclasses.asdict(step)}


def step_from_json(entry: dict) -> Step | BatchStep:
    """The inverse of `step_to_json`."""
    fields = dict(entry)
    name = fields.pop("step", None)
    if name not in STEPS:
        raise ValueError(
            f"A step must be one of {', '.join(STEPS)}. "
            f"Received: step={name!r} in {entry}"
        )
    try:
        return make_step(name, fields)
    except TypeError:
        raise ValueError(f"A step is {signature(name)}. Received: {entry}") from None


def make_step(name: str, fields: dict) -> Step | BatchStep:
    """A step from its name and fields; TypeError if one is missing or misfits."""
    step = STEPS[name](**fields)
    for field, kind in typing.get_type_hints(STEPS[name]).items():
        value, kinds = getattr(step, field), {kind, *typing.get_args(kind)}
        kinds |= {int} if float in kinds else set()
        if type(value) not in kinds:  # `True` is no number here
            raise TypeError(field)
    return step


def signature(name: str) -> str:
    """How to write a step: `"mixup(alpha, form='big_vision')"`."""
    fields = [
        field.name
        if field.default is dataclasses.MISSING
        else f"{field.name}={field.default!r}"
        for field in dataclasses.fields(STEPS[name])
    ]
    return f"{name}({', '.join(fields)})"
