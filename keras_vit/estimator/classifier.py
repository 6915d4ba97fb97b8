"""`Classifier`: fits and predicts as scikit-learn's classifiers do."""

import math
import os
import random

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

import keras_vit.data
from keras_vit.data.readers.stores import FileStore
from keras_vit.data.source import Source
from keras_vit.estimator.fitting import fit_source
from keras_vit.inference.predicting import predictions
from keras_vit.training.recipes.recipe import Recipe

# Images of a smaller side are enlarged to it: rows of few features, for example.
_LEAST = 16
# Fields of a recipe that only a run in a folder reads.
_OF_RUNS = ("data", "validation_fraction", "validation_split")
_OF_RUNS += ("group_by", "fold", "early_stopping", "keep", "max_minutes")


class Classifier(ClassifierMixin, BaseEstimator):
    """An image classifier for scikit-learn's tools, such as `GridSearchCV`.

    It trains without a run folder, tests and resuming; for these there is
    `keras_vit.training.train`. `model_` is the Keras model, which `keras_vit.predict`,
    `export` and `model_.save` take.

    Args:
        model: String, as `Recipe.model`: `"small"`, `"ViT_B16"`, ... Defaults to
            `"small"`.
        weights: String, what the model starts from, as `Recipe.weights`.
        image_size: Integer or (height, width), pixels. Defaults to that of the images
            if they have one, else to that of the model.
        epochs: Integer, passes over the images. Defaults to 20.
        batch_size: Integer. Defaults to 64.
        learning_rate: Float, its peak. Defaults to 1e-3, and 1e-4 with `weights`.
        augment: String, what training does to images, as `Recipe.augment`. Defaults to
            `"none"`.
        options: Dictionary of other fields of `keras_vit.training.Recipe`, such as
            `{"num_layers": 2, "weight_decay": 0.01}`; not those of other tasks, of
            parts of the data, and of how a run ends.
        random_state: Integer, `RandomState` or `None`, as scikit-learn has it. On a CPU
            the same integer gives the same model. Defaults to 0.

    Attributes:
        classes_: Array of the classes, sorted.
        model_: The Keras model.
        history_: Dictionary of lists, loss and accuracy by epoch.

    Example:

    >>> keras_vit.Classifier(epochs=5).fit("./photos").predict(["cat.jpg", "dog.jpg"])
    >>> cross_val_score(keras_vit.Classifier(epochs=5), images, names, cv=3)
    """

    def __init__(
        self,
        model="small",
        *,
        weights=None,
        image_size=None,
        epochs=20,
        batch_size=64,
        learning_rate=None,
        augment="none",
        options=None,
        random_state=0,
    ):
        self.model = model
        self.weights = weights
        self.image_size = image_size
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.augment = augment
        self.options = options
        self.random_state = random_state

    def fit(self, X, y=None):
        """Trains a new model, and returns the classifier.

        Args:
            X: Images `(N, H, W)` or `(N, H, W, 1 or 3)`, `uint8`, or other numbers,
                whose smallest and largest become black and white; rows of pixels
                `(N, features)`, of square images where their number is a square; paths
                of image files; or, without `y`, the name of a data set as for
                `keras_vit.data.load`, such as a folder of classes.
            y: N classes, strings or integers.

        Raises:
            ValueError: if X or y are none of these, or a parameter is wrong.
        """
        source = self._source(X, y)
        recipe = self._recipe(source)
        states = np.random.get_state(), random.getstate()  # noqa: NPY002
        try:  # Keras draws initial weights by global seeds
            self.model_, self.history_ = fit_source(source, recipe)
        finally:
            np.random.set_state(states[0])  # noqa: NPY002
            random.setstate(states[1])
        return self

    def predict_proba(self, X):
        """Probabilities `(N, classes)`, in the order of `classes_`.

        Args:
            X: As for `fit`; of a folder all images, in the order of their names.

        Raises:
            ValueError: if an image cannot be read.
        """
        check_is_fitted(self)
        if not _are_files(X):
            X = self._pixels(validate_data(self, X, reset=False, allow_nd=True))
        X = X if isinstance(X, str | os.PathLike) else list(X)
        number = {name: place for place, name in enumerate(_names(self.classes_))}
        rows = []
        for found in predictions(self.model_, X, top=len(number)):
            if found.error:
                raise ValueError(found.error)
            pairs = sorted((number[name], share) for name, share in found.classes)
            rows.append([share for _, share in pairs])
        return np.array(rows)

    def predict(self, X):
        """The most probable class of each image; see `predict_proba`."""
        shares = self.predict_proba(X)  # raises where nothing is fitted
        return self.classes_[shares.argmax(axis=1)]

    def _source(self, X, y):
        """The images to train on; sets `classes_`."""
        if isinstance(X, str | os.PathLike):
            if y is not None:
                raise ValueError(f"{X} brings its classes itself. Received: y, too")
            place = keras_vit.data.open_place(os.fspath(X))
            if place.split is None and "all" in place.splits():
                place = place.with_split("all")
            source = keras_vit.data.load(place)
            self.classes_ = np.array(source.class_names)
            return source
        if _are_files(X):
            given = f"{len(X)} files and {0 if y is None else len(y)} classes"
            if y is None or len(X) != len(y):
                raise ValueError(f"Each file needs a class. Received: {given}")
            labels = self._labels(np.asarray(y))
            files = [os.path.abspath(os.fspath(file)) for file in X]
            store = FileStore("", files, labels)
            return Source(store, "files", "all", _names(self.classes_), 3)
        X, y = validate_data(self, X, y, allow_nd=True)
        self.range_ = (0, 255) if X.dtype == np.uint8 else (X.min(), X.max())
        labels = self._labels(y)
        names = _names(self.classes_)
        return keras_vit.data.from_arrays(self._pixels(X), labels, names)

    def _labels(self, y):
        check_classification_targets(y)
        if y.size != len(y):
            raise ValueError(f"Each image needs one class. Received: y of {y.shape}")
        self.classes_, labels = np.unique(y, return_inverse=True)
        return labels.astype("int64").ravel()

    def _pixels(self, X):
        """Numbers as `uint8` images `(N, H, W)` or `(N, H, W, C)`."""
        if X.ndim == 2:
            side = math.isqrt(X.shape[1])
            height = side if side**2 == X.shape[1] else 1
            X = X.reshape(len(X), height, -1)
        if X.dtype != np.uint8:
            low, high = map(float, self.range_)
            X = (X.astype("float64") - low) / ((high - low) or 1.0)
            X = np.rint(255 * np.clip(X, 0, 1)).astype("uint8")
        return X

    def _recipe(self, source):
        """The `Recipe` of these parameters, which checks them."""
        size, seed = self.image_size, self.random_state
        if size is None and source.image_size and min(source.image_size) < _LEAST:
            size = _LEAST
        if not isinstance(seed, int | np.integer):
            seed = check_random_state(seed).randint(2**31 - 1)
        rate = self.learning_rate or (1e-4 if self.weights else 1e-3)
        options = self.options or {}
        if unknown := [name for name in _OF_RUNS if name in options]:
            raise ValueError(
                "`options` must not hold what only keras_vit.training.train does. "
                f"Received: {', '.join(unknown)}"
            )
        fields = {"model": self.model, "weights": self.weights, "image_size": size}
        fields |= {"epochs": self.epochs, "batch_size": self.batch_size}
        fields |= {"augment": self.augment, "seed": int(seed), "jit_compile": "no"}
        return Recipe(**{**fields, "learning_rate": rate, **options})


def _names(classes):
    return [str(name) for name in classes.tolist()]


def _are_files(X):
    """Whether images are given by their paths."""
    if isinstance(X, str | os.PathLike):
        return True
    listed = isinstance(X, list | tuple | np.ndarray) and len(X) > 0
    return listed and isinstance(X[0], str | os.PathLike)
