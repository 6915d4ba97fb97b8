"""Shows the log of the package where nobody has said what becomes of it."""

import contextlib
import logging
import sys

_PACKAGE = "keras_vit"


@contextlib.contextmanager
def shown_log(wanted=True):
    """Shows the log on stderr inside the block, unless somebody decides about it.

    Who gave the root's or the package's logger a handler or another level, stopped its
    propagation or disabled logging, has decided: then nothing is changed.

    Args:
        wanted: Boolean; `False` changes nothing.
    """
    logger = logging.getLogger(_PACKAGE)
    if not wanted or _is_decided(logger):
        yield
        return
    handler = logging.StreamHandler(sys.stderr)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        if logger.level == logging.INFO:
            logger.setLevel(logging.NOTSET)


def _is_decided(logger):
    root = logging.getLogger()
    return (
        logger.hasHandlers()
        or logger.level != logging.NOTSET
        or not logger.propagate
        or root.level > logging.WARNING  # which is the default
        or logger.manager.disable >= logging.INFO
    )
