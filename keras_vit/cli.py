"""The command `keras-vit`: reads the arguments, makes one call, prints the result.

Results go to stdout, everything else to stderr. The exit status is 0 for success, 1
for a failure, 2 for wrong usage, 130 after Ctrl-C.
"""

import contextlib
import os
import signal
import sys
from typing import Annotated, Union

import tyro

from keras_vit._version import __version__
from keras_vit.common.environment import check_environment
from keras_vit.common.interrupts import INTERRUPTS
from keras_vit.common.streams import plain_streams, unescaped
from keras_vit.common.wording import hint
from keras_vit.terminal import (
    DEBUG,
    PROGRAM,
    WrongUsage,
    command,
    complain,
    error_message,
    log_to_stderr,
)

HELP = ("-h", "--help", "--help-all")
COMPLETION = "--tyro-"  # what tyro calls its options that print a shell script


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
    if not args:
        from keras_vit.commands.words.help_pages import GUIDE

        print(GUIDE, end="", flush=True)
        return 0
    try:
        call = parse(args)
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
        WrongUsage: if there is no such command or option.
    """
    from keras_vit.commands import COMMANDS
    from keras_vit.commands.words import help_pages
    from keras_vit.commands.words.reading import understood

    name, *words = args
    if name in (*HELP, "help"):
        print(help_pages.overview(COMMANDS), end="")
        raise SystemExit(0)
    if name.startswith(COMPLETION):
        kinds = [Annotated[k, tyro.conf.subcommand(n)] for n, k in COMMANDS.items()]
        return _read(Union[tuple(kinds)], PROGRAM, args)  # noqa: UP007  of a list
    if name not in COMMANDS:
        meant = hint(name, COMMANDS)
        if os.path.exists(name):
            meant = f" To train on it: {command('train', name)}."
        elif os.path.basename(name) != name:
            meant = " There is no such file or folder either."
        raise WrongUsage(f"There is no command {name!r}.{meant} All: {PROGRAM} --help")
    kind = COMMANDS[name]
    if asked := [word for word in words if word in HELP]:
        print(help_pages.page(name, kind, whole=HELP[-1] in asked), end="")
        raise SystemExit(0)
    return _read(kind, f"{PROGRAM} {name}", understood(name, kind, words))


def _read(kind, program, words):
    """What tyro makes of words."""
    with contextlib.ExitStack() as stack:
        if all(word.isprintable() for word in words):  # its messages are coloured
            stack.enter_context(contextlib.redirect_stdout(unescaped(sys.stdout)))
            stack.enter_context(contextlib.redirect_stderr(unescaped(sys.stderr)))
        config = (tyro.conf.OmitArgPrefixes,)
        return tyro.cli(kind, prog=program, args=words, config=config)


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
