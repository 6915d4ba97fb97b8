"""Weights that cells begin with: had before the first cell, or the study ends."""

import dataclasses

import pytest
from test_running_studies import STUDY, Pretended, names

from keras_vit.cli import main
from keras_vit.studies import StudyFolder, begin_cells, run_one, run_study
from keras_vit.studies.running import engines
from keras_vit.studies.running.weights import WeightsMissing, fetch_weights


@pytest.fixture
def pretended(monkeypatch):
    made = Pretended()
    monkeypatch.setattr(engines, "run_cell", made)
    return made


def with_weights(path):
    """A study whose later level begins with weights."""
    (first, low), (second, (number, fields)) = STUDY.axis.levels.items()
    levels = {first: low, second: (number, {**fields, "weights": str(path)})}
    return dataclasses.replace(
        STUDY, axis=dataclasses.replace(STUDY.axis, levels=levels)
    )


def contents(folder):
    files = sorted(folder.cells.rglob("result.json"))
    return {str(file): file.read_bytes() for file in files}


def test_missing_weights_stop_a_study_before_a_cell_and_lose_none(pretended, tmp_path):
    file = tmp_path / "best.npz"
    study, folder = with_weights(file), StudyFolder(tmp_path / "s")
    run_study(study.changed(levels=["low"]), folder.path)
    ended = contents(folder)
    assert len(ended) == 4
    with pytest.raises(
        WeightsMissing, match=r"best\.npz, for a/rate_high/seed_0 and 3"
    ):
        run_study(study, folder.path)
    assert contents(folder) == ended and len(pretended.begun) == 4
    file.write_bytes(b"There they are.")
    assert len(run_study(study, folder.path).results) == 8
    assert {k: v for k, v in contents(folder).items() if k in ended} == ended


def test_weights_that_would_be_downloaded_are_named_with_their_address(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("KERAS_VIT_OFFLINE", "1")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "cache"))
    fields = {"model": "ViT_B16", "weights": "imagenet21k"}
    study = dataclasses.replace(STUDY, base={**STUDY.base, **fields})
    with pytest.raises(WeightsMissing) as error:
        run_study(study, tmp_path / "s")
    text = str(error.value)
    assert "imagenet21k of ViT_B16, for a/rate_low/seed_0 and 7 more cells" in text
    assert "https://" in text and "The cells that have ended stay." in text
    assert text.count("imagenet21k of") == 1
    assert not StudyFolder(tmp_path / "s").record.exists()  # nor must they be kept


def test_a_cell_that_has_a_model_needs_its_first_weights_no_more(tmp_path):
    study, folder = with_weights(tmp_path / "gone.npz"), StudyFolder(tmp_path / "s")
    folder.begin(study)
    cells = [cell for cell in study.cells() if cell.recipe.weights]
    for cell in cells:
        folder.run(cell.name).path.mkdir(parents=True)
        folder.run(cell.name).model.write_text("saved")
    fetch_weights(cells, folder)
    folder.run(cells[-1].name).model.unlink()
    with pytest.raises(WeightsMissing, match=rf"gone\.npz, for {cells[-1].name}: "):
        fetch_weights(cells, folder)


def test_a_single_cell_without_its_weights_has_no_result(tmp_path, capsys):
    study, folder = with_weights(tmp_path / "gone.npz"), StudyFolder(tmp_path / "s")
    name = next(n for n in begin_cells(study, folder.path) if "high" in n)
    with pytest.raises(WeightsMissing):
        run_one(folder.path, name)
    words = ["study", "--folder", str(folder.path), "--cell", name]
    assert main(words) == 1 and "gone.npz" in capsys.readouterr().err
    assert folder.read_result(name) is None and name in names(study)
