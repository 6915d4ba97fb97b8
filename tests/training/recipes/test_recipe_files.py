"""A recipe from a name, a file or a run, and the commands that take one."""

import json

import pytest

from keras_vit.cli import main, parse
from keras_vit.training import Recipe, recipe
from keras_vit.training.recipes.files import find_recipe


def test_a_recipe_comes_from_a_name_a_file_a_record_or_a_folder(tmp_path):
    mine = Recipe(total_steps=7, seed=3)
    (tmp_path / "mine.json").write_text(json.dumps(mine.to_json()))
    record = {"status": "finished", "recipe": mine.to_json()}
    (tmp_path / "run.json").write_text(json.dumps(record))
    for name in ("mine.json", "run.json", "."):
        assert find_recipe(str(tmp_path / name)) == mine
    assert find_recipe("vit_finetune") == recipe("vit_finetune")
    (tmp_path / "part.json").write_text('{"seed": 5}')
    assert find_recipe(str(tmp_path / "part.json")) == Recipe(seed=5)


@pytest.mark.parametrize(
    "text, message",
    [
        ("{", "does not hold a recipe"),
        ("[1]", "does not hold a recipe"),
        ('{"epoch": 3}', "Did you mean 'epochs'"),
        ('{"epochs": 0}', "`epochs` must be at least 1"),
    ],
)
def test_a_file_without_a_recipe_is_named(tmp_path, text, message):
    path = tmp_path / "mine.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        find_recipe(str(path))
    assert str(path) in str(error.value)
    with pytest.raises(ValueError, match="no such file"):
        find_recipe(str(tmp_path / "absent.json"))


def parsed(*args, command="train"):
    call = parse([command, *args])
    call.begin()
    return call.resolved()[0]


def test_every_field_of_a_named_recipe_can_be_changed(tmp_path):
    found = parsed("--recipe", "vit_finetune_cifar10", "--learning-rate", "0.003")
    assert found.diff("vit_finetune_cifar10") == {"learning_rate": (0.003, 0.01)}
    (tmp_path / "mine.json").write_text(json.dumps(found.to_json()))
    again = parsed(f"--recipe={tmp_path / 'mine.json'}", "--freeze", "backbone")
    assert again.freeze == ("backbone",) and again.learning_rate == 0.003
    assert parsed() == Recipe(validation_fraction=0.1)
    assert parsed("--decay", "bit", "--decay-at", "0.5", "0.75").decay_at == (0.5, 0.75)


def test_one_kind_of_length_takes_the_place_of_the_other(capsys):
    found = parsed("--recipe", "vit_finetune", "--epochs", "5")
    assert (found.epochs, found.total_steps) == (5, None)
    found = parsed("--total-steps=9")
    assert (found.epochs, found.total_steps) == (None, 9)
    assert main(["train", "--total-steps", "9", "--epochs", "2"]) == 2
    assert "epochs=2, total_steps=9" in capsys.readouterr().err


def test_an_unknown_recipe_is_wrong_usage(capsys):
    assert main(["train", "--recipe", "vit_finetun"]) == 2
    assert "Did you mean 'vit_finetune'" in capsys.readouterr().err


def test_recipes_are_listed_printed_and_compared(capsys, tmp_path):
    assert main(["recipes"]) == 0
    assert "vit_b16_jft" in capsys.readouterr().out
    assert main(["recipes", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {"name", "source", "total_steps"} <= set(rows[0])
    assert main(["recipes", "vit_finetune_cifar10"]) == 0
    text = capsys.readouterr().out
    assert "table 4" in text and "0.001 0.003 0.01 0.03" in text and "10,000" in text
    assert main(["recipes", "vit_finetune_cifar10", "--diff", "vit_finetune"]) == 0
    assert capsys.readouterr().out.split()[:3] == ["data", "cifar10", "imagenet2012"]
    assert main(["recipes", "bit_m", "--format", "json"]) == 0
    values = json.loads(capsys.readouterr().out)
    (tmp_path / "bit.json").write_text(json.dumps(values))
    assert main(["recipes", str(tmp_path / "bit.json"), "--diff", "bit_m"]) == 0
    assert capsys.readouterr().out == "no difference\n"
    assert main(["recipes", "bit"]) == 1
    assert "Did you mean" in capsys.readouterr().err


def test_a_recipe_for_the_other_command_is_wrong_usage(capsys, tmp_path):
    masked = tmp_path / "run.json"  # as a run folder has it
    recipe = Recipe(masked_target="pixels").to_json()
    masked.write_text(json.dumps({"status": "finished", "recipe": recipe}))
    (tmp_path / "mine.json").write_text('{"epochs": 3}')
    for args, other in (
        (["train", "--recipe", str(tmp_path)], "pretrain"),
        (["train", "--recipe", str(masked), "--epochs", "1"], "pretrain"),
        (["train", "--run", str(tmp_path), "--resume"], "pretrain"),
        (["pretrain", "--recipe", "vit_finetune_pets"], "train"),
        (["pretrain", f"--recipe={tmp_path / 'mine.json'}"], "train"),
    ):
        assert main(args) == 2
        assert f"for `keras-vit {other}`: use that command" in capsys.readouterr().err
    assert main(["pretrain", "--recipe", "auto"]) == 2
    assert "auto" in capsys.readouterr().err
    found = parsed("--recipe", str(masked), "--epochs", "1", command="pretrain")
    assert (found.masked_target, found.epochs) == ("pixels", 1)
    # The weights of a run are for both.
    for name in ("train", "pretrain"):
        assert parsed("--weights", str(tmp_path), command=name).weights
