"""What a recipe must hold: every rule, checked before anything heavy happens."""

import dataclasses
import difflib
import functools
import numbers
from typing import Literal

SIZES = ("num_layers", "hidden_dim", "mlp_dim", "num_heads")

# Fields that hold, or may hold, several values.
SEQUENCES = ("image_size", "freeze", "decay_at")

# Fields in groups by their rule; `None` passes every one of them.
_RULES = (
    (
        "must be at least 1",
        lambda value: value >= 1,
        (
            *("epochs", "total_steps", "evaluate_every", "batch_size"),
            *("accumulation_steps", "steps_per_execution", "decay_timescale"),
        ),
    ),
    (
        "must be positive",
        lambda value: value > 0,
        (
            *("patch_size", "representation_size", *SIZES),
            *("learning_rate", "global_clipnorm"),
        ),
    ),
    (
        "must not be negative",
        lambda value: value >= 0,
        ("warmup_steps", "cooldown_steps", "weight_decay", "decay_end"),
    ),
    (
        "must be in [0, 1)",
        lambda value: 0 <= value < 1,
        (
            *("dropout_rate", "attention_dropout_rate", "drop_path_rate"),
            *("label_smoothing", "momentum", "ema_momentum"),
        ),
    ),
    (
        "must be in (0, 1)",
        lambda value: 0 < value < 1,
        ("test_fraction", "validation_fraction", "corruption_rate"),
    ),
    ("must be in (0, 1]", lambda value: 0 < value <= 1, ("layer_decay",)),
    (
        "must be in [0, 2**31)",
        lambda value: 0 <= value < 2**31,
        ("seed", "split_seed"),
    ),
)


def check(recipe):
    """Raises a `ValueError` naming the first rule that a recipe breaks."""
    _check_types(recipe)
    for rule, holds, names in _RULES:
        for name in names:
            value = getattr(recipe, name)
            if value is not None and not holds(value):
                _refuse(f"`{name}` {rule}", recipe, name)
    size = recipe.image_size
    if size is not None and min(size if isinstance(size, tuple) else (size,)) < 1:
        _refuse("`image_size` must be positive", recipe, "image_size")
    for name, allowed in choices_of(type(recipe)).items():
        _check_choice(name, getattr(recipe, name), allowed)
    _check_pairs(recipe)


def _check_types(recipe):
    """Values of another type than their field's, which would fail late."""
    for name, kinds in _types_of(type(recipe)).items():
        value = getattr(recipe, name)
        if name in SEQUENCES or (value is None and type(None) in kinds):
            continue
        if int in kinds and not _is_integer(value):
            _refuse(f"`{name}` must be an integer", recipe, name)
        if float in kinds and not isinstance(value, numbers.Real):
            _refuse(f"`{name}` must be a number", recipe, name)
    size = recipe.image_size
    sides = size if isinstance(size, tuple) else (size, size)
    if size is not None and (len(sides) != 2 or not all(map(_is_integer, sides))):
        _refuse(
            "`image_size` must be an integer or a pair (height, width) of them, "
            "without the channels",
            recipe,
            "image_size",
        )
    if not isinstance(recipe.freeze, tuple):
        raise ValueError(
            "`freeze` must be a tuple of names. "
            f"Received: freeze={recipe.freeze!r}. Write freeze=('backbone',)."
        )
    shares = recipe.decay_at
    if not isinstance(shares, tuple) or not all(
        isinstance(share, numbers.Real) for share in shares
    ):
        _refuse("`decay_at` must be a tuple of numbers", recipe, "decay_at")


def _is_integer(value):
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


@functools.cache
def _types_of(cls):
    """The types that the fields of a dataclass are declared with."""
    return {
        field.name: (field.type, *getattr(field.type, "__args__", ()))
        for field in dataclasses.fields(cls)
    }


def _check_pairs(recipe):
    """Values that contradict each other."""
    if recipe.epochs is not None and recipe.total_steps is not None:
        _refuse(
            "Either `epochs` or `total_steps` says how long a run is; the other one "
            "must be None",
            recipe,
            *("epochs", "total_steps"),
        )
    if recipe.batch_size % recipe.accumulation_steps:
        _refuse(
            "`batch_size` must be a multiple of `accumulation_steps`, the number of "
            "equal parts that it is computed in",
            recipe,
            *("batch_size", "accumulation_steps"),
        )
    if recipe.loss == "sigmoid" and recipe.label_smoothing:
        _refuse(
            "`label_smoothing` is for the softmax loss only",
            recipe,
            *("loss", "label_smoothing"),
        )
    unread = ("label_smoothing", "representation_size", "head_bias")
    given = [name for name in unread if getattr(recipe, name)]
    if recipe.masked_target is not None and given:
        _refuse(
            "Pretraining has no classifier, which `masked_target` asks for, so that "
            f"{', '.join(given)} would say nothing",
            recipe,
            *("masked_target", *given),
        )
    shares = recipe.decay_at
    if list(shares) != sorted(shares) or not all(0 < share < 1 for share in shares):
        _refuse(
            "`decay_at` must be ascending shares of the run, each in (0, 1)",
            recipe,
            "decay_at",
        )
    sizes = [name for name in SIZES if getattr(recipe, name) is not None]
    if sizes and recipe.model != "small":
        _refuse(
            f"The sizes of {recipe.model} are fixed; {', '.join(sizes)} can be chosen "
            "for the model 'small' only",
            recipe,
            *("model", *sizes),
        )


def closest(value, choices):
    """`"; did you mean ...?"` where one of the choices is close, else nothing."""
    lowered = {str(choice).lower(): str(choice) for choice in choices}
    matches = difflib.get_close_matches(str(value).lower(), lowered, n=1, cutoff=0.5)
    return f"; did you mean {lowered[matches[0]]!r}?" if matches else ""


@functools.cache
def choices_of(cls):
    """The allowed values of every field of a dataclass that has a list of them."""
    found = {}
    for name, parts in _types_of(cls).items():
        literal = [p for p in parts if getattr(p, "__origin__", None) is Literal]
        if literal:
            optional = (None,) if type(None) in parts else ()
            found[name] = literal[0].__args__ + optional
    return found


def _check_choice(name, value, choices):
    if value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise ValueError(
            f"`{name}` must be one of {listed}. "
            f"Received: {name}={value!r}{closest(value, choices)}"
        )


def _refuse(rule, recipe, *names):
    received = ", ".join(f"{name}={getattr(recipe, name)!r}" for name in names)
    raise ValueError(f"{rule}. Received: {received}")
