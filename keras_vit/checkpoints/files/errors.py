"""Turns whatever a damaged or hostile file causes into one error that names it."""

import contextlib
import functools
import inspect
import os

from keras_vit.common.wording import display, printable, shortened


class Refused(ValueError):
    """Says what a file that may well be whole holds, and why it is not read."""


@contextlib.contextmanager
def reading(path, kind, name=None):
    """Names the file, and the array, in the errors of one that is broken.

    Args:
        path: The file.
        kind: String, its format.
        name: String, the array that is read, or `None` for the file's own tables.
            Memory for it is to be asked for outside.
    """
    try:
        yield
    except (Refused, PermissionError):  # the file may be whole
        raise
    except Exception as error:  # of readers of foreign bytes, of many classes
        where = "" if name is None else f" at the array {name!r}"
        reason = shortened(printable(str(error) or type(error).__name__), 500)
        raise Refused(
            f"The {kind} file {display(path)} is truncated or corrupted{where}: "
            f"{reason}. Delete it and fetch it again."
        ) from error


@contextlib.contextmanager
def naming(source):
    """Lets nothing out but errors that name their file, short and printable.

    What comes of fields of wrong types is a `ValueError` too: files are not trusted
    to hold what they should.

    Args:
        source: What the user passed, or a checkpoint. To a message about a model, a
            dictionary or the like no name is added.
    """
    try:
        yield
    except (ValueError, OSError) as error:
        text = _message(str(error), source)
        if text == str(error):
            raise
        kind = type(error) if type(error) in (ValueError, Refused) else None
        kind = kind or (OSError if isinstance(error, OSError) else ValueError)
        raise kind(text) from error
    except (MemoryError, ImportError):
        raise
    except Exception as error:
        reason = printable(f"{type(error).__name__}: {error}")
        raise ValueError(
            _message(
                "what it says of itself cannot be read "
                f"({shortened(reason, 500)}). Fetch it again, or save it anew with the "
                "program that wrote it.",
                source,
            )
        ) from error


def naming_its(parameter, item=None):
    """A decorator: `naming` an argument for as long as a call lasts.

    Args:
        parameter: String, the name of the argument, which is a source or a checkpoint.
        item: String, the key of the source where the argument is a dictionary.
    """

    def decorate(function):
        signature = inspect.signature(function)

        @functools.wraps(function)
        def named(*args, **kwargs):
            source = signature.bind_partial(*args, **kwargs).arguments.get(parameter)
            with naming(source if item is None else source.get(item)):
                return function(*args, **kwargs)

        return named

    return decorate


def _message(text, source):
    text, source = printable(text, keep="\n"), getattr(source, "origin", source)
    if isinstance(source, (str, bytes, os.PathLike)):
        name = display(os.fspath(source))
        ending = os.sep + os.path.basename(name.rstrip(os.sep))
        if name not in text and ending not in text:
            text = f"{name}: {text}"
    return shortened(text)
