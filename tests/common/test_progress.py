"""What takes seconds shows that it is alive, and says little where nobody watches."""

import io
import itertools
import logging

import pytest
import rich.console
import rich.progress

from keras_vit.common import progress
from keras_vit.common.progress import progress_bar, sign_of_life


def lines_of(moments, caplog, **options):
    """What is logged if the work is told of at these seconds."""
    now = [0.0]
    caplog.set_level(logging.INFO, "keras_vit")
    with sign_of_life("looking", bar=False, clock=lambda: now[0], **options) as tell:
        for moment in moments:
            now[0] = moment
            tell(int(100 * moment), 12_345)
    return [record.getMessage() for record in caplog.records]


def test_nothing_is_said_before_two_seconds(caplog):
    assert lines_of([0.0, 0.5, 1.9], caplog) == []


def test_the_first_line_says_how_far_it_is(caplog):
    assert lines_of([1.0, 2.0], caplog) == ["looking: 200 of 12,345, after 2 s."]


def test_what_is_done_needs_no_sign(caplog):
    assert lines_of([123.45], caplog) == []


def test_ten_minutes_are_few_lines(caplog):
    lines = lines_of([moment / 2 for moment in range(1200)], caplog)
    after = [int(line.split()[-2]) for line in lines]
    assert after[:4] == [2, 4, 8, 16] and len(after) < 17
    assert max(b - a for a, b in itertools.pairwise(after)) <= 60


@pytest.mark.parametrize(("shown", "is_none"), [(False, True), (None, False)])
def test_only_who_wants_nothing_gets_nothing(shown, is_none):
    with progress_bar("looking", shown) as tell:
        assert (tell is None) == is_none


def test_on_a_terminal_there_is_a_bar(monkeypatch, caplog):
    shown = io.StringIO()
    console = rich.console.Console(file=shown, force_terminal=True)
    bar = rich.progress.Progress(console=console, disable=False)
    monkeypatch.setattr(progress, "new_bar", lambda: bar)
    with sign_of_life("looking", first=0.0, bar=True) as tell:
        tell(1, 2)
        tell(2, 2)
    assert "looking" in shown.getvalue() and "100%" in shown.getvalue()
    assert not caplog.records
