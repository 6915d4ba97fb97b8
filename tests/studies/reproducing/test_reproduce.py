"""Reproductions: what is run, what is written, and the verdict."""

import dataclasses
import json
from types import SimpleNamespace

import golden
import numpy as np
import pytest
from each import holds_for_each
from pages import Reader
from PIL import Image

from keras_vit import cli, published, studies
from keras_vit.data import augmentation, open_place, preprocessing, steps_from_text
from keras_vit.evaluation import evaluate
from keras_vit.models import from_checkpoint
from keras_vit.published.rows import Row
from keras_vit.studies.reproducing import listing, running, runs
from keras_vit.studies.reproducing.trials import Trial, all_trials, find_trial
from keras_vit.training import Recipe

DATA = "fashion_mnist_mini"


def a_row(value, **changes):
    row = published.row("vit_readme/vit_b16/cifar10/dropout0.0")
    values = {"id": "tests/tiny", "task": DATA, "image_size": 32, "note": ""}
    values |= {"value": value, "printed": f"{value:.2f}"}
    return dataclasses.replace(row, **{**values, **changes})


@pytest.fixture(scope="module")
def weights():
    return str(golden.path("vit/token_norep.ckpt.npz"))


@pytest.fixture(scope="module")
def accuracy(weights):
    """What the file reaches, per cent."""
    return 100 * evaluate(from_checkpoint(weights), f"{DATA}:test").accuracy


def a_test(weights, value, **changes):
    row = a_row(value, **changes)
    return Trial(row, "A", "It is tested.", weights=weights, data=f"{DATA}:test")


def test_a_file_that_gives_its_number_is_reproduced(weights, accuracy, tmp_path):
    result = studies.reproduce(a_test(weights, accuracy - 0.04), folder=tmp_path)
    assert result.accuracies == [pytest.approx(accuracy)]
    assert result.comparison.verdict == "reproduced"
    written = json.loads((tmp_path / "result.json").read_text())
    assert written["verdict"] == "reproduced" and written["row"] == "tests/tiny"
    assert [check["status"] for check in written["checks"]] == ["ok"] * 10
    page = (tmp_path / "reproduce.html").read_text()
    assert "reproduced: +0.04" in page and "tests/tiny" in page
    read = Reader(page)
    assert read.addresses == [] and read.headings[0] == 1  # self-contained
    other = studies.reproduce(a_test(weights, accuracy - 1), folder=tmp_path)
    assert other.comparison.verdict == "differs"


def test_a_decisive_fault_takes_the_verdict_away(weights, accuracy, tmp_path):
    wrong = "resize(32)|value_range(0,1)"
    trial = a_test(weights, accuracy)
    result = studies.reproduce(trial, folder=tmp_path, preprocessing=wrong)
    assert result.comparison.verdict == "not comparable"
    assert result.comparison.reasons[0].startswith("value range: [0, 1]")
    assert "not comparable: " in str(result)
    assert result.comparison.interval is None


