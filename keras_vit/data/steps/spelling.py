"""Converts steps to one short string, and back.

The string is a list of names with arguments, between bars:
`inception_crop|flip|randaugment(2,10)|mixup(0.2)`. The arguments are those of the
classes in `keras_vit.data.steps`. Sizes may be left out where the model's size is
meant, and one number for a size means a square.
"""

import ast
import dataclasses
import typing

from keras_vit.common.wording import hint
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


def steps_to_text(steps) -> str:
    """A list of steps as one string; `steps_from_text` makes the same steps of it.

    Args:
        steps: Sequence of steps from `keras_vit.data.steps`.

    Example:

    >>> steps_to_text([steps.Flip(), steps.RandAugment(2, 10), steps.Mixup(0.2)])
    'flip|randaugment(2,10)|mixup(0.2)'
    """
    return "|".join(_step_text(step) for step in steps)


def _step_text(step):
    arguments = []
    for field in dataclasses.fields(step):
        value = getattr(step, field.name)
        if field.default is dataclasses.MISSING:
            arguments.append(repr(value))
        elif value != field.default:
            arguments.append(f"{field.name}={value!r}")
    name = name_of(step)
    return f"{name}({','.join(arguments)})" if arguments else name


def steps_from_text(text: str, image_size=None) -> tuple[Step | BatchStep, ...]:
    """The steps that a string describes.

    Args:
        text: String such as `"resize_small(256)|random_crop|flip(probability=0.3)"`.
        image_size: (height, width), pixels, of the steps that name no size; None if all
            of them do.

    Returns:
        Tuple of steps from `keras_vit.data.steps`.

    Raises:
        ValueError: naming the part that is not a step, and how it is written.
    """
    parts = [part.strip() for part in _split(text)]
    return tuple(_step(part, text, image_size) for part in parts)


def _split(text):
    """The parts between the bars; bars in quotes belong to their part."""
    parts, quote = [""], None
    for letter in text:
        if letter in "'\"" and quote in (None, letter):
            quote = None if quote else letter
        if letter == "|" and not quote:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _step(part, text, image_size):
    name, positional, named = _call(part, text)
    if name not in STEPS:
        raise ValueError(
            f"{name!r} is not a step.{hint(name, STEPS, signature)} "
            f"Steps are {', '.join(STEPS)}. Received: {part!r} in {text!r}"
        )
    fields = [field.name for field in dataclasses.fields(STEPS[name])]
    given = dict(zip(fields, positional)) | named
    twice = set(fields[: len(positional)]) & set(named)
    unknown = [str(key) for key in named if key not in fields]
    try:
        if len(positional) > len(fields) or twice or unknown:
            raise TypeError
        return make_step(name, _with_size(given, fields, image_size))
    except TypeError:  # an argument is missing, unknown, or of a wrong type
        meant = hint(unknown[0], fields) if unknown else ""
        raise ValueError(
            f"A step is written {signature(name)}. "
            f"Received: {part!r} in {text!r}.{meant}"
        ) from None


def _with_size(given, fields, image_size):
    """The arguments, with the model's size where none is given."""
    if "height" in given:
        return {"width": given["height"], **given}
    if "height" in fields and "width" not in given and image_size is not None:
        return {**given, **dict(zip(("height", "width"), image_size))}
    return given


def _call(part, text):
    """(name, positional arguments, named arguments) of `name` or `name(...)`."""
    try:
        node = ast.parse(part, mode="eval").body
        call = node if isinstance(node, ast.Call) else ast.Call(node, [], [])
        name = call.func.id
        positional = [ast.literal_eval(value) for value in call.args]
        named = {item.arg: ast.literal_eval(item.value) for item in call.keywords}
    except (SyntaxError, ValueError, AttributeError):
        raise ValueError(
            "A step is a name, or a name with numbers and words in brackets, as in "
            "'inception_crop(area_min=0.3)|flip|mixup(0.2)'. "
            f"Received: {part!r} in {text!r}"
        ) from None
    return name, positional, named
