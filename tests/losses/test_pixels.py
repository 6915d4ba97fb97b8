import golden
import keras
import numpy as np
import pytest
from cases import array, inputs

from keras_vit.losses import (
    CrossentropyDice,
    PixelCrossentropy,
    PixelDice,
    PixelFocal,
)

LOSSES = [PixelCrossentropy, PixelDice, PixelFocal, CrossentropyDice]
every_loss = pytest.mark.parametrize("loss", LOSSES)
on_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="needs the TensorFlow backend"
)


def dice(background, squared):
    return PixelDice(background=background, squared=squared)


# A golden value, ours, and which labels: 255 is among `labels_255` alone.
GOLDEN = {
    "ce": (PixelCrossentropy(), "labels"),
    "ce_255": (PixelCrossentropy(), "labels_255"),
    "ce_255_weighted": (PixelCrossentropy, "labels_255"),
    "ce_255_smoothed": (PixelCrossentropy(label_smoothing=0.1), "labels_255"),
    **{
        f"monai_dice.background_{b}.squared_{s}": (dice(b, s), "labels")
        for b in (True, False)
        for s in (True, False)
    },
    "monai_dice.batch": (PixelDice(over_batch=True), "labels"),
    "monai_dice_ce": (CrossentropyDice(255, 1, 1, True, False, False), "labels"),
    "monai_focal_softmax": (PixelFocal(), "labels"),
}


def values():
    return golden.arrays("dense/segmentation_losses.npz")


@pytest.mark.parametrize("name", GOLDEN)
def test_each_loss_and_its_gradient_equal_the_original_values(name):
    known, (loss, labels) = values(), GOLDEN[name]
    if name == "ce_255_weighted":
        loss = loss(class_weights=known["class_weights"])
    scale = 4 if name == "monai_focal_softmax" else 1  # its mean is over classes too
    logits = keras.ops.convert_to_tensor(known["logits_nhwc"])
    np.testing.assert_allclose(
        float(loss(known[labels], logits)) / scale, known[name], rtol=1e-5
    )
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(logits)
            found = loss(known[labels], logits)
        slope, expected = tape.gradient(found, logits), known[f"{name}.grad_nhwc"]
        largest = np.abs(expected).max()
        np.testing.assert_allclose(
            array(slope) / scale, expected, atol=1e-4 * largest, rtol=0
        )


def test_the_loss_of_transunet_equals_the_original():
    known = golden.arrays("dense/transunet/decoder/io.npz")
    logits = np.moveaxis(known["logits"], 1, -1)
    both = float(CrossentropyDice()(known["labels"], logits))
    alone = PixelDice(squared=True, over_batch=True)(known["labels"], logits)
    np.testing.assert_allclose(both, known["loss"], rtol=1e-5)
    np.testing.assert_allclose(float(alone), known["loss_dice"], rtol=1e-5)


@every_loss
@on_tensorflow
def test_images_without_a_label_cost_nothing_that_is_not_finite(loss):
    import tensorflow as tf

    for labels in (np.full((2, 4, 5), 255), np.zeros((2, 4, 5), "int32")):
        for logits in (np.zeros((2, 4, 5, 3)), 200 * np.eye(3)[labels % 3]):
            logits = tf.constant(logits, "float32")
            with tf.GradientTape() as tape:
                tape.watch(logits)
                found = loss()(labels, logits)
            assert np.isfinite(float(found))
            assert np.isfinite(tape.gradient(found, logits).numpy()).all()
    assert (
        float(PixelCrossentropy()(np.full((1, 2, 2), 255), np.ones((1, 2, 2, 3)))) == 0
    )


@every_loss
def test_ignored_pixels_may_say_what_they_like(loss):
    labels = np.array([[[0, 1, 255], [2, 255, 1]]])
    logits = inputs((1, 2, 3, 3))
    other = np.where((labels == 255)[..., None], 7 * inputs((1, 2, 3, 3), 1), logits)
    assert float(loss()(labels, logits)) == pytest.approx(float(loss()(labels, other)))
    assert float(loss(ignore_class=None)(labels % 3, logits)) != float(
        loss(ignore_class=None)(labels % 3, other)
    )


@every_loss
@pytest.mark.parametrize("label", [-1, 3, 255])
def test_a_label_that_is_no_class_makes_the_loss_nan(loss, label):
    labels, logits = np.array([[[0, 1, 2], [2, 0, 1]]]), inputs((1, 2, 3, 3))
    assert np.isfinite(float(loss(ignore_class=7)(labels, logits)))
    labels[0, 0, 1] = label
    assert np.isnan(float(loss(ignore_class=7)(labels, logits)))


