"""Cells that make no progress are named, in the log and on the page, and not ended."""

import time

import pytest
from made import alike, data_size, made

from keras_vit.studies import StudyFolder, check, results, run_study
from keras_vit.studies.running import engines, job
from keras_vit.studies.running.watch import LONG, Watch

STUDY = data_size()
NAME, OTHER, *_ = (cell.name for cell in STUDY.cells())


@pytest.fixture
def watch(tmp_path):
    folder = StudyFolder(tmp_path / "s")
    folder.begin(STUDY)
    return Watch(folder)


def write(folder, name, text):
    run = folder.run(name)
    run.checkpoints.mkdir(parents=True, exist_ok=True)
    (run.checkpoints / f"step-{text}.npz").write_text(text)


def test_a_cell_without_a_new_file_is_named_once(watch, caplog):
    watch.begin(NAME)
    watch.begin(OTHER)
    now = time.monotonic()
    watch.look(now + LONG / 2)
    assert not caplog.messages
    write(watch.folder, OTHER, "5")
    watch.look(now + LONG + 1)
    watch.look(now + LONG + 60)
    (message,) = caplog.messages
    assert message.startswith(f"{NAME} has written nothing for 15 min: it may hang.")
    assert "Ctrl-C" in message and "last save" in message
    assert watch.folder.read_silence(NAME) == pytest.approx(LONG + 60, abs=2)
    assert watch.folder.read_silence(OTHER) is None


def test_a_cell_that_goes_on_or_ends_is_silent_no_more(watch, caplog):
    for name in (NAME, OTHER):
        watch.begin(name)
    now = time.monotonic()
    watch.look(now + LONG + 1)
    write(watch.folder, NAME, "5")
    watch.look(now + LONG + 2)
    watch.end(OTHER)
    assert [watch.folder.read_silence(n) for n in (NAME, OTHER)] == [None, None]
    watch.look(now + 2 * LONG + 3)
    assert [m.split()[0] for m in caplog.messages] == [NAME, OTHER, NAME]


def test_the_page_says_which_cells_may_hang_and_what_to_do(tmp_path):
    folder = made(tmp_path / "s", STUDY, alike, skip=[NAME])
    results.write(folder)
    assert "may hang" not in (folder / "study.html").read_text()
    watch = Watch(StudyFolder(folder))
    with watch.folder.locked():  # as while a command runs the study
        watch.begin(NAME)
        watch.look(time.monotonic() + 1800)
        results.write(folder)
        page = (folder / "study.html").read_text()
        assert "Cells that may hang" in page and "30 min" in page
        assert f"cells/{NAME}/run" in page and "Ctrl-C" in page
        assert check(folder)
    # After a SIGKILL what was written stays, and no cell runs that could hang.
    assert watch.folder.read_silence(NAME)
    results.write(folder)
    assert "may hang" not in (folder / "study.html").read_text()


def test_a_watch_leaves_nothing_behind_and_clears_what_a_killed_one_left(watch):
    folder, now = watch.folder, time.monotonic()
    watch.begin(NAME)
    watch.look(now + LONG + 1)
    assert folder.read_silence(NAME)  # and then it is killed
    with Watch(folder) as other:
        assert folder.read_silence(NAME) is None
        other.begin(OTHER)
        other.look(now + LONG + 1)
        assert folder.read_silence(OTHER)
    assert folder.read_silence(OTHER) is None
    other.look(now + 2 * LONG)  # its thread may be late
    assert folder.read_silence(OTHER) is None


def test_each_cell_of_a_study_is_watched_while_it_runs(tmp_path, monkeypatch):
    watches, seen = [], []

    class Kept(Watch):
        def __init__(self, folder):
            super().__init__(folder)
            watches.append(self)

    def run(cell, folder, **options):
        seen.append(list(watches[0].seen) == [cell.name])
        result = {"name": cell.name, "status": "diverged", "message": "?"}
        folder.write_result(cell.name, result)
        return result

    monkeypatch.setattr(job, "Watch", Kept)
    monkeypatch.setattr(engines, "run_cell", run)
    run_study(STUDY, tmp_path / "s")
    assert seen == [True] * 26 and not watches[0].seen and watches[0].over.is_set()
