"""Changed weight files load right, or are refused well; `campaign.py` has the rules."""

import beside  # noqa: F401
import pytest
from campaign import run
from changing import CHANGES, HARMLESS
from drawing import draw
from images import run as run_images
from misbehaving import KINDS
from servers import SLOW
from servers import run as run_servers


def test_a_fifth_of_the_files_is_changed_harmlessly():
    kinds = [kind for _, _, kind, _, _ in draw(500, 0)]
    assert len(kinds) == 500 and kinds.count(HARMLESS) == 100
    names = [(name, layout) for _, name, _, layout, _ in draw(500, 0)]
    every = [(name, layout) for name, _, layouts, _ in CHANGES for layout in layouts]
    assert set(names) == set(every)


@pytest.mark.slow
def test_a_sample_of_changed_files_holds():
    outcome, lines = run(60, seed=0)
    assert not lines and outcome == {"held": 60}


@pytest.mark.slow
def test_all_changed_files_hold():
    outcome, lines = run(500, seed=1)
    assert not lines and outcome == {"held": 500}


@pytest.mark.slow
def test_a_sample_of_odd_images_holds():
    outcome, lines = run_images(60, seed=0)
    assert not lines and outcome == {"held": 60}


@pytest.mark.slow
def test_all_odd_images_hold():
    outcome, lines = run_images(300, seed=1)
    assert not lines and outcome == {"held": 300}


def test_downloads_from_all_servers_that_answer_at_once_hold():
    outcome, lines = run_servers(len(KINDS), seed=0, without=SLOW)
    assert not lines and outcome["held"] > 60


@pytest.mark.slow
def test_downloads_from_all_servers_hold():
    outcome, lines = run_servers(2 * len(KINDS), seed=1)
    assert not lines and outcome == {"held": 2 * len(KINDS)}
