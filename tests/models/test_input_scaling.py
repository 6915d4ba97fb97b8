"""What stands between the images that a model takes and its first kernel."""

import json

import cases
import keras
import numpy as np
import pytest
from cases import array, inputs, randomize

import keras_vit
from keras_vit.checkpoints import Checkpoint
from keras_vit.checkpoints.preparation import Preparation
from keras_vit.models import value_range_of
from keras_vit.models.preprocessing import SCALINGS, resolve_scaling

# Of the papers' code: torchvision.transforms.Normalize, and CLIP's `_transform`.
IMAGENET = [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]
CLIP = [
    [0.48145466, 0.4578275, 0.40821073],
    [0.26862954, 0.26130258, 0.27577711],
]


def small(**kwargs):
    return keras_vit.ViT(**{**cases.SMALL, **kwargs})


def scaling_of(model):
    return model.settings["arguments"]["input_scaling"]


def warnings_of(caplog):
    return [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]


# The numbers ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "channels", "kept"),
    [
        (None, 3, None),
        ("weights", 3, None),
        ("inception", 3, None),
        ((0.5, 0.5), 4, None),
        ([[0.5] * 3, [0.5] * 3], 3, None),
        ("imagenet", 3, IMAGENET),
        ("clip", 3, CLIP),
        ("unit", 3, [[0.0] * 3, [1.0] * 3]),
        ((0, 1), 2, [[0.0, 0.0], [1.0, 1.0]]),
        ((0, 1 / 255), 1, [[0.0], [1 / 255]]),
        (np.array(IMAGENET), 3, IMAGENET),
        ((0.5, (0.1, 0.2)), 2, [[0.5, 0.5], [0.1, 0.2]]),
        # timm's rule for images of one channel: the mean.
        ("imagenet", 1, [[0.449], [0.226]]),
        # What is equal in all channels holds for any number of them.
        (((0.4, 0.4, 0.4), (0.2, 0.2, 0.2)), 5, [[0.4] * 5, [0.2] * 5]),
    ],
)
def test_names_and_pairs_become_numbers_of_every_channel(given, channels, kept):
    found = resolve_scaling(given, channels)
    if kept is None:
        assert found is None
        return
    np.testing.assert_allclose(found, kept, rtol=1e-12)
    assert json.loads(json.dumps(found)) == found


def test_caffe_is_what_keras_applications_does_but_for_the_order_of_colours():
    images = np.random.default_rng(0).uniform(0, 255, (2, 3, 4, 3))
    mean, deviation = map(np.array, resolve_scaling("caffe", 3))
    expected = keras.applications.imagenet_utils.preprocess_input(
        images.copy(), mode="caffe"
    )
    found = (images / 255 - mean) / deviation
    np.testing.assert_allclose(found[..., ::-1], expected, rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize(
    ("wrong", "channels", "words"),
    [
        ("imagnet", 3, "Received: input_scaling='imagnet'.*mean 'imagenet'"),
        ("imagenet", 4, "one number for each channel.*3 numbers.*4 channels"),
        (((0.4, 0.5), 0.2), 3, "2 numbers"),
        ((0.5, 0), 3, "deviations above 0"),
        ((0.5, (0.2, 0.0, 0.2)), 3, "deviations above 0"),
        ((0.5, -0.2), 3, "deviations above 0"),
        ((0.5, float("nan")), 3, "deviations above 0"),
        ((0.5, float("inf")), 3, "deviations above 0"),
        (((123.7, 116.3, 103.5), (58.4, 57.1, 57.4)), 3, "divide .* by 255"),
        (0.5, 3, "must be a pair"),
        ((0.5, 0.5, 0.5), 3, "must be a pair"),
        ((0.5, "0.5"), 3, "must be a pair"),
        ((None, 0.5), 3, "must be a pair"),
        (((), ()), 3, "must be a pair"),
        (((True, False, True), 0.5), 3, "must be a pair"),
    ],
)
def test_mistakes_are_explained(wrong, channels, words):
    with pytest.raises(ValueError, match=f"(?s){words}"):
        resolve_scaling(wrong, channels)
    with pytest.raises(ValueError, match="input_scaling"):
        small(input_scaling=wrong, num_channels=channels)


# The layer --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["token", "bit", "hybrid"])
@pytest.mark.parametrize("pixels", [False, True])
def test_images_are_scaled_before_the_first_kernel(name, pixels):
    plain = cases.model(name)
    case = cases.MODELS[name]
    model = case.make(input_scaling="imagenet", include_preprocessing=pixels)
    model.set_weights(plain.get_weights())
    assert scaling_of(model) == IMAGENET
    assert scaling_of(plain) is None
    x = np.random.default_rng(0).integers(0, 256, case.shape).astype("float64")
    mean, deviation = np.array(IMAGENET)
    expected = array(plain(((x / 255 - mean) / deviation).astype("float32")))
    taken = x if pixels else x / 127.5 - 1
    np.testing.assert_allclose(array(model(taken)), expected, atol=2e-5, rtol=2e-5)
    assert value_range_of(model) == ((0.0, 255.0) if pixels else (-1.0, 1.0))


def test_the_identity_has_no_layer():
    for scaling in (None, "weights", "inception", (0.5, 0.5)):
        names = [layer.name for layer in small(input_scaling=scaling).layers]
        assert "input_scaling" not in names
    names = [
        layer.name
        for layer in small(input_scaling="clip", include_preprocessing=True).layers
    ]
    assert names[:4] == ["image", "preprocessing", "input_scaling", "patches"]


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "bfloat16", "float16"])
def test_half_precision_scales_in_full(dtype):
    model = small(input_scaling="imagenet", dtype=dtype)
    layer = model.get_layer("input_scaling")
    assert layer.compute_dtype == "float32" and model.input.dtype == "float32"
    x = inputs((2, 8, 12, 3))
    mean, deviation = np.array(IMAGENET)
    expected = ((x + 1) / 2 - mean) / deviation
    np.testing.assert_allclose(array(layer(x)), expected, atol=1e-6)


