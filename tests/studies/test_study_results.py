"""Tables and comparisons of studies, from folders that were made up."""

import csv
import dataclasses
import json
import math

import numpy as np
import pytest
from made import ablation, alike, data_size, made, usual
from scipy import stats

from keras_vit import published
from keras_vit.studies.comparing import entries as d
from keras_vit.studies.comparing import pairs
from keras_vit.studies.grid import Grid
from keras_vit.studies.parts import Axis, Compare
from keras_vit.studies.reporting import results
from keras_vit.studies.study import Study
from keras_vit.training.recipes.look_up import find_run


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The tables of a study of which all cells were run."""
    return results.read(made(tmp_path_factory.mktemp("whole"), data_size(), usual))


def only(found, kind, **values):
    """The one difference of a kind with these values."""
    chosen = [
        e
        for e in found
        if e.kind == kind and all(getattr(e, n) == v for n, v in values.items())
    ]
    assert len(chosen) == 1
    return chosen[0]


def rows(text):
    return list(csv.DictReader(text.splitlines()))


# Whole studies ----------------------------------------------------------------------


def test_a_summary_is_mean_and_deviation_of_its_cells(whole):
    cells = [c for c in whole.grid.cells if (c.arm, c.level) == ("ViT", "10 %")]
    values = [whole.grid.results[c.name]["outcome"] for c in cells]
    found = next(s for s in whole.summaries if (s.arm, s.level) == ("ViT", "10 %"))
    assert found.mean == pytest.approx(np.mean(values))
    assert found.sd == pytest.approx(np.std(values, ddof=1))
    assert found.n == 3 and found.low < found.mean < found.high


def test_every_cell_has_a_line_and_every_line_its_folder(whole):
    lines = rows(whole.texts()["results.csv"])
    assert [line["name"] for line in lines] == [c.name for c in whole.grid.cells]
    assert all(line["folder"] == f"cells/{line['name']}/run" for line in lines)
    assert {line["status"] for line in lines} == {"done"}


def test_the_term_of_the_images_comes_from_the_pairs_of_answers(whole):
    place = ("ViT", "1 %", 0), ("BiT", "1 %", 0)
    one, other = (whole.grid.right(*p) for p in place)
    only_one, only_other = (one & ~other).sum(), (other & ~one).sum()
    # McNemar's counts: the variance of a difference of paired shares.
    number = len(one)
    share = (only_one - only_other) / number
    by_hand = ((only_one + only_other) / number - share**2) / (number - 1)
    grid = Grid(whole.grid.folder.path)
    grid.study = dataclasses.replace(grid.study, seeds=(0,))
    found, note = pairs.image_variance(grid, "ViT", "BiT", "1 %")
    assert found == pytest.approx(1e4 * by_hand) and note == ""


def test_a_clear_difference_is_called_and_has_the_interval_of_the_formula(whole):
    entry = only(whole.differences, d.ARMS, level="10 %")
    values = pairs.points(whole.grid, "ViT", "BiT")
    pooled = values.var(axis=0, ddof=1)
    variance = max(pooled.mean(), pooled[1])
    images, _ = pairs.image_variance(whole.grid, "ViT", "BiT", "10 %")
    df = min(8 * (1 + images / (variance / 3)) ** 2, 1000)
    others = np.delete(pooled, 1).mean()
    assert pooled[1] <= 4 * others
    half = stats.t.ppf(0.975, df) * math.sqrt(variance / 3 + images)
    assert entry.verdict == d.LOWER and entry.p_holm < 0.05
    # Holm's first step of five comparisons: four levels and a trend.
    error = half / stats.t.ppf(0.975, df)
    assert entry.least == pytest.approx(stats.t.ppf(1 - 0.025 / 5, df) * error)
    assert (entry.low, entry.high) == pytest.approx(
        (values[:, 1].mean() - half, values[:, 1].mean() + half)
    )


def test_a_trend_in_points_alone_is_not_called(whole):
    points, odds = (e for e in whole.differences if e.kind == d.TREND)
    assert points.unit == "points per decade" and odds.unit == "log-odds per decade"
    assert points.low > 0 and odds.low < 0 < odds.high
    assert points.verdict == odds.verdict == d.NO_TREND


def test_arms_limited_by_updates_leave_a_crossing_open(whole):
    gains = [e for e in whole.differences if e.kind == d.LENGTH]
    assert {e.verdict for e in gains} == {d.LIMITED} and all(e.mean > 1 for e in gains)
    crossing = only(whole.differences, d.CROSSING)
    assert crossing.verdict == d.UNDECIDED and "limited by updates" in crossing.reason


def test_every_verdict_is_of_the_closed_list(whole):
    assert {e.verdict for e in whole.differences} <= set(d.VERDICTS)


def test_equal_arms_are_equivalent_where_the_images_are_many(tmp_path):
    study = data_size(length_check=False)
    # Two models that give the same answers but for a few images.
    folder = made(tmp_path, study, alike, 0.0, images=9000, noise=0.02)
    found = results.read(folder).differences
    assert [e.verdict for e in found if e.kind == d.ARMS] == [d.EQUIVALENT] * 4
    assert only(found, d.CROSSING).verdict == d.UNDECIDED


def test_arms_that_change_places_cross(tmp_path):
    gains = dict(zip(("1 %", "10 %", "30 %", "100 %"), (-0.2, -0.1, 0.1, 0.2)))

    def shares(arm, level, cell):
        return 0.5 + gains[level] * (arm == "ViT")

    study = data_size(length_check=False)
    found = results.read(made(tmp_path, study, shares, images=2000)).differences
    entry = only(found, d.CROSSING)
    assert entry.verdict == d.CROSSES and entry.reason == "between 10 % and 30 %"
    assert {e.verdict for e in found if e.kind == d.TREND} <= {d.CLOSES, d.WIDENS}


def test_a_gap_that_closes_on_both_scales_is_called(tmp_path):
    gaps = dict(zip(("1 %", "10 %", "30 %", "100 %"), (0.3, 0.2, 0.1, 0.02)))

    def shares(arm, level, cell):
        return 0.6 - gaps[level] * (arm == "ViT")

    study = data_size(length_check=False)
    found = results.read(made(tmp_path, study, shares, images=2000)).differences
    assert [e.verdict for e in found if e.kind == d.TREND] == [d.CLOSES, d.CLOSES]


def test_a_study_without_levels_pools_the_spread_over_its_arms(tmp_path):
    def shares(arm, level, cell):
        return 0.5 if arm == "none" else 0.6

    folder = made(tmp_path, ablation(), shares, spread=0.005, images=4000)
    found = results.read(folder).differences
    none, relative = found
    assert none.verdict == d.LOWER and relative.verdict == d.UNDECIDED
    assert relative.reach >= 0.5


def test_families_are_compared_by_their_computing(tmp_path):
    arms = {f"{f} {n}": {} for f in ("ViT", "BiT") for n in (1, 2, 4)}
    study = ablation(arms=arms, comparisons=(Compare("compute", "BiT", "ViT"),))
    folder = made(tmp_path, study, lambda arm, *_: 0.4 + 0.1 * int(arm[-1]), 0.003)
    for cell in study.cells():
        file = folder / "cells" / cell.name / "result.json"
        result = json.loads(file.read_text())
        # BiT takes three times as much.
        result["train_flops"] = (
            1e12 * 10 ** int(cell.arm[-1]) * (1 + 2 * ("B" in cell.arm))
        )
        file.write_text(json.dumps(result))
    entry = only(results.read(folder).differences, d.COMPUTE)
    assert entry.verdict == d.MORE and entry.low < entry.mean < entry.high
    assert entry.mean == pytest.approx(3, rel=0.5)
    laws = [e for e in results.read(folder).differences if e.kind == d.LAW]
    assert {e.verdict for e in laws} == {d.NO_POWER_LAW}
    assert {e.reason for e in laws} == {"3 points, of at least 5"}


def test_a_family_of_which_a_cell_failed_or_is_missing_is_not_compared(tmp_path):
    arms = {f"{f} {n}": {} for f in ("ViT", "BiT") for n in (1, 2)}
    study = ablation(arms=arms, comparisons=(Compare("compute", "BiT", "ViT"),))
    names = [cell.name for cell in study.cells()]
    folder = made(tmp_path / "failed", study, alike, failed=names[:1])
    entry = only(results.read(folder).differences, d.COMPUTE)
    assert entry.verdict == d.NOT_CALLED and entry.reason == "vit_1/seed_0 failed"
    folder = made(tmp_path / "missing", study, alike, skip=names[-2:])
    entry = only(results.read(folder).differences, d.COMPUTE)
    assert entry.verdict == d.NOT_RUN and entry.reason == "2 of 12 cells not run"


def test_five_points_over_enough_computing_are_a_power_law(tmp_path):
    arms = {f"ViT {n}": {} for n in range(5)}
    study = ablation(arms=arms, comparisons=(Compare("compute", "ViT", "ViT"),))

    def shares(arm, level, cell):
        return 1 - 0.5 * 10 ** (-0.1 * int(arm[-1]))

    folder = made(tmp_path, study, shares, spread=0.0, images=3000, noise=0.0)
    for cell in study.cells():
        file = folder / "cells" / cell.name / "result.json"
        flops = 1e12 * 10.0 ** int(cell.arm[-1])
        file.write_text(
            json.dumps({**json.loads(file.read_text()), "train_flops": flops})
        )
    entry = only(results.read(folder).differences, d.LAW)
    assert entry.verdict == d.POWER_LAW and entry.mean == pytest.approx(-0.1, abs=0.01)
    assert entry.low <= entry.mean <= entry.high


# Partly run, failed and odd ones ----------------------------------------------------


def test_nothing_is_called_of_a_cell_that_diverged_or_failed(tmp_path):
    study = data_size(length_check=False)
    names = [cell.name for cell in study.cells()]
    folder = made(tmp_path, study, usual, diverged=names[:1], failed=names[3:4])
    found = results.read(folder)
    entry = only(found.differences, d.ARMS, level="1 %")
    assert entry.verdict == d.NOT_CALLED and entry.pairs == 2
    assert entry.reason == "vit/size_1/seed_0 diverged"
    entry = only(found.differences, d.ARMS, level="10 %")
    assert entry.reason == "bit/size_10/seed_0 failed"
    assert only(found.differences, d.ARMS, level="30 %").verdict == d.LOWER
    assert {e.verdict for e in found.differences if e.kind == d.TREND} == {d.NOT_CALLED}
    first = found.summaries[0]
    assert (first.n, first.diverged) == (2, 1)


def test_cells_of_several_machines_are_shown_and_not_called(tmp_path):
    study = data_size(length_check=False)
    folder = made(tmp_path, study, usual)
    file = folder / "cells/bit/size_1/seed_1/result.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "mixed": True}))
    entry = only(results.read(folder).differences, d.ARMS, level="1 %")
    assert entry.verdict == d.NOT_CALLED and entry.pairs == 3
    assert entry.reason == "bit/size_1/seed_1 ran on several kinds of machines"


@pytest.mark.parametrize("spoilt", ["size_100/seed_0", "size_100_x2/seed_0"])
def test_no_gain_from_more_updates_is_called_of_a_mixed_cell(tmp_path, spoilt):
    folder = made(tmp_path, data_size(), usual)
    file = folder / "cells/bit" / spoilt / "result.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "mixed": True}))
    found = results.read(folder)
    entry = only(found.differences, d.LENGTH, arm="BiT")
    assert entry.verdict == d.NOT_CALLED and entry.mean is None
    assert entry.reason == f"bit/{spoilt} ran on several kinds of machines"
    assert "Whether BiT is limited by updates is not called: bit/" in found.closing
    assert only(found.differences, d.LENGTH, arm="ViT").verdict == d.LIMITED


def test_one_and_two_seeds_have_means_and_no_verdict(tmp_path):
    for seeds, word in (((0,), d.ONE_SEED), ((0, 1), d.TWO_SEEDS)):
        folder = tmp_path / str(len(seeds))
        found = results.read(made(folder, data_size(seeds=seeds), usual)).differences
        arms = [e for e in found if e.kind == d.ARMS]
        assert {e.verdict for e in arms} == {word}
        assert all(e.mean is not None and e.low is e.p is None for e in arms)
        assert only(found, d.CROSSING).verdict == word


def test_cells_that_were_not_run_are_said_to_be_so(tmp_path):
    study = data_size()
    names = [cell.name for cell in study.cells()]
    found = results.read(made(tmp_path, study, usual, skip=names[4:]))
    lines = rows(found.texts()["results.csv"])
    assert [line["status"] for line in lines] == ["done"] * 4 + ["not run"] * 22
    assert all(line["outcome"] == "" for line in lines[4:])
    assert only(found.differences, d.ARMS, level="1 %").verdict == d.ONE_SEED
    assert only(found.differences, d.ARMS, level="30 %").verdict == d.NOT_RUN
    lines = rows(found.texts()["summary.csv"])
    assert lines[-1]["mean"] == "" and lines[-1]["not_run"] == "3"


def test_a_study_of_which_nothing_was_run_has_tables(tmp_path):
    study = data_size()
    folder = made(tmp_path, study, usual, skip=[cell.name for cell in study.cells()])
    found = results.read(folder)
    assert {e.verdict for e in found.differences if e.kind == d.ARMS} == {d.NOT_RUN}


def test_without_answers_to_images_the_arms_err_independently(tmp_path):
    study = data_size(length_check=False)
    with_answers = results.read(made(tmp_path / "a", study, usual)).differences
    folder = made(tmp_path / "b", study, usual)
    for file in folder.rglob("predictions.npz"):
        file.unlink()
    found = results.read(folder).differences
    for one, other in zip(with_answers, found):
        if one.kind == d.ARMS:  # the wider interval
            assert other.low < one.low < one.high < other.high
            assert "independently" in other.reason
        if one.kind == d.TREND:
            assert other.verdict == d.NOT_CALLED


def test_other_test_images_are_no_pair(tmp_path):
    study = data_size(length_check=False)
    folder = made(tmp_path, study, usual)
    file = folder / "cells/bit/size_1/seed_1/run/predictions.npz"
    with np.load(file) as found:
        changed = {name: found[name].copy() for name in found.files}
    changed["labels"][0] += 1
    np.savez(file, **changed)
    entry = only(results.read(folder).differences, d.ARMS, level="1 %")
    assert entry.verdict == d.NOT_CALLED and "test images differ" in entry.reason


def test_damaged_answers_are_named(tmp_path):
    folder = made(tmp_path, data_size(), usual)
    (folder / "cells/bit/size_1/seed_1/run/predictions.npz").write_bytes(b"PK\x03\x04")
    with pytest.raises(
        ValueError, match=r"size_1/seed_1/run/predictions\.npz is damaged"
    ):
        results.read(folder)


def test_names_may_have_any_letters(tmp_path):
    study = data_size(
        arms={"ViT $x$": {}, "ResNet <é日>": {}},
        axis=Axis("größe", "µm & $", {"klein": (1, {}), "groß, ganz": (10, {})}),
        comparisons=(Compare("arms", "ViT $x$", "ResNet <é日>"),),
    )
    found = results.read(made(tmp_path, study, alike))
    lines = rows(found.texts()["summary.csv"])
    assert lines[3]["arm"] == "ResNet <é日>" and lines[3]["level"] == "groß, ganz"


def test_a_level_with_another_scale_than_numbers_has_no_trend(tmp_path):
    axis = Axis("data", "", {"a": (0, {}), "b": (1, {})})
    study = data_size(axis=axis)
    found = results.read(made(tmp_path, study, alike)).differences
    trend = next(e for e in found if e.kind == d.TREND)
    assert trend.verdict == d.NOT_CALLED and "positive" in trend.reason


# Beside published values ------------------------------------------------------------


def test_a_value_read_from_a_figure_gets_no_verdict(tmp_path):
    row = published.find(source="vit", table="figure4")[0]
    assert row.kind == "figure"
    study = data_size(published={("ViT", "1 %"): row.id})
    found = results.read(made(tmp_path, study, usual)).summaries[0]
    assert found.published_id == row.id and found.published == row.text
    assert found.verdict == "not comparable" and "figure" in found.reasons


def test_an_arm_whose_seeds_have_all_failed_is_not_called_not_run(tmp_path):
    row = published.find(source="vit", table="figure4")[0]
    study = data_size(published={("ViT", "1 %"): row.id, ("BiT", "1 %"): row.id})
    own = [(c.arm, c.name) for c in study.cells() if c.level == "1 %"]
    failed = [name for arm, name in own if arm == "ViT"]
    skipped = [name for arm, name in own if arm == "BiT"]
    folder = made(tmp_path, study, usual, skip=skipped, failed=failed)
    vit, bit = results.read(folder).summaries[:2]
    assert vit.verdict == "not comparable" and bit.verdict == "not run"
    assert vit.reasons == " ".join(f"{name} failed." for name in failed)


def fine_tuned(folder, row, change=None, n_train=50_000, tested=10_000, spoil=None):
    """The summary of three runs of ViT's fine-tuning on CIFAR-10, all answers right."""
    study = Study(
        name="compared",
        question="?",
        base={**find_run("vit_finetune_cifar10").values, **(change or {})},
        arms={"B/16": {}},
        published={("B/16", ""): row},
    )
    made(folder, study, lambda *place: 1.5)
    for file in folder.rglob("result.json"):
        result = {**json.loads(file.read_text()), "n_train": n_train}
        spoilt = spoil if result["seed"] == 1 else None
        result |= {"test_images": tested, **(spoilt or {})}
        file.write_text(json.dumps(result))
        run = file.parent / "run" / "run.json"
        record = json.loads(run.read_text())
        record["data"] |= {"class_names": [str(number) for number in range(10)]}
        run.write_text(json.dumps(record))
    return results.read(folder).summaries[0]


