"""Cells that train nothing: classifiers of the features of first weights."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from keras_vit.data import load
from keras_vit.evaluation.probes.features import extract_features
from keras_vit.evaluation.probes.shots import fewshot_probe
from keras_vit.studies import (
    Axis,
    Compare,
    Mismatch,
    Study,
    StudyFolder,
    begin_cells,
    check,
    find_study,
    results,
    run_study,
)
from keras_vit.studies.planning.cost import study_cost
from keras_vit.studies.reporting.figures import draw
from keras_vit.studies.running import features
from keras_vit.studies.running.cells import run_cell
from keras_vit.studies.running.data_prints import DataChanged
from keras_vit.studies.running.features import first_model

DATA = "fashion_mnist_mini:train[:90]"
SIZES = dict(num_layers=1, hidden_dim=8, mlp_dim=8, num_heads=2, patch_size=14)
STUDY = Study(
    name="frozen",
    question="?",
    base={
        **{"data": DATA, "test_split": "test[:60]", "model": "small", **SIZES},
        **{"total_steps": 2, "evaluate_every": 2, "batch_size": 8, "jit_compile": "no"},
    },
    arms={
        "probe": {"outcome": "linear_probe"},
        "few": {"outcome": "fewshot_2"},
    },
    axis=Axis(
        "data",
        "data set",
        {
            "F, 50 %": (1, {"part": "fraction=50%"}),
            "F, 100 %": (2, {}),
            "G, 100 %": (4, {"data": "fashion_mnist_mini:train[90:170]"}),
        },
    ),
    seeds=(3,),
    comparisons=(Compare("arms", "probe", "few"),),
)


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    folder = tmp_path_factory.mktemp("studies") / "frozen"
    return run_study(STUDY, folder).folder


def cell_of(arm, level):
    [cell] = [c for c in STUDY.cells() if (c.arm, c.level) == (arm, level)]
    return cell


def first_features(cell, data):
    """Features of a cell's first weights, by the public names."""
    source = load(data)
    model = first_model(cell.recipe, source)
    return extract_features(model, source), extract_features(
        model, load("fashion_mnist_mini:test[:60]")
    )


@pytest.mark.parametrize("level", ["F, 50 %", "F, 100 %", "G, 100 %"])
def test_a_linear_probe_is_ridge_regression_on_the_images_of_its_cell(ended, level):
    cell = cell_of("probe", level)
    train, test = first_features(cell, cell.recipe.data)
    found = json.loads((ended.run(cell.name).path / "probe.json").read_text())["fit"]
    x = (train.values - train.values.mean(0)) / (train.values.std(0) + 1e-5)
    z = (test.values - train.values.mean(0)) / (train.values.std(0) + 1e-5)
    x, z = (np.c_[a.astype(float), np.full(len(a), 100.0)] for a in (x, z))
    targets = 2.0 * np.eye(10)[train.labels] - 1
    gram = x.T @ x + found["l2"] * np.eye(x.shape[1])
    answers = (z @ np.linalg.solve(gram, x.T @ targets)).argmax(1)
    result = ended.read_result(cell.name)
    assert result["outcome"] == pytest.approx(100 * np.mean(answers == test.labels))
    assert result["n_train"] == len(train.labels) and result["updates"] == 0
    np.testing.assert_array_equal(
        ended.read_predictions(cell.name)["predicted"], answers
    )
    tried = found["cross_validation"]
    assert max(tried.values()) == tried[f"{found['l2']:g}"]


def test_few_shots_are_the_draw_of_the_seed(ended):
    cell = cell_of("few", "F, 100 %")
    train, test = first_features(cell, DATA)
    arrays = train.values, train.labels, test.values, test.labels
    expected = fewshot_probe(*arrays, shots=(1, 2), seeds=(3,), num_classes=10)
    result = ended.read_result(cell.name)
    assert result["outcome"] == pytest.approx(100 * expected[2].mean)
    assert result["fewshot_1"] == pytest.approx(100 * expected[1].mean)
    # No class has ten images.
    assert "fewshot_10" not in result and result["measure"] == "fewshot_2"


def test_features_are_made_once_for_all_cells_of_a_data_set(ended):
    files = sorted(path.name for path in (ended.path / "features").iterdir())
    assert len(files) == 2 and all(name.endswith(".npz") for name in files)


