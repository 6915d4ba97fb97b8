"""Reads what a search has written, damaged as it may be."""

import contextlib

from keras_vit.common.wording import display
from keras_vit.training.recipes.records import read_json

# What wrong content of a file leads to, wherever it is looked at.
_WRONG = (ValueError, KeyError, TypeError, AttributeError, IndexError)


@contextlib.contextmanager
def understanding(path):
    """Makes whatever wrong content leads to one error, which names its file.

    Raises:
        ValueError: of this kind.
    """
    try:
        yield
    except DamagedRecord:
        raise
    except _WRONG as error:
        raise DamagedRecord(path, _reason(error)) from error


class DamagedRecord(ValueError):
    """A file of a search says what no search writes."""

    def __init__(self, path, reason):
        super().__init__(
            f"{display(path)} is damaged: {reason}. Restore it from a copy, or start a "
            "new search in another folder."
        )


def _reason(error):
    if isinstance(error, KeyError):
        return f"it lacks {error.args[0]!r}"
    if isinstance(error, ValueError):
        return display(str(error).rstrip("."))
    return "it holds other values than a search writes"


def read_object(path):
    """The JSON object of a file.

    Raises:
        DamagedRecord: if it holds something else.
    """
    with understanding(path):
        values = read_json(path)
        if not isinstance(values, dict):
            raise DamagedRecord(path, "it holds no JSON object")
        return values
