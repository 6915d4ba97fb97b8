"""What few-shot accuracy of first weights says of accuracy after training."""

import dataclasses

import numpy as np
import pytest
from made import write_cell
from scipy import stats

from keras_vit import studies
from keras_vit.cli import main
from keras_vit.studies import Axis, Study, StudyFolder
from keras_vit.studies.comparing.proxy import kendall, models_of

PROBE = {"outcome": "linear_probe"}
BIT = {"model": "small_bit"}
STUDY = Study(
    name="pretend",
    question="?",
    base={"data": "fashion_mnist_mini", "epochs": 1},
    arms={
        "ViT": {},
        "ViT probe": PROBE,
        "BiT": BIT,
        "BiT probe": {**BIT, **PROBE},
        "wide": {**BIT, "width_factor": 1.0},
        "wide probe": {**BIT, **PROBE, "width_factor": 1.0, "image_size": 32},
        "alone": {"mlp_dim": 8},
    },
    axis=Axis("data", "", {"F, 10 %": (1, {"part": "fraction=10%"}), "F, 1": (2, {})}),
)
# Few-shot and trained, percent: at the second level ViT and BiT change places.
FEW = {"ViT": (40.0, 50.0), "BiT": (50.0, 60.0), "wide": (60.0, 70.0)}
TRAINED = {"ViT": (0.50, 0.70), "BiT": (0.60, 0.65), "wide": (0.75, 0.80)}


def begin(path, study=STUDY, skip=()):
    """The folder of a study, as if its cells had been run."""
    folder = StudyFolder(path)
    folder.begin(study)
    labels = np.arange(400) % 10
    for cell in study.cells():
        if cell.name in skip:
            continue
        arm, place = cell.arm.removesuffix(" probe"), study.levels.index(cell.level)
        share = TRAINED.get(arm, (0.5, 0.5))[place] + 0.01 * (cell.seed - 1)
        write_cell(folder.path, study, cell, labels, np.arange(400) < 400 * share)
        if not cell.trains:
            few = FEW[arm][place] + cell.seed - 1
            result = folder.read_result(cell.name) | {"fewshot_5": few, "fewshot_1": 9}
            folder.write_result(cell.name, result)
    return folder


@pytest.mark.parametrize("ties", [False, True])
def test_tau_of_one_level_is_that_of_scipy(ties):
    random = np.random.default_rng(0)
    few, trained = random.integers(0, 5 if ties else 10**6, (2, 1, 12)).astype(float)
    expected = stats.kendalltau(few[0], trained[0]).statistic
    assert kendall(few, trained) == pytest.approx(expected)


def test_pairs_are_made_within_levels_only():
    few, trained = (
        np.array([[1.0, 2.0], [9.0, 8.0]]),
        np.array([[1.0, 2.0], [3.0, 1.0]]),
    )
    assert kendall(few, trained) == 1.0
    assert np.isnan(kendall(few, np.ones_like(few)))
    assert kendall(np.array([[1.0, 2.0, np.nan]]), np.array([[1.0, 2.0, 0.0]])) == 1.0


def test_models_are_arms_with_one_start():
    found = [(model.probe, model.trained) for model in models_of(STUDY)]
    assert found == [("ViT probe", "ViT"), ("BiT probe", "BiT"), ("wide probe", "wide")]


def test_orders_that_few_shots_get_wrong_are_counted_and_named(tmp_path):
    result = studies.fewshot_proxy(begin(tmp_path / "s").path)
    one, five = result.proxies
    assert (five.shots, five.pairs, five.seeds) == (5, 6, 3)
    [(first, second)] = five.wrong
    assert {first.model.trained, second.model.trained} == {"ViT", "BiT"}
    assert first.level == second.level == "F, 1"
    assert five.tau == pytest.approx((5 - 1) / 6) == five.low == five.high
    assert np.isnan(one.tau)  # all models are equal with one image a class
    assert "orders 5 of 6 pairs of models" in result.closing
    assert "0.67 (0.67 to 0.67 when 3 seeds are drawn again)" in result.closing
    assert not result.missing and "36 of 36 cells are read" in str(result)


def test_missing_cells_are_left_out_and_listed_with_their_price(tmp_path, capsys):
    first, *others = [c.name for c in STUDY.cells() if c.arm == "wide probe"]
    folder = begin(tmp_path / "s", skip=[first, *others]).path
    result = studies.fewshot_proxy(folder)
    assert [cell.name for cell in result.missing] == [first, *others]
    assert result.drawn.pairs == 2
    words = ["study", "fewshot-proxy", "--folder", str(folder), "--dry-run"]
    assert main([*words, "--hardware", "a100"]) == 0
    said = capsys.readouterr().out
    assert "It would read 36 cells" in said and f"{first} (missing)" in said
    assert "6 of them are missing" in said and "6 cells, " in said


