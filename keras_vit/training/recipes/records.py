"""Reads the record of a run, run.json, and says what is wrong with a damaged one."""

import json
import math

from keras_vit.common.checks import is_integer, is_number
from keras_vit.common.regular import read_regular
from keras_vit.common.wording import printable, shortened
from keras_vit.training.recipes.recipe import Recipe

# The values of `status`, in the order of a run's life. A prepared run has done nothing
# yet; one that was killed stays running; a failed one has its reason as `error`.
STATES = ("prepared", "running", "interrupted", "failed", "finished")

_LARGEST = 2**28  # bytes


def _is_count(value):
    return is_integer(value) and 0 <= value < 2**63


def _is_size(value):
    sides = value if isinstance(value, list) else [value, value]
    return len(sides) == 2 and all(is_integer(n) and 0 < n < 2**31 for n in sides)


def _is_float(value):
    """Whether it is a number that a float can hold, NaN and infinity among them."""
    return is_number(value) and (isinstance(value, float) or abs(value) < 2**63)


def _are_names(value):
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


_TEXT = ("a text", lambda value: isinstance(value, str))
_TEXT_OR_NULL = ("a text or null", lambda value: value is None or _TEXT[1](value))
_COUNT = ("a whole number", _is_count)
_COUNT_OR_NULL = ("a whole number or null", lambda v: v is None or _is_count(v))
_NUMBER = ("a number", _is_float)
_NUMBER_OR_NULL = ("a number or null", lambda v: v is None or _is_float(v))
_SECONDS = ("a number of seconds", lambda v: _is_float(v) and 0 <= v < math.inf)
_SIZE = ("one or two whole numbers", _is_size)
_NAMES = ("a list of texts", _are_names)
_LIST = ("a list", lambda value: isinstance(value, list))
_PART = {"split": _TEXT, "num_examples": _COUNT, "skipped": _LIST}
_ROW = {"epoch": _COUNT, "*": _NUMBER}
_WEIGHTS = ("model.keras", "best.keras", "last.keras")
_MACHINE = {"versions": {}, "threads": {}, "devices": _LIST}
_CHECK = {"warnings": _LIST, "leaks": {}}
_STEPS = ("batch_size", "steps_per_epoch", "steps_per_test", "total_steps")
_SIZES = ("image_size", "patch_size")

# What the values must be that somebody reads, wherever they are there. "*": of every
# other name. What is not listed may be anything.
_FORM = {
    "status": _TEXT,
    "error": _TEXT,
    "recipe": {
        **dict.fromkeys(("data", "model"), _TEXT),
        **dict.fromkeys(("weights", "masked_target", "data_dir"), _TEXT_OR_NULL),
        **dict.fromkeys(("epochs", "total_steps"), _COUNT_OR_NULL),
    },
    "resolved": {
        "model": {**dict.fromkeys(_SIZES, _SIZE), "num_channels": _COUNT},
        "image_size": _SIZE,
        **dict.fromkeys(("parameters", "warmup_steps", *_STEPS), _COUNT),
    },
    "data": {"train": _PART, "test": _PART, "class_names": _NAMES},
    "sessions": [{"environment": _MACHINE, "step": _COUNT}],
    "result": {
        "epoch": _COUNT,
        **dict.fromkeys(("seconds", "cpu_seconds"), _SECONDS),
        "*": _NUMBER,
    },
    "cost": {"images": _COUNT, "flops": _NUMBER_OR_NULL, "device_hours": _NUMBER},
    "check": ("an object or null", lambda v: v is None or isinstance(v, dict)),
    "estimate": {},
    "reasons": ("a text or a list", lambda v: isinstance(v, str | list)),
    "callbacks": _NAMES,
    "stopped": _TEXT,
    "tracking": {"*": _TEXT},
    "laid_out": {
        "max_minutes": _NUMBER,
        "total_steps": _COUNT,
        "warmup_steps": _COUNT_OR_NULL,
        "cooldown_steps": _COUNT,
        **dict.fromkeys(("seconds_before", "seconds_planned"), _SECONDS),
    },
    "kept": {
        "said": _TEXT,
        "model.keras": _ROW,
        "best.keras": _ROW,
        "last.keras": _ROW,
    },
}


class Damaged(ValueError):
    """A file of a run does not hold what it must."""


def read_json(path):
    """What a JSON file holds.

    Raises:
        ValueError: if it cannot be read, or is no JSON; the message says which, without
            the file's name.
    """
    try:
        return json.loads(read_regular(path, _LARGEST).decode("utf-8-sig"))
    except UnicodeDecodeError:
        reason = "it is not UTF-8 text"
    except RecursionError:
        reason = "it is nested too deeply"
    except json.JSONDecodeError as error:
        reason = f"it is no JSON: {error}"
    raise ValueError(reason)


def read_record(path, needed=()):
    """The content of run.json.

    Args:
        path: `pathlib.Path` of the file.
        needed: Names that it must hold, besides `recipe` and `status`.

    Returns:
        A dictionary, in which every value that others read is of its kind.

    Raises:
        Damaged: a ValueError that names the file and what is wrong with it.
    """
    try:
        record = read_json(path)
        _check(record, _FORM, "it")
        _check(record.get("check") or {}, _CHECK, "check")
        for name in ("status", "recipe", *needed):
            if name not in record:
                raise ValueError(f"it has no {name!r}")
        for name in ("data", "model"):
            if name not in record["recipe"]:
                raise ValueError(f"its recipe has no {name!r}")
        if record["status"] not in STATES:
            raise ValueError(
                f"its status is {printable(record['status'])!r}, which this version of "
                "keras_vit does not know"
            )
    except ValueError as error:
        raise Damaged(
            f"{path} is not the record of a training run, or is damaged: "
            f"{str(error).rstrip('.')}. "
            "Bring the file back as it was, or use another folder."
        ) from None
    return record


def recipe_of(record, path):
    """The recipe of a record.

    Raises:
        Damaged: naming the file, if this version has no such recipe.
    """
    try:
        return Recipe.from_json(record["recipe"])
    except (ValueError, TypeError) as error:
        raise Damaged(f"{path} does not hold a recipe: {error}") from None


def _check(value, form, name):
    """Raises unless a value is of a form."""
    if isinstance(form, tuple):
        kind, holds = form
        if not holds(value):
            shown = shortened(printable(repr(value)), 60)
            raise ValueError(f"{name} must be {kind}, and is {shown}")
    elif isinstance(form, list):
        if not isinstance(value, list):
            raise ValueError(f"{name} must be a list")
        for number, item in enumerate(value):
            _check(item, form[0], f"{name}[{number}]")
    else:
        if not isinstance(value, dict):
            raise ValueError(f"{name} must be an object, with names in it")
        for key, item in value.items():
            inner = form.get(key, form.get("*"))
            if inner is not None:
                _check(item, inner, f"{name}.{key}" if name != "it" else key)