def test_a_withheld_head_is_not_tested(weights, tmp_path):
    with np.load(weights) as file:
        arrays = {n: 0 * a if n.startswith("head/") else a for n, a in file.items()}
    np.savez(tmp_path / "withheld.npz", **arrays)
    trial = a_test(str(tmp_path / "withheld.npz"), 10.0)
    with pytest.raises(ValueError, match="withheld from the file"):
        studies.reproduce(trial, folder=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Two classes of ten non-square images."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for split, count in (("train", 8), ("test", 3)):
        for name, level in (("dark", 40), ("light", 200)):
            place = folder / split / name
            place.mkdir(parents=True)
            for i in range(count):
                pixels = np.clip(rng.normal(level, 20, (20, 28, 3)), 0, 255)
                Image.fromarray(pixels.astype("uint8")).save(place / f"{i}.png")
    return folder


@pytest.mark.slow  # four trainings of a small model
def test_a_training_is_run_once_and_judged_with_what_differs(photos, tmp_path):
    recipe = Recipe(
        data=str(photos),
        **{"num_layers": 1, "hidden_dim": 16, "mlp_dim": 16, "num_heads": 2},
        image_size=16,
        patch_size=8,
        total_steps=4,
        warmup_steps=1,
        batch_size=8,
    )
    trial = Trial(a_row(50.0, image_size=16), "C", "It learns.", recipe)
    first = studies.reproduce(trial, folder=tmp_path, seeds=2, learning_rate=0.01)
    assert len(first.accuracies) == 2
    assert first.changes == {"learning_rate": (0.001, 0.01)}
    # Six test images instead of 1,000, and another rate.
    assert first.comparison.verdict == "not comparable"
    reasons = " ".join(first.comparison.reasons)
    assert "16 train images instead of 6,000" in reasons
    assert "learning_rate 0.01 instead of 0.001" in reasons
    models = [tmp_path / f"seed_{seed}" / "model.keras" for seed in (0, 1)]
    times = [model.stat().st_mtime_ns for model in models]
    again = studies.reproduce(trial, folder=tmp_path, seeds=2, learning_rate=0.01)
    assert again.accuracies == first.accuracies
    assert [model.stat().st_mtime_ns for model in models] == times
    page = (tmp_path / "reproduce.html").read_text()
    assert "learning_rate" in page and "seed_1" in page


def pretended_runs(monkeypatch, accuracies):
    """Stands in for trainings: notes the recipes, and gives accuracies by rate."""
    begun = []

    def finished(recipe, path, devices):
        begun.append(recipe)
        if accuracies[recipe.learning_rate] is None:
            raise runs.Diverged("The loss is NaN.")
        value = accuracies[recipe.learning_rate] / 100
        record = {"result": {"val_accuracy": value}}
        return SimpleNamespace(read_record=lambda: record, path=path)

    monkeypatch.setattr(runs, "finished", finished)
    monkeypatch.setattr(running, "finished", finished)
    tested = SimpleNamespace(accuracy=0.5)
    monkeypatch.setattr(running, "write_results", lambda *words, **options: tested)
    return begun


def test_a_sweep_chooses_the_rate_on_held_out_images(monkeypatch, tmp_path):
    begun = pretended_runs(
        monkeypatch, {0.001: 60.0, 0.003: 80.0, 0.01: 70.0, 0.03: None}
    )
    row = "vit/table5/vit_b16_imagenet21k/cifar10"
    attempt = studies.look(row, open_files=False, seeds=2, sweep="paper")
    once = studies.look(row, open_files=False, seeds=2)
    assert attempt.flops == pytest.approx(3 * once.flops)  # six runs, not two
    result = studies.reproduce(row, attempt=attempt, folder=tmp_path)
    assert [r.learning_rate for r in begun] == [0.001, 0.003, 0.01, 0.03, 0.003, 0.003]
    # Table 4 and appendix B.1.1: 2 % of CIFAR's training images, then all of them.
    assert [r.validation_fraction for r in begun] == [0.02] * 4 + [None] * 2
    assert result.sweep == {0.001: 60.0, 0.003: 80.0, 0.01: 70.0, 0.03: None}
    assert "learning_rate" not in result.changes
    written = json.loads((tmp_path / "result.json").read_text())
    assert written["sweep"]["0.03"] is None
    assert "learning_rate 0.003" in written["checks"][6]["text"]  # the rate that ran
    page = (tmp_path / "reproduce.html").read_text()
    assert "Choice of the learning rate" in page and "diverged" in page
    assert "learning_rate 0.003" in page and "learning_rate 0.01<" not in page


def test_a_sweep_without_an_end_or_a_published_one_is_refused(monkeypatch, tmp_path):
    row = "vit/table5/vit_b16_imagenet21k/cifar10"
    with pytest.raises(ValueError, match="cannot be swept: it is given"):
        studies.look(row, open_files=False, sweep="paper", learning_rate=0.1)
    alone = next(t.row for t in all_trials() if t.kind == "B" and not t.rates)
    with pytest.raises(ValueError, match="no sweep of it is published"):
        studies.look(alone, open_files=False, sweep="paper")
    with pytest.raises(ValueError, match="`sweep` must be one of"):
        studies.look(row, open_files=False, sweep="mine")
    pretended_runs(monkeypatch, dict.fromkeys((0.001, 0.003, 0.01, 0.03)))
    attempt = studies.look(row, open_files=False, sweep="paper")
    with pytest.raises(ValueError, match="At each rate of the sweep"):
        studies.reproduce(row, attempt=attempt, folder=tmp_path)


# The rows that are there ------------------------------------------------------------


def test_rows_fall_into_their_classes():
    kinds = {
        "timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k/imagenet2012": "A",
        "augreg_index/vit_b16/imagenet2012": "A",
        "plain_vit/table1/full/90ep": "A",
        "vit/table5/vit_b16_imagenet21k/cifar10": "B",
        "vit/table9/vit_l16_imagenet21k/caltech101": "B",
        "vit_readme/vit_b16/cifar10/steps500": "B",
        "bit_readme/bit-m-r50x1/cifar10,per_class=1/tf2": "B",
        "big_vision/transfer/vit_b32/cifar100": "B",
        "vit/table5/vit_b16_imagenet2012/cifar10": "C",
        "plain_vit/table1/posemb_learned/90ep": "C",
        "vit/table6/vit_b16_7ep/cifar10": "D",
        "vit/table2/noisy_student/imagenet2012": "D",
        "vit/figure4/vit_l16/9m": "",
        "vit/table6/vit_b16_7ep/exaflops": "",
        "augreg/table5/vit_b16_imagenet21k_300ep/dtd": "",
    }
    assert {id: find_trial(id).kind for id in kinds} == kinds


def test_recipes_have_the_settings_of_their_rows():
    short = find_trial("vit_readme/vit_b16/cifar10/steps500").recipe
    assert (short.total_steps, short.warmup_steps, short.image_size) == (500, 50, 384)
    dropped = find_trial("vit_readme/vit_b16/cifar10/dropout0.1").recipe
    assert dropped.dropout_rate == 0.1 and dropped.weights == "imagenet21k"
    averaged = find_trial("vit/table2/l16_i21k/imagenet2012").recipe
    assert (averaged.ema_momentum, averaged.image_size) == (0.9999, 512)
    shot = find_trial("bit_readme/bit-m-r50x1/cifar10,per_class=1/tf2")
    assert (shot.recipe.total_steps, shot.recipe.batch_size) == (500, 128)
    assert shot.counts == (10, 10_000)
    task = find_trial("vit/table9/vit_l16_imagenet21k/caltech101")
    assert (task.recipe.data, task.recipe.total_steps) == ("vtab/caltech101", 2500)
    assert task.counts[0] == 1000
    pets = find_trial(
        "augreg_index/r26_vit_s32/oxford_iiit_pet/oxford_iiit_pet-steps_2k-lr_0.003-"
        "res_384"
    ).recipe
    assert (pets.total_steps, pets.learning_rate, pets.image_size) == (2500, 0.003, 384)
    both = find_trial("vit/table5/vit_b16_imagenet2012/cifar10")
    assert both.pretraining.epochs == 300 and both.recipe.total_steps == 10_000


def test_private_rows_name_the_nearest_public_one():
    near = find_trial("vit/table6/vit_b16_7ep/cifar10").nearest
    assert near.id == "vit/table5/vit_b16_imagenet21k/cifar10"
    with pytest.raises(ValueError, match=r"JFT-300M is private.*vit_b16_imagenet21k"):
        studies.look("vit/table6/vit_b16_7ep/cifar10")
    rows = published.find(metric="top1", kind="printed", pretrain="jft_300m")
    public = {"cifar10", "imagenet2012", "oxford_iiit_pet", "vtab/dtd"}
    for row in rows:
        if row.task in public:
            assert isinstance(find_trial(row).nearest, Row), row.id


# The command ------------------------------------------------------------------------


def run(capsys, *words):
    status = cli.main(["reproduce", *words])
    output = capsys.readouterr()
    return status, output.out, output.err


def test_what_takes_long_must_be_wanted(capsys):
    status, out, error = run(capsys, "vit_b16", "cifar10", "--quick")
    assert status == 2 and "add --yes" in error
    assert "vit_readme/vit_b16/cifar10/steps500" in out
    assert "98.95" in out and "cost: 2.59e+17" in out and "17 minutes" in out
    assert out.count("\n 1  ok") == 1 and "\n10  ok" in out


def test_a_stopped_reproduction_says_how_to_go_on(capsys, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    words = ["vit_b16", "cifar10", "--quick", "--yes"]
    monkeypatch.setattr(running, "look", lambda *_, **__: LOOKED)
    monkeypatch.setattr(running, "reproduce", stopped)
    status, _, error = run(capsys, *words)
    assert status == 130 and f"keras-vit reproduce {' '.join(words)}" in error


LOOKED = running.Attempt(None, None, [], None, 1, 1.0)


def test_a_changed_field_is_seen_in_a_dry_run(capsys):
    row = "vit/table5/vit_b16_imagenet21k/cifar10"
    status, out, _ = run(capsys, row, "--dry-run", "--set", "batch_size=64")
    assert status == 0 and "batch_size 64 instead of 512" in out
    status, _, error = run(capsys, row, "--dry-run", "--set", "bach_size=64")
    assert status == 1 and "Did you mean 'batch_size'" in error
    status, _, error = run(capsys, row, "--dry-run", "--set", "64")
    assert status == 2 and "FIELD=VALUE" in error
    shot = "bit_readme/bit-m-r50x1/cifar10,per_class=1/tf2"
    _, out, _ = run(capsys, shot, "--dry-run")
    assert "10 images make batches of 10, not of 128" in out


def test_what_cannot_be_run_says_why(capsys):
    status, _, error = run(capsys, "vit/table6/vit_b16_7ep/cifar10")
    assert status == 1 and "private" in error and "Nearest public row" in error
    status, _, error = run(capsys, "vit/figure4/vit_l16/9m")
    assert status == 1 and "read from a figure" in error
    status, _, error = run(capsys, "vit_b61", "cifar10")
    assert status == 1 and "ViT_B16" in error
    status, _, error = run(capsys, "vit/table2/h14_jft/imagenet2021")
    assert status == 1 and "vit/table2/h14_jft/imagenet2012" in error


def test_the_list_has_every_class_and_a_price(monkeypatch):
    monkeypatch.setattr(listing, "measured_speed", lambda: 1e12)
    choices = studies.list_choices(3)
    assert {choice.kind for choice in choices} == {"A", "B", "C"}
    assert all(choice.seconds for choice in choices)
    found = {choice.id: choice for choice in choices}
    # 50,000 images, a forward pass of 2.5e9 operations each.
    tiny = found["timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k/imagenet2012"]
    assert tiny.seconds == pytest.approx(50_000 * 2.5e9 / 1e12, rel=0.02)
    hours = found["vit_readme/vit_b16/cifar10/dropout0.1"]
    # 10,000 updates of 512 images at 384 pixels, 111e9 operations, three runs.
    expected = 3 * (3 * 10_000 * 512 + 10_000) * 111e9 / 1e12
    assert hours.seconds == pytest.approx(expected, rel=0.02)
    assert hours.published_hours == "7.8 h, 8 V100"
    text = str(choices)
    assert "D  private data" in text and "nearest public value" in text


def test_the_speed_of_this_machine_is_measured():
    assert 1e8 < listing.measured_speed() < 1e16


def test_every_run_has_steps_and_data_that_can_be_read():
    def check(trial):
        if trial.steps is not None:
            steps_from_text(trial.steps)
        if trial.recipe is None:
            assert open_place(trial.data).split is not None
            return
        assert open_place(trial.recipe.data).kind in ("tfds", "vtab")
        size = (trial.recipe.image_size,) * 2
        augmentation(trial.recipe.augment, preprocessing(size))

    holds_for_each((t for t in all_trials() if t.can_run), check)
