"""Hypermodels: what they draw from, what they refuse, and how they train."""

import dataclasses
import importlib.util
import os
import subprocess
import sys
import types
from pathlib import Path

import keras_tuner
import pytest

import keras_vit
from keras_vit.training.measuring import DataFacts
from keras_vit.tuner import BiTHyperModel, Budget, Choices, ViTHyperModel, hypermodels
from keras_vit.tuner.trials import make_tuner

FACTS = DataFacts((28, 28), 1, 10, 4800, 1200)


def test_a_fifth_is_held_out_unless_the_recipe_says_more(tiny, space):
    assert ViTHyperModel(tiny).base.validation_fraction == 0.2
    own = dataclasses.replace(tiny, validation_fraction=0.5)
    facts = ViTHyperModel(own, space).facts
    # Of 22 images a fifth are test images: 18 or 17 are left.
    assert abs(facts.num_training - facts.num_validation) <= 1
    assert facts.num_classes == 2 and facts.image_size == (8, 8)


def test_the_space_can_be_changed_and_cut(tiny, space):
    whole = ViTHyperModel(tiny, {"pooling": Choices(("token", "gap"))})
    assert {"learning_rate", "num_layers", "pooling"} <= set(whole.space)
    few = ViTHyperModel(tiny, space, fields=("augment", "learning_rate"))
    assert list(few.space) == ["augment", "learning_rate"]
    with pytest.raises(ValueError, match="no range for 'pooling'"):
        ViTHyperModel(tiny, fields=["pooling"])


def test_each_hypermodel_has_its_family(tiny):
    bit = dataclasses.replace(keras_vit.training.Recipe(), model="BiT_R50x1")
    with pytest.raises(ValueError, match=r"BiTHyperModel for this model.*BiT_R50x1"):
        ViTHyperModel(bit)
    with pytest.raises(ValueError, match=r"ViTHyperModel for this model.*'small'"):
        BiTHyperModel(tiny)
    facts = DataFacts((32, 32), 3, 10, 100, 10)
    hypermodel = BiTHyperModel(bit, facts=facts, budget=Budget(parameters=30_000_000))
    assert hypermodel.refusal({"model": "BiT_R50x1"}) is None
    assert "are more than the budget" in hypermodel.refusal({"model": "BiT_R101x1"})


def test_what_is_over_the_budget_is_never_built(monkeypatch):
    built = []
    monkeypatch.setattr(hypermodels, "build_model", lambda *a: built.append(a))
    hypermodel = ViTHyperModel(facts=FACTS, budget=Budget(parameters=100_000))
    hp = keras_tuner.HyperParameters()
    hypermodel.declare_hyperparameters(hp)
    with pytest.raises(keras_tuner.errors.FailedTrialError, match="100,000 parameters"):
        hypermodel.build(hp)
    hp.values.update(num_layers=2, hidden_dim=64)
    hypermodel.build(hp)
    assert len(built) == 1


@pytest.mark.slow
def test_keras_tuners_own_tuners_train_through_train(tiny, space, tmp_path):
    hypermodel = ViTHyperModel(tiny, space, fields=list(space))
    tuner = keras_tuner.RandomSearch(
        hypermodel,
        objective=keras_tuner.Objective("val_accuracy", "max"),
        max_trials=1,
        directory=tmp_path,
        seed=1,
    )
    tuner.search(epochs=1, verbose=0)
    trial = tuner.oracle.get_best_trials()[0]
    assert trial.status == "COMPLETED" and 0 <= trial.score <= 1
    # KerasTuner kept the weights of the model that `train` made.
    model = tuner.get_best_models()[0]
    assert model.count_params() == hypermodel.measure(trial.hyperparameters).parameters


def test_a_missing_package_is_named_with_its_remedy(monkeypatch):
    found = importlib.util.find_spec
    absent = {"sklearn"}
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda n: None if n in absent else found(n)
    )
    settings = types.SimpleNamespace(algorithm="bayesian")
    with pytest.raises(ImportError, match=r"scikit-learn.*transformer\[tuner\]") as e:
        make_tuner(None, None, settings)
    assert e.value.name == "sklearn"


WITHOUT = """
import sys
sys.modules["keras_tuner"] = None
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda n: None if n == "keras_tuner" else found(n)
import keras_vit
keras_vit.tuner.Between(1e-4, 1e-2), keras_vit.tuner.Budget(1000)
try:
    keras_vit.tuner.ViTHyperModel
except ImportError as error:
    print(error)
"""


@pytest.mark.slow
def test_without_keras_tuner_the_error_says_how_to_install_it():
    root = str(Path(keras_vit.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT],
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
    )
    assert 'pip install "keras-vision-transformer[tuner]"' in done.stdout, done.stderr