def test_the_file_keeps_it(tmp_path):
    model = randomize(small(input_scaling=(np.float32(0.25), [0.1, 0.2, 0.4])))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert scaling_of(again) == [[0.25] * 3, [0.1, 0.2, 0.4]]
    x = inputs((2, 8, 12, 3))
    np.testing.assert_array_equal(array(again(x)), array(model(x)))
    opened = keras_vit.from_checkpoint(tmp_path / "model.keras")
    np.testing.assert_array_equal(array(opened(x)), array(model(x)))


def test_models_made_from_it_keep_it():
    model = randomize(small(input_scaling="clip", num_channels=1, image_size=8))
    for other in (
        keras_vit.with_image_size(model, 16),
        keras_vit.with_num_classes(model, 3),
        keras_vit.MaskedPatchPrediction(model),
        small(num_channels=1, weights=model),
        small(num_channels=1, weights=keras_vit.MaskedPatchPrediction(model)),
    ):
        assert scaling_of(other) == scaling_of(model)
        layer = other.get_layer("input_scaling")
        x = np.full((1, 8, 8, 1), 0.5, "float32")
        mean, deviation = np.mean(CLIP, axis=1)
        np.testing.assert_allclose(array(layer(x)), (0.75 - mean) / deviation, 1e-6)
    bit = randomize(cases.MODELS["bit"].make(input_scaling="imagenet"))
    folded = keras_vit.fold_weight_standardization(bit)
    assert scaling_of(folded) == IMAGENET
    x = inputs(cases.MODELS["bit"].shape)
    np.testing.assert_allclose(array(folded(x)), array(bit(x)), atol=1e-4)


def test_a_masked_model_by_name_takes_it():
    model = keras_vit.MaskedPatchPrediction(
        "ViT_Ti16", num_layers=1, image_size=32, input_scaling="imagenet"
    )
    assert scaling_of(model) == IMAGENET
    assert model.settings["pretraining"]["value_range"] == [-1.0, 1.0]


# With weights -----------------------------------------------------------------------


def test_weights_bring_theirs(caplog):
    theirs = randomize(small(input_scaling="imagenet"))
    model = small(weights=theirs)
    x = inputs((2, 8, 12, 3))
    np.testing.assert_array_equal(array(model(x)), array(theirs(x)))
    assert not warnings_of(caplog)
    again = keras_vit.from_checkpoint(theirs, input_scaling="weights")
    assert scaling_of(again) == IMAGENET and not warnings_of(caplog)


@pytest.mark.parametrize("given", [None, "clip"])
def test_another_scaling_than_the_weights_is_told_once(given, caplog):
    theirs = randomize(small(input_scaling="imagenet"))
    for build in (
        lambda: small(weights=theirs, input_scaling=given),
        lambda: keras_vit.from_checkpoint(theirs, input_scaling=given),
    ):
        caplog.clear()
        model = build()
        assert scaling_of(model) == (CLIP if given else None)
        (line,) = warnings_of(caplog)
        assert "0.485" in line and "input_scaling='weights'" in line


def test_loading_into_a_model_that_scales_otherwise_is_told(caplog):
    theirs = randomize(small(input_scaling="imagenet"))
    keras_vit.load_weights(small(), theirs)
    (line,) = warnings_of(caplog)
    assert "mean 0.5; deviation 0.5" in line
    caplog.clear()
    keras_vit.load_weights(small(input_scaling="imagenet"), theirs)
    assert not warnings_of(caplog)


def test_what_a_file_says_of_its_images_decides(monkeypatch):
    said = Preparation((0.4, 0.5, 0.6), (0.1, 0.2, 0.3), image_size=(8, 12))
    monkeypatch.setattr(Checkpoint, "preparation", said)
    theirs = randomize(small())
    arrays = {w.path: array(w) for w in theirs.weights}
    model = small(weights=arrays)
    assert scaling_of(model) == [list(said.mean), list(said.deviation)]
    model = keras_vit.from_checkpoint(
        arrays, num_heads=2, image_size=(8, 12), patch_size=4
    )
    assert scaling_of(model) == [list(said.mean), list(said.deviation)]


def test_published_names_are_known():
    assert set(SCALINGS) == {"imagenet", "clip", "inception", "caffe", "unit"}


@pytest.mark.parametrize("pooling", ["token", "gap"])
def test_a_grey_model_of_scaled_colour_weights_sees_grey_images_as_they_did(pooling):
    theirs = randomize(small(pooling=pooling, input_scaling="imagenet"))
    grey = small(pooling=pooling, num_channels=1, weights=theirs)
    mean, deviation = scaling_of(grey)
    assert mean == [pytest.approx(0.449)] and deviation == [pytest.approx(0.226)]
    images = inputs((2, 8, 12, 1))
    expected = array(theirs(np.repeat(images, 3, axis=-1)))
    np.testing.assert_allclose(array(grey(images)), expected, atol=1e-5)
