"""A study says what every cell is: its name, its seed, its part of the images."""

import json

import pytest

from keras_vit import published
from keras_vit.studies import Axis, Compare, Study, find_study, list_studies
from keras_vit.studies.catalogue import STUDIES
from keras_vit.training import Recipe

PARTS = {"1 %": (1, {"part": "fraction=1%"}), "100 %": (100, {})}


def make(**values):
    own = {
        "name": "mine",
        "question": "Which is better?",
        "base": {"data": "cifar10", "epochs": 4},
        "arms": {"ViT": {"model": "small"}, "BiT": {"model": "small_bit"}},
        "axis": Axis("fraction", "%", PARTS),
        "seeds": (0, 1),
        "comparisons": (Compare("arms", "ViT", "BiT"),),
        "length_check": True,
    }
    return Study(**{**own, **values})


def test_seeds_come_first_then_levels_then_arms_and_the_length_checks_last():
    assert [cell.name for cell in make().cells()] == [
        "vit/fraction_1/seed_0",
        "bit/fraction_1/seed_0",
        "vit/fraction_100/seed_0",
        "bit/fraction_100/seed_0",
        "vit/fraction_1/seed_1",
        "bit/fraction_1/seed_1",
        "vit/fraction_100/seed_1",
        "bit/fraction_100/seed_1",
        "vit/fraction_100_x2/seed_0",
        "bit/fraction_100_x2/seed_0",
    ]


def test_a_seed_decides_the_same_images_and_the_same_draws_for_every_arm():
    cells = make().cells()
    for one, other in zip(cells[::2], cells[1::2]):
        assert (one.recipe.data, one.recipe.seed) == (other.recipe.data, one.seed)
    assert cells[4].recipe.data == "cifar10:train,fraction=1%,seed=1"
    assert cells[2].recipe.data == "cifar10"


def test_a_length_check_has_twice_the_updates_and_its_own_level():
    cell = make().cells()[-1]
    assert cell.recipe.epochs == 8 and cell.length_check
    assert cell.level == "100 % x2 updates"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("./photos", "./photos:train,fraction=1%,seed=0"),
        ("./a:b/photos", "./a:b/photos:train,fraction=1%,seed=0"),
        ("cifar10:3.0.2", "cifar10:3.0.2:train,fraction=1%,seed=0"),
        ("cifar10:train[:50%]", "cifar10:train[:50%],fraction=1%,seed=0"),
        ("a.csv:train,per_class=9,seed=3", None),
    ],
)
def test_a_part_follows_whatever_names_the_data(data, expected):
    found = make().changed(data=data).cells()[0].recipe.data
    assert found == (expected or f"{data},fraction=1%,seed=0")


def test_what_a_user_changes_is_kept_and_listed():
    fields = {"vit.total_steps": 7, "batch_size": 8}
    study = make().changed(levels=["1%"], seeds=3, fields=fields)
    vit, bit = study.cells()[:2]
    assert (vit.recipe.total_steps, vit.recipe.epochs) == (7, None)
    assert (bit.recipe.total_steps, bit.recipe.epochs) == (None, 4)
    assert vit.recipe.batch_size == bit.recipe.batch_size == 8
    assert study.levels == ("1 %",) and study.seeds == (0, 1, 2)
    assert study.changes == {**fields, "levels": ["1 %"], "seeds": [0, 1, 2]}


