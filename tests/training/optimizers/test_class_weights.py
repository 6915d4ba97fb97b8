"""Weights of classes against scikit-learn and Keras's own `class_weight`."""

import keras
import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from keras_vit.losses import PixelCrossentropy, PixelFocal
from keras_vit.training import Recipe
from keras_vit.training.optimizers.class_weights import (
    balanced_weights,
    weights_of_classes,
)
from keras_vit.training.optimizers.losses import (
    FocalCrossentropy,
    LabelSmoothedCrossentropy,
    SigmoidCrossentropy,
    build_loss,
)

RANDOM = np.random.default_rng(0)
LABELS = RANDOM.choice(3, 40, p=[0.7, 0.2, 0.1])
LOGITS = RANDOM.normal(size=(40, 3)).astype("float32")
WEIGHTS = [0.5, 2.0, 3.0]
LOSSES = {
    "softmax": lambda weights: LabelSmoothedCrossentropy(0.1, weights),
    "sigmoid": SigmoidCrossentropy,
    "focal": lambda weights: FocalCrossentropy(1.5, weights),
}


def test_balanced_weights_are_those_of_scikit_learn():
    expected = compute_class_weight("balanced", classes=np.arange(3), y=LABELS)
    found = balanced_weights(np.bincount(LABELS))
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert np.mean(np.array(found)[LABELS]) == pytest.approx(1)
    assert balanced_weights([0, 5, 15]) == pytest.approx([1, 2, 2 / 3])