def test_a_cell_that_diverged_is_not_read_and_would_not_be_run_again(tmp_path, capsys):
    folder = begin(tmp_path / "s")
    cell = next(c.name for c in STUDY.cells() if c.arm == "wide")
    ended = {"status": "diverged", "message": "the loss is not finite"}
    folder.write_result(cell, folder.read_result(cell) | ended)
    assert [c.name for c in studies.fewshot_proxy(folder.path).missing] == [cell]
    words = ["study", "fewshot-proxy", "--folder", str(folder.path)]
    for more in ([], ["--dry-run", "--hardware", "a100"]):
        assert main([*words, *more]) == 0
        assert "missing" not in capsys.readouterr().out


@pytest.mark.parametrize("arm", ["BiT", "BiT probe"])
def test_cells_of_several_machines_are_not_read(tmp_path, arm):
    folder = begin(tmp_path / "s")
    mixed = next(c.name for c in STUDY.cells() if c.arm == arm)
    folder.write_result(mixed, folder.read_result(mixed) | {"mixed": True})
    result = studies.fewshot_proxy(folder.path)
    seeds = {(p.model.trained, p.level): p.seeds for p in result.drawn.points}
    assert seeds.pop(("BiT", "F, 10 %")) == 2 and set(seeds.values()) == {3}
    assert [c.name for c in result.mixed] == [mixed] and not result.missing
    assert "35 of 36 cells are read" in str(result)
    page = studies.write_proxy(result).read_text()
    assert f"several kinds of machines, and not read</h2><ul><li>{mixed}" in page


def test_one_seed_has_no_range(tmp_path):
    study = dataclasses.replace(STUDY, seeds=(1,))
    found = studies.fewshot_proxy(begin(tmp_path / "s", study).path).drawn
    assert (found.low, found.high, found.seeds) == (None, None, 1)


def test_the_files_say_what_the_cells_say(tmp_path, capsys):
    folder = begin(tmp_path / "s").path
    words = ["study", "fewshot-proxy", "--folder", str(folder)]
    assert main(words) == 0
    page = (folder / "proxy.html").read_text()
    assert "<svg" in page and "cells/wide_probe/data_f_10/" in page
    assert (folder / "proxy.png").stat().st_size > 1000
    assert main([*words, "--check"]) == 0
    table = folder / "proxy.csv"
    text = table.read_text()
    for said, other in (("60.0000", "61.0000"), ("0.6667,0.6667", "0.6667,0.6000")):
        assert said in text
        table.write_text(text.replace(said, other))
        assert main([*words, "--check"]) != 0
        assert "proxy.csv, line" in capsys.readouterr().err


def test_the_range_of_tau_is_called_no_confidence_interval(tmp_path):
    result = studies.fewshot_proxy(begin(tmp_path / "s").path)
    assert "95 %" not in f"{result} {result.closing}"
    page = studies.write_proxy(result).read_text()
    assert "less than a 95 % confidence interval" in page


def test_a_folder_without_such_models_is_refused(tmp_path, capsys):
    arms = {"ViT": {}, "BiT": BIT}
    study = dataclasses.replace(STUDY, arms=arms)
    StudyFolder(tmp_path / "s").begin(study)
    with pytest.raises(ValueError, match=r"linear_probe.*has 0: its arms are ViT, BiT"):
        studies.fewshot_proxy(tmp_path / "s")
    assert main(["study", "fewshot-proxy", "--folder", str(tmp_path / "none")]) == 2
    assert "keras-vit study transfer" in capsys.readouterr().err
    with pytest.raises(ValueError, match="no cells of its own"):
        studies.find_study("fewshot-proxy")
    assert "fewshot-proxy" in str(studies.list_studies())


@pytest.mark.parametrize(
    "words",
    [
        *(["--cpu-budget", "1h"], ["--device-budget", "1h"], ["--budget", "1h"]),
        *(["--mixed"], ["--workers", "2"], ["--engine", "ray"], ["--keep", "all"]),
        *(["--seeds", "4"], ["--levels", "F, 1"], ["--set", "epochs=2"]),
        *(["--data", "cifar10"], ["--report-only"], ["--list"], ["--model-index"]),
        *(["--dry-run", "--check"], ["--dry-run", "--seeds", "4"]),
    ],
)
def test_options_that_would_do_nothing_are_refused(tmp_path, capsys, words):
    StudyFolder(tmp_path / "s").begin(STUDY)
    command = ["study", "fewshot-proxy", "--folder", str(tmp_path / "s"), *words]
    assert main(command) == 2
    option = words[1] if words[0] == "--dry-run" else words[0]
    assert f"has no use for {option} here" in capsys.readouterr().err
    assert not (tmp_path / "s" / "proxy.csv").exists()


def test_every_preset_has_models_to_compare(capsys):
    (row,) = [row for row in studies.list_studies() if row.name == "fewshot-proxy"]
    for preset in row.presets:
        study = studies.find_study("transfer", preset)
        assert studies.cells_read(study)
    assert main(["study", "fewshot-proxy", "--preset", "paper", "--dry-run"]) == 2
    assert "has the preset laptop" in capsys.readouterr().err