@pytest.mark.parametrize("loss", [PixelCrossentropy, PixelFocal])
def test_pixels_of_no_class_can_be_left_out_by_weights(loss):
    labels, logits = np.array([[[0, 1, 255], [2, 0, 255]]]), inputs((1, 2, 3, 3))
    by_weight = loss(ignore_class=None, reduction="mean_with_sample_weight")
    found = float(by_weight(labels, logits, (labels < 3).astype("float32")))
    np.testing.assert_allclose(found, float(loss()(labels, logits)), rtol=1e-6)


@every_loss
def test_a_loss_is_the_same_from_its_config(loss):
    arguments = {"ignore_class": 3, "name": "mine"}
    if loss is PixelCrossentropy:
        arguments |= {"class_weights": [1, 2, 0.5], "label_smoothing": 0.2}
    config = keras.losses.serialize(loss(**arguments))
    again = keras.losses.deserialize(config)
    assert type(again) is loss
    assert again.get_config() == loss(**arguments).get_config()
    labels, logits = np.array([[[0, 1, 3]]]), inputs((1, 1, 3, 3))
    assert float(again(labels, logits)) == float(loss(**arguments)(labels, logits))


@every_loss
def test_labels_may_have_one_channel_and_logits_half_precision(loss):
    labels, logits = np.array([[[0, 1, 2]]]), inputs((1, 1, 3, 3))
    alike = float(loss()(labels, logits))
    assert float(loss()(labels[..., None].astype("uint8"), logits)) == alike
    half = keras.ops.cast(logits, "bfloat16")
    assert float(loss()(labels, half)) == pytest.approx(alike, rel=0.02)


@every_loss
def test_other_labels_are_refused_by_their_shape(loss):
    with pytest.raises(ValueError, match=r"argmax\(axis=-1\)"):
        loss()(np.zeros((1, 2, 2, 3)), np.zeros((1, 2, 2, 3)))


def test_pixel_weights_scale_the_mean():
    labels, logits = np.array([[[0, 1], [1, 255]]]), inputs((1, 2, 2, 2))
    one = float(PixelCrossentropy()(labels, logits))
    doubled = PixelCrossentropy()(labels, logits, np.full((1, 2, 2), 2.0))
    assert float(doubled) == pytest.approx(2 * one)


def test_impossible_arguments_are_refused():
    with pytest.raises(ValueError, match="ignore_class"):
        PixelDice(ignore_class="void")
    with pytest.raises(ValueError, match="class_weights"):
        PixelCrossentropy(class_weights=[1, -1])
    with pytest.raises(ValueError, match="one number for each class"):
        PixelCrossentropy(class_weights=[1, 1])([[[0]]], np.zeros((1, 1, 1, 3)))
    with pytest.raises(ValueError, match="gamma"):
        PixelFocal(gamma=-1)
    with pytest.raises(ValueError, match="squared"):
        PixelDice(squared="yes")


@pytest.mark.parametrize("loss", [PixelDice(), CrossentropyDice()])
@pytest.mark.parametrize("batch", [1, 4])
def test_a_loss_of_images_refuses_a_map_of_weights(loss, batch):
    labels, logits = np.zeros((batch, 4, 4), int), np.zeros((batch, 4, 4, 3))
    with pytest.raises(ValueError, match=r"Maps of weights are for PixelCrossentropy"):
        loss(labels, logits, np.ones((batch, 4, 4)))
    assert float(loss(labels, logits, np.ones(batch))) == pytest.approx(
        float(loss(labels, logits))
    )


@pytest.mark.parametrize(
    ("loss", "whole"),
    [
        (PixelCrossentropy(), True),
        (PixelCrossentropy(ignore_class=None, class_weights=(1, 2, 1)), True),
        (PixelFocal(), True),
        (PixelDice(over_batch=True), True),
        (CrossentropyDice(), True),
        (PixelCrossentropy(ignore_class=None), False),
        (PixelDice(), False),
        (CrossentropyDice(ignore_class=None, over_batch=False), False),
    ],
)
def test_a_loss_says_whether_it_is_an_average_over_images(loss, whole):
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, (4, 5, 5))
    labels[0, :4] = 255 if loss.ignore_class == 255 else 1
    logits = random.normal(size=(4, 5, 5, 3))
    parts = np.mean([float(loss(labels[i:][:1], logits[i:][:1])) for i in range(4)])
    same = parts == pytest.approx(float(loss(labels, logits)), rel=1e-6)
    assert (loss.of_whole_batch, same) == (whole, not whole)
