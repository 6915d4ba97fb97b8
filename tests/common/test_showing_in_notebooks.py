"""The bar of a notebook, whose page is played by a list."""

import sys
import types

import pytest

from keras_vit.common import notebooks
from keras_vit.common.notebooks import NotebookBar, in_notebook
from keras_vit.common.progress import new_bar, shows_bars, sign_of_life


@pytest.fixture
def page(monkeypatch):
    """What the kernel was asked to show."""
    shown = []

    class DisplayHandle:
        def display(self, content, raw):
            assert raw and set(content) == {"text/plain", "text/html"}
            shown.append(content)

        update = display

    shell = types.SimpleNamespace(kernel=object())
    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: shell
    display = types.ModuleType("IPython.display")
    display.DisplayHandle = DisplayHandle
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return shown


def test_a_kernel_is_a_notebook_and_a_terminal_none(page, monkeypatch):
    assert in_notebook() and shows_bars()
    assert isinstance(new_bar("{task.fields[numbers]}"), NotebookBar)
    sys.modules["IPython"].get_ipython = lambda: None  # IPython imported by a program
    assert not in_notebook()
    monkeypatch.delitem(sys.modules, "IPython")
    assert not in_notebook()


def test_a_bar_moves_seldom_and_goes_away(page):
    now = [0.0]
    bar = NotebookBar(clock=lambda: now[0])
    with bar:
        bar.add_task("epoch <1>", total=10, numbers="")
        for step in range(1, 11):
            now[0] += 0.125
            bar.update(bar.task_ids[0], completed=step, numbers="loss 0.5")
    *moves, last = page[2:]  # after nothing, and the beginning
    assert len(moves) == 3 and last == {"text/plain": "", "text/html": ""}
    assert "epoch &lt;1&gt;" in moves[0]["text/html"]
    assert "value='3' max='10'" in moves[0]["text/html"]
    # Three of ten in 0.375 seconds: 0.875 more.
    assert moves[0]["text/plain"] == "epoch <1>: 3 of 10, 1 s left  loss 0.5"


def test_what_is_quick_shows_nothing_and_what_is_slow_a_bar(page):
    now = [0.0]
    with sign_of_life("reading", clock=lambda: now[0]) as tell:
        tell(1, 10)
        assert page == []
        now[0] = 3.0
        tell(5, 10)
        assert "reading" in page[-1]["text/plain"]
    assert page[-1]["text/html"] == ""
    assert notebooks.EVERY < 1
