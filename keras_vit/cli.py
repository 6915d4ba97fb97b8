"""The command `keras-vit`: reads the arguments, makes one call, prints the result.

Results go to stdout, everything else to stderr. The exit status is 0 for success, 1
for a failure, 2 for wrong usage, 130 after Ctrl-C.
"""

import contextlib
import os
import signal
import sys
from typing import Annotated, Union

from keras_vit._version import __version__
from keras_vit.common.environment import check_environment
from keras_vit.common.interrupts import INTERRUPTS
from keras_vit.common.streams import plain_streams, unescaped
from keras_vit.terminal import (
    DEBUG,
    PROGRAM,
    WrongUsage,
    command,
    complain,
    error_message,
    log_to_stderr,
)

DESCRIPTION = f"""Vision Transformers for Keras: train, evaluate and use them.

The exit status is 0 for success, 1 for a failure, 2 for wrong usage. Set the
environment variable {DEBUG}=1 to see errors with a traceback. --version prints the
version."""


@plain_streams()
def main(args=None):
    """Runs one command.

    Args:
        args: List of strings; the process's own arguments by default.

    Returns:
        The exit status.
    """
    args = list(sys.argv[1:] if args is None else args)
    log_to_stderr()
    try:
        status = _run(args)
    except BrokenPipeError:
        # The reader of our output has gone. What is left must not fail at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141  # as a shell reports the end by SIGPIPE
    except KeyboardInterrupt as interrupt:
        return _interrupted(args, interrupt)
    except WrongUsage as error:
        complain(error)
        return 2
    except (ValueError, OSError, ImportError, MemoryError) as error:
        if os.environ.get(DEBUG):
            raise
        complain(error_message(error))
        return 1
    return status


def _run(args):
    if args in (["--version"], ["-V"]):
        print(f"{PROGRAM} {__version__}", flush=True)
        return 0
    try:
        call = parse(args or ["--help"])
    except SystemExit as stop:  # of the parser, which has printed why
        sys.stdout.flush()
        return stop.code or 0
    _import_keras()
    with INTERRUPTS.working():
        status = call()
        sys.stdout.flush()
    return status


def _import_keras():
    """What takes seconds, and is not needed to answer --help or a misspelled option."""
    check_environment()
    from keras_vit import registered  # noqa: F401


def parse(args):
    """The command with its arguments.

    Raises:
        SystemExit: after help, or a message about wrong usage.
    """
    import tyro

    from keras_vit.commands import COMMANDS

    commands = [
        Annotated[kind, tyro.conf.subcommand(name)] for name, kind in COMMANDS.items()
    ]
    with contextlib.ExitStack() as stack:
        if all(word.isprintable() for word in args):  # its help is coloured
            stack.enter_context(contextlib.redirect_stdout(unescaped(sys.stdout)))
            stack.enter_context(contextlib.redirect_stderr(unescaped(sys.stderr)))
        return tyro.cli(
            Union[tuple(commands)],  # noqa: UP007  made of a list
            prog=PROGRAM,
            description=DESCRIPTION,
            args=args,
            config=(tyro.conf.OmitArgPrefixes,),
        )


def _interrupted(args, interrupt):
    number = getattr(interrupt, "signal_number", signal.SIGINT)
    folder = getattr(interrupt, "folder", None)
    INTERRUPTS.told()
    complain(str(interrupt) or "Stopped.")
    again = getattr(interrupt, "again", None)
    if getattr(interrupt, "goes_on", False):  # the same words go on where it was
        again = args
    if again is not None:
        complain(f"Continue with:  {command(*again)}")
    elif folder is not None:
        rest = [word for word in args[1:] if word != "--resume"]
        if not any(word.partition("=")[0] == "--run" for word in rest):
            rest += ["--run", str(folder)]
        complain(f"Continue with:  {command(args[0], *rest, '--resume')}")
    return 128 + number


if __name__ == "__main__":
    sys.exit(main())
