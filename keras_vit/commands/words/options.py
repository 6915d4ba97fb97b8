"""What options a command has: read from its dataclass, as tyro reads them."""

import dataclasses
import functools
import inspect
import re
import typing
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

import tyro

# A field of a class with the comment above it.
COMMENTED = re.compile(r"((?:^    # .*\n)+)    (\w+):", re.MULTILINE)

# Metavariables of the values of a type.
_PLACES = {int: "N", float: "X", str: "NAME", Path: "PATH"}

# The groups of fields that are no fields of a recipe.
_GROUPS = {
    "start": "model",
    "check": "data",
    "run": "run",
    "resume": "run",
    "track": "run",
}
_GROUPS |= {"seeds": "length", "save_minutes": "run", "folder": "run"}
_GROUPS |= {"devices": "machine", "model_parallel": "machine", "workers": "machine"}
_GROUPS |= {name: "data" for name in ("data", "data_dir", "photos")}


@dataclasses.dataclass(frozen=True)
class Option:
    """One option of a command, or one word that it takes without an option."""

    name: str  # of the field, or what the option is called
    positional: bool
    flags: tuple[str, ...]  # such as ("--check", "--no-check")
    place: str  # of the value in the help, "" for a flag
    help: str
    group: str
    default: object
    required: bool


@dataclasses.dataclass(frozen=True)
class FieldsOf:
    """Marks options as the fields of a recipe, whose values are their defaults."""

    recipe: object


@functools.cache
def comments_of(kind):
    """Names of a class's own fields to the comments above them."""
    return {
        name: " ".join(line.strip(" #") for line in lines.splitlines())
        for lines, name in COMMENTED.findall(inspect.getsource(kind))
    }


@functools.cache
def options_of(kind):
    """The `Option`s of a command, a dataclass, in the order of its fields."""
    comments = {}
    for base in reversed(kind.__mro__[:-1]):
        comments |= comments_of(base)
    hints = typing.get_type_hints(kind, include_extras=True)
    found = []
    for field in dataclasses.fields(kind):
        inner, marks = _bare(hints[field.name])
        recipe = next((m.recipe for m in marks if isinstance(m, FieldsOf)), None)
        if recipe is not None:
            found += _recipe_options(inner, recipe)
            continue
        default = field.default
        required = default is dataclasses.MISSING
        group = _GROUPS.get(field.name, "")
        facts = (comments.get(field.name, ""), group, default, required)
        found.append(_option(field.name, inner, marks, *facts))
    return tuple(found)


def _recipe_options(fields, recipe):
    from keras_vit.training.recipes.recipe import Recipe

    comments = comments_of(Recipe)
    for name, hint in typing.get_type_hints(fields, include_extras=True).items():
        inner, marks = _bare(hint)
        group = Recipe.__dataclass_fields__[name].metadata["group"]
        default = getattr(recipe, name)
        yield _option(name, inner, marks, comments[name], group, default, False)


def _bare(hint):
    """A type without `Annotated`, and the marks that it had."""
    marks = []
    while get_origin(hint) is Annotated:
        hint, *more = get_args(hint)
        marks += more
    return hint, marks


def _option(field, kind, marks, comment, group, default, required):
    named = [mark for mark in marks if hasattr(mark, "metavar")]
    name = next((mark.name for mark in named if mark.name), field)
    metavar = next((mark.metavar for mark in named if mark.metavar), None)
    positional = tyro.conf.Positional in marks
    flags = (f"--{name.replace('_', '-')}",)
    place = metavar or _place(kind)
    if positional:
        flags, place = (), metavar or name.upper()
    elif kind is bool:
        place, negative = "", (f"--no-{flags[0][2:]}",)
        if tyro.conf.FlagCreatePairsOff not in marks:
            flags += negative
        elif default is True:
            flags = negative
    facts = (comment, group, default, required)
    return Option(name, positional, flags, place, *facts)


def _place(kind):
    """What stands for a value of a type: `N [N]`, `A|B`, `PATH`."""
    kind, _ = _bare(kind)
    if get_origin(kind) is Literal:
        return "|".join(map(str, get_args(kind)))
    if get_origin(kind) in (Union, UnionType):
        inner = [k for k in get_args(kind) if k is not NoneType]
        pairs = [k for k in inner if get_origin(k) is tuple]
        single = [_place(k) for k in inner if k not in pairs]
        if pairs and single:  # one number, or two
            return f"{single[0]} [{single[0]}]"
        return _place(inner[0]) if len(inner) == 1 else "|".join(map(_place, inner))
    if get_origin(kind) is tuple:
        of = get_args(kind)
        one = _place(of[0])
        return f"{one} ..." if of[-1] is Ellipsis else " ".join(map(_place, of))
    return _PLACES.get(kind, getattr(kind, "__name__", "VALUE").upper())
