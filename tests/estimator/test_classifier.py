"""`Classifier` among scikit-learn's own tools."""

import importlib
import os
import pickle
import random
import sys
import warnings

import numpy as np
import pytest
from PIL import Image

import keras_vit
from keras_vit.common import installed

pytest.importorskip("sklearn")
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.utils.estimator_checks import check_estimator

TINY = {"num_layers": 1, "hidden_dim": 16, "mlp_dim": 16, "num_heads": 2}


def tiny(**parameters):
    options = {**TINY, "patch_size": 8}
    parameters = {"epochs": 2, "batch_size": 8, "learning_rate": 0.01, **parameters}
    return keras_vit.Classifier(image_size=16, options=options, **parameters)


@pytest.fixture(scope="module")
def data():
    """Dark and light images, with the names of their classes."""
    rng = np.random.default_rng(0)
    y = np.array(["light", "dark"] * 8)
    images = (
        rng.integers(0, 100, (16, 12, 20, 3))
        + 150 * (y == "light")[:, None, None, None]
    )
    return images.astype("uint8"), y


@pytest.fixture(scope="module")
def fitted(data):
    return tiny(epochs=8).fit(*data)


def test_it_learns_and_keeps_the_names_of_the_classes(fitted, data):
    images, y = data
    assert list(fitted.classes_) == ["dark", "light"]
    assert list(fitted.predict(images)) == list(y) and fitted.score(images, y) == 1
    shares = fitted.predict_proba(images)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    found = keras_vit.predict(fitted.model_, images[0])[0]
    assert dict(found.classes)["light"] == pytest.approx(shares[0, 1])
    assert len(fitted.history_["loss"]) == 8


def test_the_same_seed_gives_the_same_model_and_leaves_other_generators_alone(data):
    np.random.seed(5)  # noqa: NPY002
    random.seed(5)
    first = tiny(random_state=1).fit(*data).predict_proba(data[0])
    drawn = np.random.rand(), random.random()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    random.seed(5)
    assert drawn == (np.random.rand(), random.random())  # noqa: NPY002
    again = tiny(random_state=1).fit(*data).predict_proba(data[0])
    other = tiny(random_state=2).fit(*data).predict_proba(data[0])
    np.testing.assert_array_equal(first, again)
    assert abs(first - other).max() > 1e-3


def test_folders_and_files_give_what_arrays_give(data, fitted, tmp_path):
    images, y = data
    for number, (image, name) in enumerate(zip(images, y)):
        (tmp_path / name).mkdir(exist_ok=True)
        Image.fromarray(image).save(tmp_path / name / f"{number:02}.png")
    files = [tmp_path / name / f"{n:02}.png" for n, name in enumerate(y)]
    expected = fitted.predict_proba(images)
    np.testing.assert_allclose(fitted.predict_proba(files), expected, atol=1e-6)
    names = np.array([str(file) for file in files])
    np.testing.assert_allclose(fitted.predict_proba(names), expected, atol=1e-6)
    by_files = tiny(epochs=8).fit(names, y)
    np.testing.assert_allclose(by_files.predict_proba(images), expected, atol=1e-5)
    by_folder = tiny().fit(tmp_path)
    assert list(by_folder.classes_) == ["dark", "light"]
    assert by_folder.predict_proba(os.fspath(tmp_path)).shape == (16, 2)
    (tmp_path / "dark" / "text.png").write_text("no image")
    with pytest.raises(ValueError, match=r"text\.png"):
        fitted.predict(tmp_path)


def test_clone_parameters_and_pickle(fitted, data):
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params() and not hasattr(copy, "model_")
    assert copy.set_params(epochs=3).epochs == 3
    with pytest.raises(NotFittedError):
        copy.predict(data[0])
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(
        again.predict_proba(data[0]), fitted.predict_proba(data[0])
    )


@pytest.mark.slow
def test_cross_validation_and_a_grid_search(data):
    images, y = data
    scores = cross_val_score(tiny(epochs=8), images, y, cv=2)
    assert scores.shape == (2,) and scores.min() >= 0.75
    # By the loss: the signs of scores are right after a step of any size.
    rates = {"learning_rate": [1e-6, 1e-2]}
    search = GridSearchCV(tiny(epochs=8), rates, cv=2, scoring="neg_log_loss")
    search.fit(images, y)
    assert search.best_params_ == {"learning_rate": 1e-2}
    assert search.best_estimator_.score(images, y) == 1


@pytest.mark.parametrize(
    ("parameters", "word"),
    [({"epochs": 0}, "epochs"), ({"model": "nothing"}, "nothing")],
)
def test_wrong_parameters_are_refused_in_fit(data, parameters, word):
    with pytest.raises(ValueError, match=word):
        tiny(**parameters).fit(*data)


@pytest.mark.parametrize(
    "options", [{"early_stopping": 1}, {"keep": "best"}, {"fold": "1/3"}]
)
def test_what_only_runs_do_is_refused(data, options):
    with pytest.raises(ValueError, match=f"training.train does.*{next(iter(options))}"):
        keras_vit.Classifier(options=options).fit(*data)


def test_weights_of_classes_count(data):
    images, y = data
    rates = {"epochs": 1, "learning_rate": 1e-9, "image_size": 16, "batch_size": 16}
    losses = []
    for weights in (None, {"dark": 2, "light": 2}):
        options = {**TINY, "patch_size": 8, "class_weights": weights}
        made = keras_vit.Classifier(options=options, **rates).fit(images, y)
        losses += made.history_["loss"]
    assert losses[1] == pytest.approx(2 * losses[0], rel=1e-4)


def test_images_without_classes_are_refused(data):
    with pytest.raises(ValueError, match="y"):
        tiny().fit(data[0])
    with pytest.raises(ValueError, match="2 files and 0 classes"):
        tiny().fit(["a.png", "b.png"])
    with pytest.raises(ValueError, match="brings its classes"):
        tiny().fit("fashion_mnist_mini", data[1])


def test_several_labels_an_image_are_refused(data):
    images, y = data
    with pytest.raises(ValueError, match=r"one class.*y of \(2, 2\)"):
        tiny().fit(["a.png", "b.png"], [[0, 1], [1, 1]])
    with pytest.raises(ValueError, match="task='multilabel'"):
        keras_vit.Classifier(options={"task": "multilabel"}).fit(images, y)


def test_without_scikit_learn_the_pip_line_is_named(monkeypatch):
    monkeypatch.setattr(installed, "is_installed", lambda name: name != "sklearn")
    monkeypatch.delitem(sys.modules, "keras_vit.estimator")
    with pytest.raises(ImportError, match=r"keras-vision-transformer\[sklearn\]"):
        importlib.import_module("keras_vit.estimator")


# Checks of scikit-learn that mean nothing here, and why.
_NOISE = "the last bits of float32 depend on an image's place in its batch"
LEFT_OUT = {
    "check_methods_sample_order_invariance": _NOISE,
    "check_methods_subset_invariance": _NOISE,
}


@pytest.mark.slow
def test_scikit_learns_own_checks_pass():
    """Of rows of numbers, which it takes for images: 10 features are a strip."""
    estimator = tiny(epochs=30, learning_rate=3e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = check_estimator(
            estimator, expected_failed_checks=LEFT_OUT, on_fail=None
        )
    wrong = [
        f"{c['check_name']}: {c['exception']!r}"
        for c in found
        if c["status"] == "failed"
    ]
    assert not wrong, "\n".join(wrong)
    assert sum(c["status"] == "passed" for c in found) > 40
