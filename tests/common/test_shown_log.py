"""The log of a training that a program or notebook starts."""

import builtins
import contextlib
import logging

import pytest

from keras_vit.common.shown_log import shown_log

LOGGER = logging.getLogger("keras_vit.training.run.callbacks")


@contextlib.contextmanager
def undecided():
    """As in a notebook; while a test runs, pytest gives the root its own handlers."""
    root = logging.getLogger()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(root, "handlers", [])
        patch.setattr(root, "level", logging.WARNING)
        LOGGER.manager._clear_cache()
        yield
    LOGGER.manager._clear_cache()


def lines(capsys, **options):
    with shown_log(**options):
        LOGGER.info("epoch 1/2")
    LOGGER.info("epoch 2/2")
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()


@undecided()
def test_it_is_shown_where_nothing_was_said_and_only_inside(capsys):
    for _ in range(2):
        assert lines(capsys) == ["epoch 1/2"]
    with shown_log():  # a training inside a training
        assert lines(capsys) == ["epoch 1/2", "epoch 2/2"]
    package = logging.getLogger("keras_vit")
    assert not package.handlers and package.level == logging.NOTSET


@undecided()
def test_it_is_not_shown_where_the_caller_does_not_want_it(capsys):
    assert lines(capsys, wanted=False) == []


@pytest.mark.parametrize("name", [None, "keras_vit"])
@undecided()
def test_handlers_of_others_get_each_line_once(capsys, name):
    logger = logging.getLogger(name)
    handler = logging.StreamHandler()
    logger.addHandler(handler)
    assert lines(capsys) == []  # the default level shows warnings only
    logger.setLevel(logging.INFO)
    assert lines(capsys) == ["epoch 1/2", "epoch 2/2"]
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET if name else logging.WARNING)


@undecided()
def test_the_handler_of_a_notebook_shows_each_line_once(capsys, monkeypatch):
    root = logging.getLogger()
    monkeypatch.setattr(builtins, "__IPYTHON__", True, raising=False)
    root.addHandler(logging.StreamHandler())
    assert lines(capsys) == ["epoch 1/2"]
    root.setLevel(logging.INFO)
    assert lines(capsys) == ["epoch 1/2", "epoch 2/2"]
    root.setLevel(logging.ERROR)
    assert lines(capsys) == []


@undecided()
def test_who_turned_it_down_hears_nothing(capsys, monkeypatch):
    package, root = logging.getLogger("keras_vit"), logging.getLogger()
    for logger, name, value in (
        (package, "level", logging.WARNING),
        (package, "level", logging.ERROR),
        (package, "propagate", False),
        (package, "handlers", [logging.NullHandler()]),
        (root, "level", logging.ERROR),
        (logging.root.manager, "disable", logging.INFO),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(logger, name, value)
            LOGGER.manager._clear_cache()
            assert lines(capsys) == [], (logger, name)
        LOGGER.manager._clear_cache()