@pytest.mark.filterwarnings("ignore:The model does not have any trainable weights")
@pytest.mark.parametrize("name", LOSSES)
def test_the_weighted_loss_is_that_of_keras_fit(name):
    """With a rate of 0 `fit` reports the loss of the first batch as it is."""
    inputs = keras.Input((3,))
    model = keras.Model(inputs, inputs)
    model.compile(keras.optimizers.SGD(0.0), LOSSES[name](None), run_eagerly=True)
    history = model.fit(
        LOGITS, LABELS, batch_size=40, verbose=0, class_weight=dict(enumerate(WEIGHTS))
    )
    own = float(LOSSES[name](WEIGHTS)(LABELS, LOGITS))
    assert own == pytest.approx(history.history["loss"][0], rel=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_a_mixed_image_has_the_mix_of_both_losses(name):
    loss, share = LOSSES[name](WEIGHTS), 0.3
    other = LABELS[::-1]
    mixed = share * np.eye(3)[LABELS] + (1 - share) * np.eye(3)[other]
    apart = share * loss(LABELS, LOGITS) + (1 - share) * loss(other, LOGITS)
    found = float(loss(mixed.astype("float32"), LOGITS))
    assert found == pytest.approx(float(apart), rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_parts_of_a_batch_give_the_loss_of_the_whole(name):
    loss = LOSSES[name](WEIGHTS)
    parts = [float(loss(LABELS[i : i + 10], LOGITS[i : i + 10])) for i in (0, 10, 20)]
    whole = float(loss(LABELS[:30], LOGITS[:30]))
    assert np.mean(parts) == pytest.approx(whole, rel=1e-6)


def test_focal_loss_has_its_closed_form_and_is_the_crossentropy_at_gamma_0():
    wide = LOGITS.astype("float64")
    chance = np.exp(wide) / np.exp(wide).sum(axis=1, keepdims=True)
    p = chance[np.arange(40), LABELS]
    expected = np.mean(-((1 - p) ** 2) * np.log(p))
    loss = build_loss(Recipe(loss="focal"))
    assert float(loss(LABELS, LOGITS)) == pytest.approx(expected, rel=1e-5)
    plain = float(LabelSmoothedCrossentropy()(LABELS, LOGITS))
    assert float(FocalCrossentropy(0.0)(LABELS, LOGITS)) == pytest.approx(plain)
    again = FocalCrossentropy.from_config(FocalCrossentropy(1.5, WEIGHTS).get_config())
    assert (again.gamma, again.class_weights) == (1.5, WEIGHTS)


def test_focal_loss_of_what_is_certain_has_a_finite_gradient():
    start = np.array([[200.0, 0.0], [0.0, 1.0]])
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dense(2, use_bias=False)(inputs))
    model.layers[-1].kernel.assign(start)
    model.compile(keras.optimizers.SGD(1.0), FocalCrossentropy(0.5))
    model.train_on_batch(np.eye(2, dtype="float32"), np.zeros(2, "int32"))
    moved = start - keras.ops.convert_to_numpy(model.layers[-1].kernel)
    p = 1 / (1 + np.e)  # of the second image; the derivative of its loss by log p
    slope = 0.5 * p * (1 - p) ** -0.5 * np.log(p) - (1 - p) ** 0.5
    expected = np.array([[0, 0], [slope * (1 - p), -slope * (1 - p)]]) / 2
    np.testing.assert_allclose(moved, expected, atol=1e-5)


def test_pixels_are_weighted_alike_however_they_are_split():
    labels = RANDOM.choice([0, 1, 2, 255], (4, 6, 5), p=[0.6, 0.2, 0.1, 0.1])
    logits = RANDOM.normal(size=(4, 6, 5, 3)).astype("float32")
    counted = labels != 255
    for kind, options, gamma in (
        (PixelCrossentropy, {"over_weights": False}, 0),
        (PixelFocal, {}, 2.0),
    ):
        wide = logits[counted].astype("float64")
        log = wide - np.log(np.exp(wide).sum(axis=-1, keepdims=True))
        own = log[np.arange(len(log)), labels[counted]]
        each = -np.array(WEIGHTS)[labels[counted]] * (1 - np.exp(own)) ** gamma * own
        loss = kind(class_weights=WEIGHTS, **options)
        assert float(loss(labels, logits)) == pytest.approx(each.mean(), rel=1e-5)
        assert not kind(None, class_weights=WEIGHTS, **options).of_whole_batch
        again = kind.from_config(loss.get_config())
        assert float(again(labels, logits)) == float(loss(labels, logits))
    # As PyTorch divides.
    assert PixelCrossentropy(None, class_weights=WEIGHTS).of_whole_batch


NAMES = ["cat", "dog", "Guinea pig"]


def test_a_file_names_classes_and_weights(tmp_path):
    csv, json = tmp_path / "w.csv", tmp_path / "w.json"
    csv.write_text("class,weight\r\ndog,2.5\r\n\r\nGuinea pig , 4\r\n")
    json.write_text('{"cat": 0.5, "dog": 2}')
    assert weights_of_classes(str(csv), NAMES, None) == [1.0, 2.5, 4.0]
    assert weights_of_classes(str(json), NAMES, None) == [0.5, 2.0, 1.0]
    given = Recipe(class_weights={"dog": 3}).class_weights
    assert weights_of_classes(given, NAMES, None) == [1.0, 3.0, 1.0]
    assert weights_of_classes("balanced", NAMES, lambda: [4, 4, 1]) == [0.75, 0.75, 3]
    assert weights_of_classes(None, NAMES, None) is None


@pytest.mark.parametrize(
    "text, message",
    [
        ("dgo,2", r"w.csv names a class that the data lack: 'dgo'. Did you mean 'dog'"),
        ("dog;2", r"must be a class name, a comma and a number. Received: dog;2"),
        ("dog,2\ndog,3", "names the class 'dog' twice"),
        ("dog,-1", "at least 0, and finite. Received: -1.0 for 'dog'"),
        ("dog,nan", "Received: nan"),
        ('{"dog": "2"}', "Received: '2'"),
        ('{"dog": 2', "is no JSON"),
        ('{"cat": 0, "dog": 0, "Guinea pig": 0}', "every class the weight 0"),
    ],
)
def test_wrong_weights_are_refused(text, message, tmp_path):
    (tmp_path / "w.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        weights_of_classes(str(tmp_path / "w.csv"), NAMES, None)


def test_a_missing_file_and_a_misspelt_word_are_told(tmp_path):
    with pytest.raises(ValueError, match=r"'balance'.*Did you mean 'balanced'"):
        weights_of_classes("balance", NAMES, None)
    (tmp_path / "w.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="no text in UTF-8"):
        weights_of_classes(str(tmp_path / "w.csv"), NAMES, None)
