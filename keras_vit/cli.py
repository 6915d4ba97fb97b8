"""The command `keras-vit`: reads the arguments, makes one call, prints the result.

Results go to stdout, everything else to stderr. The exit status is 0 for success, 1
for a failure, 2 for wrong usage, 130 after Ctrl-C.
"""

import dataclasses
import logging
import os
import signal
import sys
from typing import Annotated, Union

import tyro

from keras_vit._version import __version__
from keras_vit.commands import COMMANDS, Pretrain, Train
from keras_vit.commands.training.pretrain import PRETRAINING
from keras_vit.terminal import (
    DEBUG,
    PROGRAM,
    command,
    complain,
    error_message,
    log_to_stderr,
)
from keras_vit.training.recipes.files import check_kind, find_recipe, model_of_run
from keras_vit.training.recipes.recipe import Recipe

logger = logging.getLogger(__name__)

# Stands in for a length that an option will replace.
_ANY_LENGTH = 1

DESCRIPTION = f"""Vision Transformers for Keras: train, evaluate and use them.

The exit status is 0 for success, 1 for a failure, 2 for wrong usage. With the
environment variable {DEBUG}=1, errors come with a traceback. --version prints the
version."""


def main(args=None):
    """Runs one command.

    Args:
        args: List of strings; the process's own arguments by default.

    Returns:
        The exit status.
    """
    args = list(sys.argv[1:] if args is None else args)
    # Names of files need not be text: they come out as they came in.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="surrogateescape")
    log_to_stderr()
    try:
        status = _run(args)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of our output has gone. What is left must not fail at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141  # as a shell reports the end by SIGPIPE
    except KeyboardInterrupt as interrupt:
        return _interrupted(args, interrupt)
    except (ValueError, OSError, ImportError, MemoryError) as error:
        if os.environ.get(DEBUG):
            raise
        complain(error_message(error))
        return 1
    return status


def _run(args):
    if args in (["--version"], ["-V"]):
        print(f"{PROGRAM} {__version__}")
        return 0
    try:
        call = _parse(args or ["--help"])
    except SystemExit as stop:  # of the parser, which has printed why
        return stop.code or 0
    return call()


def _parse(args):
    """The command with its arguments."""
    runs = args[:1] in (["train"], ["pretrain"])
    base = _option(args, "--recipe") if runs else None
    automatic = base == "auto" and args[0] == "train"
    call = _parse_with(args, _recipe(None if automatic else base, _default(args)))
    if not runs:
        return call
    if not call.resume:
        return _parse_new(args, call, base, automatic)
    if getattr(call, "seeds", 1) > 1:  # each run finds its own recipe to be the same
        return call
    # A run goes on with its own recipe. What is also given must then agree with it, and
    # what is not given need not be given again.
    from keras_vit.training.folder.choice import find_run_to_resume

    folder, recipe = find_run_to_resume(call.recipe, call.run)
    if base is None or automatic:
        call = _parse_with(args, recipe)
    call.run = folder.path
    return call


def _parse_new(args, call, base, automatic):
    """The command of a new run, whose defaults may depend on what was given."""
    model = {}
    if base in (None, "auto") and call.recipe.weights is not None:
        model = model_of_run(call.recipe.weights)
        call = _parse_with(args, dataclasses.replace(_default(args), **model))
    published = call.recipe.weights is not None and call.recipe.model != "small"
    if isinstance(call, Train) and (automatic or (base is None and published)):
        return _parse_advised(args, call.recipe, model)
    return call


def _default(args):
    """The recipe that a command begins with."""
    return PRETRAINING if args[:1] == ["pretrain"] else Recipe()