B16 = "vit/table5/vit_b16_imagenet21k/cifar10"


def test_a_run_as_in_the_paper_is_judged(tmp_path):
    found = fine_tuned(tmp_path / "s", B16)
    # 100 % in all runs, and 98.95 % were published.
    assert found.verdict == "differs", found.reasons
    assert found.difference == pytest.approx(1.05)
    # What is not decisive is a remark.
    found = fine_tuned(tmp_path / "t", B16, {"dropout_rate": 0.1})
    assert found.verdict == "differs" and "dropout_rate 0.1" in found.reasons


@pytest.mark.parametrize(
    ("change", "counts", "reason"),
    [
        ({"weights": "augreg"}, {}, "pre-training: augreg instead of imagenet21k"),
        ({"weights": None}, {}, "pre-training: from the beginning"),
        ({"weights": "mine.npz"}, {}, "only you know"),
        ({"image_size": 224}, {}, "image size: 224 x 224 pixels instead of 384"),
        ({"model": "ViT_B32"}, {}, "model: ours ViT_B32"),
        ({"learning_rate": 0.5}, {}, "learning_rate 0.5 instead of 0.01"),
        ({}, {"n_train": 5000}, "5,000 train images instead of 50,000"),
        ({}, {"tested": 1000}, "1,000 test images instead of 10,000"),
        ({"test_split": "test[:1000]"}, {}, "test images: ours are of"),
    ],
)
def test_a_run_that_is_not_the_papers_is_not_comparable(
    tmp_path, change, counts, reason
):
    found = fine_tuned(tmp_path / "s", B16, change, **counts)
    assert found.verdict == "not comparable" and reason in found.reasons


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        ({"mixed": True}, "b_16/seed_1 ran on several kinds of machines."),
        ({"status": "diverged", "message": "?"}, "b_16/seed_1 diverged."),
        ({"status": "failed", "message": "?"}, "b_16/seed_1 failed."),
    ],
)
def test_an_arm_with_a_spoilt_seed_is_not_judged(tmp_path, spoil, reason):
    for row in (B16, "vit/table6/vit_b16_7ep/cifar10"):  # with and without a recipe
        found = fine_tuned(tmp_path / row, row, spoil=spoil)
        assert found.verdict == "not comparable" and reason in found.reasons


def test_a_row_without_a_recipe_is_compared_by_its_columns(tmp_path):
    private = "vit/table6/vit_b16_7ep/cifar10"
    found = fine_tuned(tmp_path / "s", private)
    assert "pretrain: ours imagenet21k, published jft_300m" in found.reasons
    assert "task" not in found.reasons and "protocol" not in found.reasons
    part = {"data": "cifar10:train,fraction=10%,seed=0"}
    found = fine_tuned(tmp_path / "t", private, part)
    assert "task: ours cifar10,fraction=10%, published cifar10" in found.reasons


def test_a_folder_without_a_study_says_so(tmp_path):
    with pytest.raises(ValueError, match=r"study\.json"):
        results.read(tmp_path)