def test_a_study_survives_json(tmp_path):
    study = make(published={("ViT", "100 %"): "vit/table5/vit_b16_imagenet/cifar10"})
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(study.to_json()))
    assert find_study(str(file)) == Study.from_json(study.to_json()) == study


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "My study"}, "lower-case"),
        ({"seeds": (0, 0)}, "different integers"),
        ({"seeds": ()}, "at least one"),
        ({"arms": {}}, "at least one arm"),
        ({"arms": {"ViT": {"modell": "small"}}}, "Did you mean 'model'"),
        ({"base": {"seed": 3}}, "decide the seed"),
        ({"arms": {"A b": {}, "a-b": {}}, "comparisons": ()}, "one folder"),
        ({"comparisons": (Compare("arms", "ViT", "Bit"),)}, "Did you mean 'BiT'"),
        ({"comparisons": (Compare("better", "ViT", "BiT"),)}, "kind"),
        ({"axis": Axis("x", "", {"a": ("1", {})})}, "needs a number"),
        ({"axis": Axis("x", "", {})}, "at least one level"),
        ({"base": {"learning_rate": -1}}, "learning_rate"),
    ],
)
def test_a_mistake_in_a_study_is_named(values, message):
    with pytest.raises(ValueError, match=message):
        make(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"base": {}, "arms": {"a": {}}, "name": "x"}, "question"),
        ({"name": "x", "question": "?", "base": {}, "arms": {}, "arm": 1}, "'arms'"),
        ({"name": "x", "question": "?", "base": [], "arms": {"a": {}}}, "an object"),
        (
            {"name": "x", "question": "?", "base": {}, "arms": {"a": {}}, "axis": [1]},
            "axis",
        ),
        ([], "an object"),
    ],
)
def test_a_file_that_holds_no_study_says_why(tmp_path, values, message):
    file = tmp_path / "x.json"
    file.write_text(json.dumps(values))
    with pytest.raises(ValueError, match=message):
        find_study(str(file))


def test_unknown_names_are_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="Did you mean 'data-size'"):
        find_study("datasize")
    with pytest.raises(ValueError, match="Did you mean 'laptop'"):
        find_study("data-size", "labtop")
    for changes, message in (
        ({"levels": ["2 %"]}, "1 %, 100 %"),
        ({"fields": {"cnn.epochs": 1}}, "ViT, BiT"),
        ({"fields": {"vit.epoch": 1}}, "Did you mean 'epochs'"),
    ):
        with pytest.raises(ValueError, match=message):
            make().changed(**changes)


def test_every_study_has_a_laptop_and_a_paper_preset_whose_cells_are_recipes():
    assert {"laptop", "paper"} <= set.intersection(
        *(set(study.presets) for study in STUDIES.values())
    )
    for study in STUDIES.values():
        for preset in study.presets:
            cells = study.with_preset(preset).cells()
            assert cells and all(isinstance(cell.recipe, Recipe) for cell in cells)
    assert "data-size" in str(list_studies())


def test_the_arms_of_data_size_differ_in_nothing_but_the_model():
    for preset in ("laptop", "hour", "gpu"):
        for cells in _pairs(find_study("data-size", preset)):
            vit, bit = (cell.recipe for cell in cells)
            difference = vit.diff(bit)
            assert set(difference) <= {"model", "dropout_rate", "drop_path_rate"}
            assert vit.dropout_rate == vit.drop_path_rate == 0.0


def test_the_arms_of_data_size_compute_about_as_much():
    cost = find_study("data-size").cost(probe=False)
    vit, bit = (cell.flops for cell in cost.cells[2:4])
    # By hand: 3 passes of 1,300 batches of 64, at 10.62 and 9.79 million operations.
    assert vit == pytest.approx(3 * 1300 * 64 * 10_623_360)
    assert bit == pytest.approx(3 * 1300 * 64 * 9_787_648)
    assert not cost.notes and cost.seconds is None


def test_every_published_row_of_a_preset_is_there_and_belongs_to_a_cell():
    for study in STUDIES.values():
        for preset in map(study.with_preset, study.presets):
            places = {(cell.arm, cell.level) for cell in preset.cells()}
            assert preset.published.keys() <= places
            assert all(map(published.row, preset.published.values()))
    assert len(find_study("data-size", "paper").published) == 20


@pytest.mark.slow
def test_the_operations_of_every_preset_are_known_before_it_starts():
    for study in STUDIES.values():
        for preset in study.presets:
            cost = study.with_preset(preset).cost(probe=False)
            assert all(cell.flops for cell in cost.cells), cost.notes


def _pairs(study):
    cells = study.cells()
    return zip(cells[::2], cells[1::2])
