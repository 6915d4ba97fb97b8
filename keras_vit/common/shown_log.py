"""Shows the log of the package where nobody has said what becomes of it."""

import builtins
import contextlib
import logging
import sys

from keras_vit.common.notebooks import in_notebook

_PACKAGE = "keras_vit"


@contextlib.contextmanager
def shown_log(wanted=True):
    """Shows the log on stderr inside the block, unless somebody decides about it.

    Who gave the root's or the package's logger a handler or another level, stopped its
    propagation or disabled logging, has decided: then nothing is changed. A notebook
    may come with a handler of the root's (Colab does), which then shows the lines.

    Args:
        wanted: Boolean; `False` changes nothing.
    """
    logger = logging.getLogger(_PACKAGE)
    if not wanted or _is_decided(logger):
        yield
        return
    # A notebook shows stderr in red, as if something had failed.
    stream = sys.stdout if in_notebook() else sys.stderr
    handler = None if logger.hasHandlers() else logging.StreamHandler(stream)
    if handler is not None:
        logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        if handler is not None:
            logger.removeHandler(handler)
        if logger.level == logging.INFO:
            logger.setLevel(logging.NOTSET)


def _is_decided(logger):
    root = logging.getLogger()
    # A notebook's own handler says nothing, while its level is the default.
    of_notebook = hasattr(builtins, "__IPYTHON__") and root.level == logging.WARNING
    return (
        bool(logger.handlers)
        or (bool(root.handlers) and not of_notebook)
        or logger.level != logging.NOTSET
        or not logger.propagate
        or root.level > logging.WARNING
        or logger.manager.disable >= logging.INFO
    )
