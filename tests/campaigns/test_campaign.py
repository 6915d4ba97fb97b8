"""Changed weight files load right, or are refused well; `campaign.py` has the rules."""

import subprocess
import sys
from pathlib import Path

import beside  # noqa: F401
import pytest
from campaign import run
from changing import CHANGES, HARMLESS
from drawing import draw
from images import run as run_images
from interrupts import run as run_interrupts
from misbehaving import KINDS
from rooms import COMMANDS
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


def test_downloads_from_some_servers_that_answer_at_once_hold():
    outcome, lines = run_servers(40, seed=0, without=SLOW)
    assert not lines and outcome["held"] > 30


@pytest.mark.slow
def test_a_sample_of_servers_holds():
    outcome, lines = run_servers(len(KINDS), seed=1)
    assert not lines and outcome == {"held": len(KINDS)}


@pytest.mark.slow
def test_a_sample_of_interrupts_holds():
    outcome, lines = run_interrupts(5, seed=0)
    assert not lines and outcome == {"held": 5}


@pytest.mark.slow
def test_all_interrupts_hold():
    outcome, lines = run_interrupts(40, seed=1)
    assert not lines and outcome == {"held": 40}


# Each in a process of its own, which forks before TensorFlow computes anything.
@pytest.mark.slow
@pytest.mark.parametrize(
    "campaign, count, only",
    [("writes", 3, "export"), ("disks", 2, "export"), ("kills", 2, "")],
)
def test_a_sample_of_commands_that_are_ended_holds(campaign, count, only):
    script = Path(__file__).with_name(f"{campaign}.py")
    command = [sys.executable, script, "--count", str(count), "--only", only]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ", 0 lost" in done.stdout and set(COMMANDS) > {"train", "export file"}
