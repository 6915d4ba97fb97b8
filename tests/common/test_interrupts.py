"""Signals end the command at any moment: with one line, and nothing left behind."""

import os
import signal
import subprocess
import sys

import pytest

import keras_vit
from keras_vit.common.interrupts import Interrupts, Stopped

# Runs the command, and sends it signals when it imports or calls its N-th module.
_PROGRAM = """
import os, runpy, signal, sys
# A shell's background job ignores it.
signal.signal(signal.SIGINT, signal.default_int_handler)
number, sent, event = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
left = [number]

def look(name, args):
    if name == event:
        left[0] -= 1
        if left[0] == 0:
            for _ in range(2):  # as `timeout` does
                os.kill(os.getpid(), sent)

sys.addaudithook(look)
sys.argv[:] = ["keras-vit", *sys.argv[4:]]
runpy.run_module("keras_vit", run_name="__main__")
"""


def stopped(moment, words, folder, sent=signal.SIGINT, event="import"):
    """The result of a command that is sent signals at a moment."""
    program = [sys.executable, "-c", _PROGRAM, str(moment), str(int(sent)), event]
    paths = {"PYTHONPATH": os.path.dirname(keras_vit.__path__[0])}
    return subprocess.run(
        [*program, *words],
        cwd=folder,
        env={**os.environ, **paths},
        capture_output=True,
        text=True,
    )


# The first is our own first one; the others are numpy, Keras and TensorFlow.
@pytest.mark.parametrize(("moment", "sent"), [(30, 2), (150, 15), (400, 2)])
def test_one_line_and_a_status_while_the_command_imports(moment, sent, tmp_path):
    result = stopped(moment, ["train"], tmp_path, sent)
    assert result.stderr == "keras-vit: Stopped.\n" and result.stdout == ""
    assert result.returncode == 128 + sent and not list(tmp_path.iterdir())


@pytest.fixture
def interrupts(monkeypatch):
    """Signals of this process as the command takes them."""
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    ended = []
    monkeypatch.setattr(os, "_exit", ended.append)
    taken = Interrupts()
    taken.take()
    taken.ended = ended
    yield taken
    for number, handler in before.items():
        signal.signal(number, handler)


def test_at_work_the_first_signal_raises_and_its_double_is_the_same_wish(interrupts):
    tidy = []
    with pytest.raises(Stopped) as caught, interrupts.working():
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGTERM)
            tidy.append("up")
    assert tidy == ["up"] and caught.value.signal_number == signal.SIGTERM
    assert not interrupts.ended


def test_outside_of_work_the_process_ends_at_once(interrupts, monkeypatch):
    ours, theirs = os.pipe()
    monkeypatch.setattr(interrupts, "_stderr", theirs)
    signal.raise_signal(signal.SIGINT)
    interrupts.told()
    signal.raise_signal(signal.SIGTERM)
    os.close(theirs)
    with open(ours) as read:
        assert read.read() == "keras-vit: Stopped.\n"  # once
    assert interrupts.ended == [130, 143]


def test_an_interrupt_that_becomes_another_error_is_still_one(interrupts):
    def broken_import():
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise ImportError("numpy.core cannot be imported") from None

    with pytest.raises(Stopped), interrupts.working():
        broken_import()


class _Losing:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)


def _wait():
    """Goes on until something is raised: an interrupt that comes again."""
    while True:
        signal.pause()


def _lose_in_finalizer():
    _Losing()
    _wait()


def _lose_under_bare_except():
    try:
        signal.raise_signal(signal.SIGINT)
    except:  # noqa: E722
        pass
    _wait()


@pytest.mark.parametrize("lose", [_lose_in_finalizer, _lose_under_bare_except])
def test_an_interrupt_that_is_lost_comes_again(interrupts, lose, capsys):
    with pytest.raises(Stopped), interrupts.working():
        lose()
    assert capsys.readouterr().err == ""  # no "Exception ignored in"


def test_signals_that_are_ignored_stay_so():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        Interrupts().take()
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