def test_a_cell_shows_that_it_lives_while_it_makes_features(tmp_path, monkeypatch):
    cell, seen = cell_of("few", "F, 50 %"), []
    folder = StudyFolder(tmp_path / "s")
    folder.begin(STUDY)
    run = folder.run(cell.name).path
    extract = features.Extractor.__call__

    def watched(self, source, size, progress):
        found = extract(self, source, size, progress)
        seen.append([file.name for file in run.iterdir()])
        return found

    monkeypatch.setattr(features.Extractor, "__call__", watched)
    run_cell(cell, folder)
    assert seen == [["features-are-made"]] * 2
    left = sorted(file.name for file in run.iterdir())
    assert left == ["predictions.npz", "probe.json"]


def test_a_killed_study_makes_missing_features_anew(ended, tmp_path, monkeypatch):
    def stop(*args, **arrays):
        raise KeyboardInterrupt

    study = STUDY.changed(levels=["F, 50 %"])
    with monkeypatch.context() as patch:
        patch.setattr(features.np, "savez", stop)
        with pytest.raises(KeyboardInterrupt):
            run_study(study, tmp_path / "s")
    assert not list((tmp_path / "s" / "features").glob("*.npz"))
    again = run_study(study, tmp_path / "s").folder
    for cell in study.cells():
        one, other = ended.read_result(cell.name), again.read_result(cell.name)
        assert one["outcome"] == other["outcome"]
        answers = again.read_predictions(cell.name)["predicted"]
        expected = ended.read_predictions(cell.name)["predicted"]
        np.testing.assert_array_equal(answers, expected)


def test_a_damaged_file_of_features_is_named(ended, tmp_path):
    study = STUDY.changed(levels=["F, 50 %"])
    arms = {"probe": STUDY.arms["probe"]}
    study = dataclasses.replace(study, arms=arms, comparisons=())
    [cell] = study.cells()
    file = features.features_file(
        dataclasses.replace(cell.recipe, data=DATA), StudyFolder(tmp_path / "s")
    )
    file.parent.mkdir(parents=True)
    file.write_bytes(b"no zip")
    (tmp_path / "s" / "study.json").write_text(
        json.dumps({"study": study.to_json(), "cells": [cell.name]})
    )
    outcome = run_study(study, tmp_path / "s")
    assert "is damaged" in str(outcome) and "Delete it" in str(outcome)
    file.unlink()
    assert not run_study(study, tmp_path / "s").failed


def test_tables_tell_probes_from_runs_and_are_checked(ended):
    tables = results.write(ended.path)
    first, *lines = tables.texts()["results.csv"].splitlines()
    assert first.endswith(",measure,fewshot_1,fewshot_5,fewshot_10,fewshot_25")
    measured = [line.split("/run,")[1].split(",")[0] for line in lines]
    assert measured == 3 * ["linear_probe", "fewshot_2"]
    assert check(ended.path)[0] == "6 cells"
    page = (ended.path / "study.html").read_text()
    assert f"on F ({DATA}) and G (fashion_mnist_mini:train[90:170])" in page
    file = ended.run(cell_of("few", "F, 100 %").name).path / "probe.json"
    before = file.read_text()
    file.write_text(json.dumps({**json.loads(before), "fewshot_1": 99.0}))
    try:
        with pytest.raises(Mismatch, match=r"fewshot_1 is 99\.0"):
            check(ended.path)
    finally:
        file.write_text(before)


def test_sizes_and_operations_of_a_probe_are_checked(ended):
    cell = cell_of("few", "F, 100 %")
    before = ended.read_result(cell.name)
    assert before["train_flops"] == before["forward_flops"] * before["images"]
    names = ("num_parameters", "forward_flops", "train_flops", "images", "updates")
    ended.write_result(cell.name, before | {name: before[name] + 1 for name in names})
    try:
        with pytest.raises(Mismatch) as error:
            check(ended.path)
    finally:
        ended.write_result(cell.name, before)
    for name in names:
        assert f"{cell.name}: {name} is {before[name]}, result" in str(error.value)


def test_no_line_of_the_plot_joins_two_data_sets(ended):
    axes = draw(results.read(ended.path)).axes[0]
    ticks = [text.get_text() for text in axes.get_xticklabels()]
    assert ticks == ["50 %", "100 %\nF", "100 %\nG"]
    places = [set(line.get_xdata()) for line in axes.lines]
    assert {1, 2} in places and {4} in places
    assert not any(4 in found and len(found) > 1 for found in places)


