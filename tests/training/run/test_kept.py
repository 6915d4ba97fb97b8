"""A run that keeps its best weights: which they are, and what they are judged by."""

import dataclasses

import keras
import pytest
from test_guests import StopAt, record_of
from tiny_runs import TINY, assert_same_bits

import keras_vit
from keras_vit.evaluation import evaluate
from keras_vit.training import Interrupted, Recipe, train
from keras_vit.training.folder.state import Position
from keras_vit.training.run.divergence import Diverged, StopDiverged
from keras_vit.training.run.kept import kept_row

ACCURACIES = [0.25, 0.75, 0.75, 0.5]  # the best in epoch 2, and again in 3
BEST = {"keep": "best", "validation_fraction": 0.4, "epochs": len(ACCURACIES)}


class Scores(keras.callbacks.Callback):
    """Decides the accuracy of each epoch, and keeps its weights."""

    def __init__(self):
        super().__init__()
        self.kept = {}

    def on_epoch_end(self, epoch, logs=None):
        logs["val_accuracy"] = ACCURACIES[epoch]
        self.kept[epoch + 1] = self.model.get_weights()


@pytest.fixture(scope="module")
def best(tiny, tmp_path_factory):
    scores, run = Scores(), tmp_path_factory.mktemp("best") / "run"
    recipe = dataclasses.replace(tiny, **BEST)
    return train(recipe, run, callbacks=[scores]), scores


def test_the_first_of_the_best_rows_is_kept():
    rows = [{"val_accuracy": value} for value in ACCURACIES]
    recipe = dataclasses.replace(TINY, **BEST)
    for count, expected in ((1, 0), (2, 1), (3, 1), (4, 1)):
        assert kept_row(recipe, rows[:count]) is rows[expected]
    assert kept_row(TINY, rows) is rows[-1]


def test_the_best_weights_need_images_that_are_held_out():
    with pytest.raises(ValueError, match="test images must choose nothing"):
        Recipe(keep="best", validation_fraction=0)
    with pytest.raises(ValueError, match="pretraining does not measure"):
        Recipe(keep="best", validation_fraction=0.1, masked_target="pixels")
    with pytest.raises(ValueError, match="keep"):
        Recipe(keep="first")


def test_the_best_weights_are_in_the_folder_and_the_test_images_chose_nothing(best):
    result, scores = best
    assert_same_bits(result.load_model().get_weights(), scores.kept[2])
    assert (result.epoch, result.metrics["val_accuracy"]) == (2, 0.75)
    assert [row["epoch"] for row in result.history] == [1, 2, 3, 4]
    record = record_of(result)
    assert record["result"]["epoch"] == 2
    assert record["cost"]["images"] == record["resolved"]["total_steps"] * 4
    # What was held out is of the training images; `evaluate` takes those of the test.
    train_part, test = keras_vit.data.load_splits(record["recipe"]["data"])
    used = record["data"]["train"]["num_examples"]
    held_out = record["data"]["validation"]["num_examples"]
    assert used + held_out == train_part.num_examples
    assert record["data"]["test"]["num_examples"] == test.num_examples
    found = evaluate(result.folder.path)
    assert found.num_examples == test.num_examples != held_out


@pytest.mark.slow
@pytest.mark.parametrize("update", [1, 4, 5])
def test_a_stopped_run_keeps_the_same_weights(update, best, tiny, tmp_path):
    whole, scores = best
    recipe = dataclasses.replace(tiny, **BEST)
    with pytest.raises(Interrupted):
        train(recipe, tmp_path / "run", callbacks=[Scores(), StopAt(update)])
    rest = train(recipe, tmp_path / "run", callbacks=[Scores()], resume=True)
    assert_same_bits(rest.load_model().get_weights(), scores.kept[2])
    assert rest.history == whole.history and rest.epoch == 2
    with pytest.raises(ValueError, match="keep"):  # it is another run
        other = dataclasses.replace(recipe, keep="last")
        train(other, tmp_path / "run", resume=True)


@pytest.mark.slow
def test_early_stopping_ends_the_run_and_the_recipe_keeps_the_weights(tiny, tmp_path):
    scores, recipe = Scores(), dataclasses.replace(tiny, **BEST)
    early = keras.callbacks.EarlyStopping(
        "val_accuracy", mode="min", patience=1, restore_best_weights=True
    )
    result = train(recipe, tmp_path / "run", callbacks=[scores, early])
    assert [row["epoch"] for row in result.history] == [1, 2]
    assert_same_bits(result.load_model().get_weights(), scores.kept[2])
    assert result.epoch == 2


def test_a_run_that_diverges_names_the_weights_that_it_kept(best):
    result, _ = best
    recipe = Recipe.from_json(record_of(result)["recipe"])
    position = Position(history=result.history)
    stop = StopDiverged(result.folder, position, recipe)
    with pytest.raises(Diverged, match="The best weights, of epoch 2, are in"):
        stop.on_train_batch_end(0, {"loss": float("nan")})
