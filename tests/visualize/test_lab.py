"""The inductive-bias lab, against what must hold of models by their construction."""

import cases
import numpy as np
import pytest
from cases import array, pixels

import keras_vit
from keras_vit import visualize


def test_a_shift_moves_pixels_and_repeats_or_wraps_the_edge():
    images = np.arange(24).reshape(1, 4, 6, 1)
    moved = visualize.shift(images, 1, -2)
    np.testing.assert_array_equal(moved[:, 1:, :4], images[:, :3, 2:])
    assert (moved[0, 0, :4] == images[0, 0, 2:]).all()
    assert (moved[0, :, 4:] == moved[0, :, 3:4]).all()
    wrapped = visualize.shift(images, 1, -2, mode="wrap")
    np.testing.assert_array_equal(wrapped, np.roll(images, (1, -2), (1, 2)))
    with pytest.raises(ValueError, match="mode='zero'"):
        visualize.shift(images, mode="zero")


def test_exactly_the_share_of_patches_moves_and_no_pixel_is_lost():
    images = np.arange(2 * 9 * 13).reshape(2, 9, 13, 1)
    for share in (0, 0.5, 1):
        moved = visualize.permute_patches(images, (4, 3), share, seed=3)
        assert sorted(moved.ravel()) == sorted(images.ravel())
        assert (moved[:, 8:] == images[:, 8:]).all()
        changed = (moved != images)[0, :8, :12].reshape(2, 4, 4, 3).any(axis=(1, 3))
        assert changed.sum() == share * 8
    again = visualize.permute_patches(images, (4, 3), 1, seed=3)
    np.testing.assert_array_equal(again, moved)
    for options in ({"share": 1.5}, {"patch_size": 20}):
        with pytest.raises(ValueError, match="Received"):
            visualize.permute_patches(images, **{"patch_size": 4, **options})


def test_drift_of_nothing_is_0_and_of_unrelated_features_1():
    features = np.random.default_rng(0).normal(size=(400, 64)) + 9
    assert visualize.feature_drift(features, features) == pytest.approx(0, abs=1e-9)
    drift = visualize.feature_drift(features, np.roll(features, 1, axis=0))
    assert drift == pytest.approx(1, abs=0.05)
    mirrored = 2 * features.mean(axis=0) - features
    assert visualize.feature_drift(features, mirrored) == pytest.approx(2)


def test_without_positions_a_vit_knows_no_order():
    blind, bit = cases.model("no_positions"), cases.model("bit")
    images = pixels(cases.MODELS["no_positions"])
    answers = array(blind(images)).argmax(axis=1)
    trials = visualize.inductive_bias({"blind": blind}, images, answers, shifts=(0, 1))
    for trial in trials:
        if trial.change == "permutation":
            assert trial.accuracy == 1 and trial.drift == pytest.approx(0, abs=1e-5)
    one = [t for t in trials if (t.change, t.amount) == ("stride", 4)]
    assert one[0].drift == pytest.approx(0, abs=1e-5)
    assert str(trials).count("\n") == len(trials) == trials.to_csv().count("\n") - 1
    images = pixels(cases.MODELS["bit"])
    found = visualize.inductive_bias(
        {"BiT": bit}, images, [0, 1], patch_size=4, shifts=(0,), shares=(0, 1)
    )
    assert [trial.change for trial in found] == ["shift", *["permutation"] * 2]
    assert found[0].drift == pytest.approx(0, abs=1e-6) and found[2].drift > 1e-3
    figure = visualize.plot_inductive_bias([*trials, *found])
    assert len(figure.axes) == 6


def test_mistakes_are_told_first():
    model, images = cases.model("bit"), pixels(cases.MODELS["bit"])
    with pytest.raises(ValueError, match="labels of shape"):
        visualize.inductive_bias({"BiT": model}, images, [1])
    with pytest.raises(ValueError, match="`patch_size` must be given"):
        visualize.inductive_bias({"BiT": model}, images, [0, 1])
    with pytest.raises(ValueError, match="no trials"):
        visualize.plot_inductive_bias([])


def test_a_stride_may_be_given_as_a_number():
    model = keras_vit.from_checkpoint(cases.model("token"), stride=2)
    assert model.settings["arguments"]["stride"] == [2, 2]