def test_each_data_set_is_compared_with_its_own_cells_only(ended, tmp_path):
    names = {c.level: ended.read_result(c.name)["fingerprints"] for c in STUDY.cells()}
    assert len({prints["train"] for prints in names.values()}) == 3
    study = dataclasses.replace(
        STUDY, arms={"few": STUDY.arms["few"]}, comparisons=()
    ).changed(levels=["F, 50 %"])
    folder = run_study(study, tmp_path / "s").folder
    name = study.cells()[0].name
    result = folder.read_result(name)
    folder.write_result(name, {**result, "fingerprints": {"train": "", "test": ""}})
    more = dataclasses.replace(STUDY, arms=study.arms, comparisons=())
    with pytest.raises(DataChanged, match="since few/data_f_50/seed_3 was run"):
        run_study(more.changed(levels=["F, 100 %"]), folder.path)


def test_the_data_of_a_set_are_given_as_a_field(tmp_path):
    changed = STUDY.changed(fields={"g.data": "mnist", "few.hidden_dim": 16})
    data = {c.level: c.recipe.data for c in changed.cells()}
    assert data["G, 100 %"] == "mnist" and data["F, 100 %"] == DATA
    assert changed.changes == {"g.data": "mnist", "few.hidden_dim": 16}
    with pytest.raises(ValueError, match=r"--set f\.data=\.\.\. g\.data="):
        STUDY.changed(data="mnist")
    with pytest.raises(ValueError, match="chosen with --levels"):
        find_study("transfer", "paper", data="mnist")
    missing = STUDY.changed(fields={"g.data": f"{tmp_path}/none"})
    with pytest.raises(ValueError, match=r"no folder .*none.*--set g.data=PLACE"):
        run_study(missing, tmp_path / "s")
    with pytest.raises(ValueError, match=r"--set g\.data=PLACE"):
        missing.cost(probe=False)
    with pytest.raises(ValueError, match=r"--set g\.data=PLACE"):
        begin_cells(missing, tmp_path / "s")
    assert not (tmp_path / "s" / "study.json").exists()
    # What the advice says can be done in the same folder; later nothing can be changed.
    given = missing.changed(fields={"g.data": f"{tmp_path}/moved"})
    (tmp_path / "moved" / "train" / "a").mkdir(parents=True)
    (tmp_path / "moved" / "train" / "a" / "1.png").write_bytes(b"")
    assert len(begin_cells(given, tmp_path / "s")) == 6
    shutil.rmtree(tmp_path / "moved")
    with pytest.raises(ValueError, match="Bring them back there, or begin the study"):
        run_study(given, tmp_path / "s")


@pytest.mark.parametrize("outcome", ["accuracy", "fewshot_0", "fewshot_", 5, None])
def test_outcomes_that_there_are_not_are_refused(outcome):
    with pytest.raises(ValueError, match="fewshot_N"):
        dataclasses.replace(STUDY, base={**STUDY.base, "outcome": outcome})
    with pytest.raises(ValueError, match="fewshot_N"):
        dataclasses.replace(STUDY, outcome=outcome)


def test_features_are_paid_by_the_first_cell_of_each_file(tmp_path):
    arms = {**STUDY.arms, "trained": {}}
    cost = study_cost(dataclasses.replace(STUDY, arms=arms), probe=False)
    images = {one.name: one.images for one in cost.cells if one.updates == 0}
    assert list(images.values()) == [90 + 60, 0, 0, 0, 80 + 60, 0]
    first, _, run = cost.cells[:3]  # a training is three times a pass forwards
    assert first.flops / 150 == pytest.approx(run.flops / run.images / 3)


def test_the_features_of_random_weights_are_those_of_the_seed(ended):
    cell = cell_of("probe", "F, 100 %")
    other = dataclasses.replace(cell.recipe, seed=4)
    longer = dataclasses.replace(cell.recipe, total_steps=50, learning_rate=0.5)
    file = features.features_file(cell.recipe, ended)
    assert file.exists() and features.features_file(longer, ended) == file
    assert features.features_file(other, ended) != file
    weights = dataclasses.replace(cell.recipe, weights="x.npz")
    same = dataclasses.replace(weights, seed=4)
    assert features.features_file(weights, ended) == features.features_file(same, ended)
