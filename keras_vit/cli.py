"""The command `keras-vit`: reads the arguments, makes one call, prints the result.

Results go to stdout, everything else to stderr. The exit status is 0 for success, 1
for a failure, 2 for wrong usage, 130 after Ctrl-C.
"""

import dataclasses
import os
import signal
import sys
from typing import Annotated, Union

import tyro

from keras_vit._version import __version__
from keras_vit.commands import Evaluate, Models, Predict, Recipes, Train, Verify
from keras_vit.terminal import (
    DEBUG,
    PROGRAM,
    command,
    complain,
    error_message,
    log_to_stderr,
)
from keras_vit.training.recipes import Recipe

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
    base = _option(args, "--recipe") if args[:1] == ["train"] else None
    call = _parse_with(args, _recipe(base))
    if not (isinstance(call, Train) and call.resume):
        return call
    # A run goes on with its own recipe. What is also given must then agree with it, and
    # what is not given need not be given again.
    from keras_vit.training.run_choice import find_run_to_resume

    folder, recipe = find_run_to_resume(call.recipe, call.run)
    if base is None:
        call = _parse_with(args, recipe)
    call.run = folder.path
    return call


def _recipe(name):
    """The recipe that the options change."""
    if name is None:
        return Recipe()
    from keras_vit.training.recipe_files import find_recipe

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


def _of_given_length(recipe, args):
    """A recipe without its own length where the arguments give the other kind of it."""
    given = {word.partition("=")[0].replace("_", "-") for word in args}
    if "--total-steps" in given and "--epochs" not in given and recipe.epochs:
        return dataclasses.replace(recipe, epochs=None, total_steps=_ANY_LENGTH)
    if "--epochs" in given and "--total-steps" not in given and recipe.total_steps:
        return dataclasses.replace(recipe, epochs=_ANY_LENGTH, total_steps=None)
    return recipe


def _parse_with(args, recipe):
    recipe = _of_given_length(recipe, args)
    commands = [
        Annotated[Train, tyro.conf.subcommand("train", default=Train(recipe))],
        Annotated[Evaluate, tyro.conf.subcommand("evaluate")],
        Annotated[Predict, tyro.conf.subcommand("predict")],
        Annotated[Models, tyro.conf.subcommand("models")],
        Annotated[Recipes, tyro.conf.subcommand("recipes")],
        Annotated[Verify, tyro.conf.subcommand("verify")],
    ]
    try:
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
    if folder is not None:
        rest = [word for word in args[1:] if word != "--resume"]
        if not any(word.partition("=")[0] == "--run" for word in rest):
            rest += ["--run", str(folder)]
        complain(f"Go on with: {command('train', *rest, '--resume')}")
    return 128 + number


if __name__ == "__main__":
    sys.exit(main())
