"""Cells that are run one by one, as a scheduler of a cluster does."""

import json
import os
import shlex
import shutil
import subprocess
import sys

import pytest
from test_real_cells import STUDY as REAL
from test_real_cells import assert_same
from test_running_studies import STUDY, Pretended, names

from keras_vit.cli import main
from keras_vit.common.locks import take
from keras_vit.studies import StudyFolder, begin_cells, run_one, run_study
from keras_vit.studies.running import cells, single


@pytest.fixture
def pretended(monkeypatch):
    made = Pretended()
    monkeypatch.setattr(single, "run_cell", made)
    return made


def test_each_cell_that_is_left_is_listed_and_can_be_run_alone(pretended, tmp_path):
    folder = StudyFolder(tmp_path / "s")
    listed = begin_cells(STUDY, folder.path)
    assert listed == names(STUDY)
    before = folder.record.read_bytes()
    for name in listed[:3]:
        assert run_one(folder.path, name)["status"] == "done"
    assert pretended.begun == listed[:3] and folder.record.read_bytes() == before
    assert begin_cells(STUDY, folder.path) == listed[3:]
    pretended.ends[listed[3]] = {"status": "failed", "message": "no"}
    run_one(folder.path, listed[3])
    assert begin_cells(STUDY, folder.path) == listed[3:]  # to be tried again


def test_the_weights_of_a_single_cell_go_if_they_are_not_wanted(pretended, tmp_path):
    folder = StudyFolder(tmp_path / "s")
    one, two, *_ = begin_cells(STUDY, folder.path)
    run_one(folder.path, one)
    run_one(folder.path, two, keep="none")
    assert [folder.run(n).model.exists() for n in (one, two)] == [True, False]
    with pytest.raises(ValueError, match="Choose 'all' or 'none'"):
        run_one(folder.path, one, keep="best")


def test_a_cell_that_the_study_does_not_have_is_named(tmp_path, capsys):
    begin_cells(STUDY, tmp_path / "s")
    with pytest.raises(ValueError, match=r"no cell 'a/rate_low/seed_9'.*Did you mean"):
        run_one(tmp_path / "s", "a/rate_low/seed_9")
    with pytest.raises(ValueError, match=r"no study\.json"):
        run_one(tmp_path / "other", "a/rate_low/seed_0")
    assert main(["study", "--cell", "a/rate_low/seed_0"]) == 2
    assert "give its --folder" in capsys.readouterr().err
    assert main(["study", "data-size", "--address", "1.2.3.4:6379"]) == 2
    assert "--engine ray" in capsys.readouterr().err


def test_the_command_prints_commands_that_run_the_cells(pretended, tmp_path, capsys):
    (tmp_path / "mine.json").write_text(json.dumps(STUDY.to_json()))
    folder = str(tmp_path / "a folder")
    words = ["study", str(tmp_path / "mine.json"), "--folder", folder]
    assert main([*words, "--list", "--keep", "none"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 8
    for line in lines:
        assert main(shlex.split(line)[1:]) == 0  # behind the program's name
    assert pretended.begun == names(STUDY)
    assert "a/rate_low/seed_0: 1.00 %" in capsys.readouterr().out
    assert main([*words, "--list"]) == 0 and not capsys.readouterr().out
    pretended.ends["a/rate_low/seed_0"] = {"status": "failed", "message": "Oh."}
    (tmp_path / "a folder/cells/a/rate_low/seed_0/result.json").unlink()
    assert main(shlex.split(lines[0])[1:]) == 1
    assert "failed: Oh." in capsys.readouterr().out


def test_a_cell_that_another_process_trains_is_left_to_it(tmp_path, monkeypatch):
    monkeypatch.setattr(cells, "_PATIENCE", 0.2)
    monkeypatch.setattr(cells.time, "sleep", lambda seconds: None)
    folder = StudyFolder(tmp_path / "s")
    name, *_ = begin_cells(REAL, folder.path)
    run = folder.run(name)
    run.path.mkdir(parents=True)
    with open(run.path / ".lock", "a+") as file:
        assert take(file)
        with pytest.raises(cells.Busy, match="Another process trains in"):
            run_one(folder.path, name)
    assert folder.read_result(name) is None


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("parallel") is None, reason="needs GNU parallel")
def test_gnu_parallel_runs_the_list_and_the_results_are_those_of_one(tmp_path):
    (tmp_path / "tiny.json").write_text(json.dumps(REAL.to_json()))
    threads = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
    variables = {**os.environ, **dict.fromkeys(threads, "1")}
    variables["PYTHONPATH"] = os.pathsep.join(sys.path)
    variables["PATH"] = os.path.dirname(sys.executable) + ":" + os.environ["PATH"]

    def run(*words, given=None):
        options = {"env": variables, "cwd": tmp_path, "input": given, "text": True}
        return subprocess.run(words, capture_output=True, check=True, **options).stdout

    study = ("python", "-m", "keras_vit", "study")
    listed = run(*study, "tiny.json", "--folder", "many", "--list")
    assert listed.count("--cell") == 2
    said = run("parallel", "--will-cite", "-j", "2", given=listed)
    assert "a/seed_0" in said and "b/seed_0" in said
    run(*study, "--folder", "many", "--report-only")
    assert (tmp_path / "many" / "results.csv").is_file()
    alone = run_study(REAL, tmp_path / "alone").folder
    assert_same(StudyFolder(tmp_path / "many"), alone, REAL)