def _parse_advised(args, given, model):
    """The command with the recipe that suits data, model and weights as its default."""
    from keras_vit.training.choosing.advice import advise
    from keras_vit.training.choosing.hyperrule import with_changes

    _find_devices(args)
    fields, reasons = advise(given)
    # What was given stays what it is; the rest is the advice.
    fields = {**model, **_length_free(fields)}
    advised = dataclasses.replace(Recipe(), **fields)
    call = _parse_with(args, advised)
    call.reasons = tuple(with_changes(reasons, advised, call.recipe))
    for reason in call.reasons:
        logger.info("%s", reason)
    return call


def _find_devices(args):
    """Starts the backend, which then has the devices that it has, before the data."""
    from keras_vit.devices.choose import find

    find(_option(args, "--devices") or "auto")


def _length_free(fields):
    """Fields that can replace those of `Recipe()`, which has a length already."""
    return {"epochs": None, **fields} if "total_steps" in fields else fields


def _recipe(name, default):
    """The recipe that the options change."""
    if name is None:
        return default
    try:
        return find_recipe(name)
    except ValueError as error:
        complain(error)
        raise SystemExit(2) from None


def _option(args, name):
    """The value of an option, needed before the others can be read, or `None`."""
    for word, following in zip(args, [*args[1:], None]):
        head, equals, value = word.partition("=")
        if head == name:
            return value if equals else following
    return None


def _given(args):
    """The options among the arguments, written as fields."""
    words = (word.partition("=")[0] for word in args if word.startswith("--"))
    return {word[2:].replace("-", "_") for word in words}


def _of_given_length(recipe, args):
    """A recipe without its own length where the arguments give the other kind of it."""
    given = _given(args)
    if "total_steps" in given and "epochs" not in given and recipe.epochs:
        return dataclasses.replace(recipe, epochs=None, total_steps=_ANY_LENGTH)
    if "epochs" in given and "total_steps" not in given and recipe.total_steps:
        return dataclasses.replace(recipe, epochs=_ANY_LENGTH, total_steps=None)
    return recipe


def _parse_with(args, base):
    """The command, whose recipe is `base` with the options that were given."""
    call = _read(args, _of_given_length(base, args))
    given = _given(args)
    if base.warmup_steps or base.cooldown_steps:
        if isinstance(call, (Train, Pretrain)) and given & {"epochs", "total_steps"}:
            from keras_vit.training.choosing.lengths import keep_shares

            _find_devices(args)
            call.recipe = keep_shares(call.recipe, base, given)
    return call


def _read(args, recipe):
    # Only one of the two commands is meant, the other one keeps its own default.
    kind = Train if recipe.masked_target is None else Pretrain
    defaults = {"train": Train(Recipe()), "pretrain": Pretrain(PRETRAINING)}
    defaults[kind.__name__.lower()] = kind(recipe)
    commands = [
        Annotated[
            kind,
            tyro.conf.subcommand(
                name, **({"default": defaults[name]} if name in defaults else {})
            ),
        ]
        for name, kind in COMMANDS.items()
    ]
    try:
        check_kind(recipe, args[0])
        return tyro.cli(
            Union[tuple(commands)],  # noqa: UP007  made of a list
            prog=PROGRAM,
            description=DESCRIPTION,
            args=args,
            config=(tyro.conf.OmitArgPrefixes,),
        )
    except ValueError as error:  # of a recipe
        complain(error)
        raise SystemExit(2) from None


def _interrupted(args, interrupt):
    number = getattr(interrupt, "signal_number", signal.SIGINT)
    folder = getattr(interrupt, "folder", None)
    complain(str(interrupt) or "Stopped.")
    again = getattr(interrupt, "again", None)
    if again is not None:
        complain(f"Go on with: {command(*again)}")
    elif folder is not None:
        rest = [word for word in args[1:] if word != "--resume"]
        if not any(word.partition("=")[0] == "--run" for word in rest):
            rest += ["--run", str(folder)]
        complain(f"Go on with: {command(args[0], *rest, '--resume')}")
    return 128 + number


if __name__ == "__main__":
    sys.exit(main())
