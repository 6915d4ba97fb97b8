"""The model of masked patch prediction, and what a classifier takes from it."""

import json

import cases
import keras
import numpy as np
import pytest
import tensorflow as tf
from small import SMALL, batches, compiled, images, masked_model

import keras_vit
from keras_vit.pretraining import TARGETS, corruption_step, mosaics

HYBRID = {
    "num_blocks": (1, 1),
    "width_factor": 0.5,
    "num_layers": 1,
    "hidden_dim": 16,
    "mlp_dim": 24,
    "num_heads": 2,
    "image_size": (16, 24),
}
on_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="needs the TensorFlow backend"
)


def array(x):
    return keras.ops.convert_to_numpy(x)


def randomized(model, seed=0):
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        weight.assign(array(weight) + 0.1 * rng.standard_normal(weight.shape))
    return model


def one_batch(model):
    return next(iter(batches(model)))


def same_encoder(classifier, model):
    theirs = {w.path: array(w) for w in model.weights}
    for weight in classifier.weights:
        if not weight.path.startswith(("head", "pooling", "pre_logits")):
            np.testing.assert_array_equal(array(weight), theirs[weight.path])


@pytest.mark.parametrize(
    "target, channels, shape",
    [
        pytest.param("mean_colour", 3, (6, 512), marks=pytest.mark.slow),
        pytest.param("mean_colour", 1, (6, 8), marks=pytest.mark.slow),
        ("colours_4x4", 3, (6, 16, 512)),
        pytest.param("colours_4x4", 1, (6, 16, 8), marks=pytest.mark.slow),
        pytest.param("pixels", 3, (6, 48), marks=pytest.mark.slow),
    ],
)
def test_every_target_trains_from_the_known_loss(target, channels, shape):
    model = compiled(masked_model(target, num_channels=channels), "adam")
    assert model.output_shape == (None, *shape)
    data = batches(model)
    first = model.evaluate(data.take(2), verbose=0, return_dict=True)
    if target != "pixels":
        assert first["loss"] == pytest.approx(np.log(8**channels), rel=1e-5)
    names = {"loss", "accuracy", "commonest_colour", "visible_neighbours"}
    assert set(first) == names
    model.optimizer.learning_rate = 0.01
    history = model.fit(data, steps_per_epoch=4, epochs=3, verbose=0, shuffle=False)
    assert history.history["loss"][-1] < first["loss"]


def test_gradients_reach_every_weight():
    model = randomized(masked_model(class_token=True, register_tokens=1))
    compiled(model, keras.optimizers.SGD(1.0), run_eagerly=True)
    before = [array(w).copy() for w in model.weights]
    assert any(w.path.endswith("mask_token") for w in model.weights)
    model.fit(batches(model, 12, 12), steps_per_epoch=1, verbose=0, shuffle=False)
    for weight, value in zip(model.weights, before):
        assert (array(weight) != value).any(), weight.path


def test_each_patch_is_predicted_from_its_own_token():
    """Without positions and blocks' mixing, equal patches get equal predictions."""
    model = randomized(masked_model(class_token=True))
    inputs, _, _ = one_batch(model)
    tokens = keras.Model(model.input, model.get_layer("tokens").output)(inputs)
    head = model.get_layer("prediction")
    np.testing.assert_allclose(model(inputs), head(tokens), atol=1e-5)
    norm = model.get_layer("encoder_norm")
    every = keras.Model(model.input, norm.output)(inputs)
    np.testing.assert_allclose(every[:, 1:], tokens, atol=1e-6)


def test_unseen_patches_do_not_matter():
    model = randomized(masked_model())
    x = images(model, 1)
    shown = np.array([[0, -1, 2, 3, 4, 0]])
    other = x.copy()
    other[:, :4, 4:8] = 0.3  # patch 1, hidden
    other[:, 4:, 8:] = -0.2  # patch 5, where patch 0 is shown
    predictions = [array(model({"image": i, "shown": shown})) for i in (x, other)]
    np.testing.assert_allclose(*predictions, atol=1e-6)


@pytest.mark.parametrize("target", TARGETS)
def test_saved_and_loaded_without_custom_objects(target, tmp_path):
    model = compiled(randomized(masked_model(target)))
    data = batches(model, training=False)
    expected = model.evaluate(data, verbose=0, return_dict=True)
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    assert again.evaluate(data, verbose=0, return_dict=True) == pytest.approx(expected)
    assert again.settings == json.loads(json.dumps(model.settings))
    config = json.loads(json.dumps(model.get_config()))
    assert type(model).from_config(config).output_shape == model.output_shape


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "float64"])
@pytest.mark.slow
def test_other_precisions(dtype):
    model = compiled(masked_model(dtype=dtype))
    assert model.output.dtype == ("float64" if dtype == "float64" else "float32")
    loss = model.fit(batches(model), steps_per_epoch=2, verbose=0, shuffle=False)
    assert np.isfinite(loss.history["loss"]).all()


@on_tensorflow
@pytest.mark.parametrize(
    "target",
    [
        pytest.param("mean_colour", marks=pytest.mark.slow),
        pytest.param("colours_4x4", marks=pytest.mark.slow),
        pytest.param("pixels", marks=pytest.mark.slow),
    ],
)
def test_compiled_with_xla_it_computes_the_same(target):
    values = []
    for jit in (True, False):
        keras.utils.set_random_seed(0)
        model = compiled(masked_model(target), jit_compile=jit)
        fitted = model.fit(batches(model), steps_per_epoch=3, verbose=0, shuffle=False)
        values.append({k: v[0] for k, v in fitted.history.items()})
    assert values[0] == pytest.approx(values[1], rel=1e-4)


def test_pixels_that_the_model_scales_itself():
    model = masked_model(include_preprocessing=True)
    step = corruption_step(model)
    assert (step.low, step.high) == (0.0, 255.0)
    _, colours, _ = one_batch(model)
    assert 0 <= colours.numpy().min() < 0.2 < 0.8 < colours.numpy().max() <= 1


@pytest.mark.slow
def test_a_hybrid_predicts_the_patches_of_its_stem():
    backbone = keras_vit.HybridViT(5, **HYBRID)
    model = compiled(keras_vit.MaskedPatchPrediction(backbone))
    facts = model.settings["pretraining"]
    assert facts["grid"] == [2, 3] and facts["patch_size"] == [8, 8]
    assert model.output_shape == (None, 6, 512)
    model.fit(batches(model), steps_per_epoch=1, verbose=0, shuffle=False)
    same_encoder(keras_vit.HybridViT(3, **HYBRID, weights=model), model)


@pytest.mark.parametrize(
    "arguments",
    [
        {"position_embedding": "relative"},
        {"position_scope": "shared", "pooling": "gap"},
        {"pooling": "gap", "pooled_norm": True, "representation_size": 6},
    ],
)
def test_backbones_of_other_kinds(arguments):
    model = randomized(masked_model(**arguments))
    model(one_batch(model)[0])
    arguments.pop("representation_size", None)
    same_encoder(keras_vit.ViT(3, **SMALL, **arguments, weights=model), model)


# To and from other models -----------------------------------------------------------


def test_the_backbone_is_copied_and_stays_as_it_is():
    backbone = randomized(keras_vit.ViT(5, **SMALL))
    model = keras_vit.MaskedPatchPrediction(backbone)
    same_encoder(backbone, model)
    before = [array(w).copy() for w in backbone.weights]
    compiled(model).fit(batches(model), steps_per_epoch=1, verbose=0, shuffle=False)
    for weight, value in zip(backbone.weights, before):
        np.testing.assert_array_equal(array(weight), value)


@pytest.mark.parametrize("form", ["model", "file"])
def test_a_classifier_takes_the_encoder_with_a_zero_head(form, tmp_path):
    model = randomized(masked_model("colours_4x4"))
    source = model
    if form == "file":
        source = tmp_path / "m.keras"
        model.save(source)
    classifier = keras_vit.ViT(10, **SMALL, weights=source)
    same_encoder(classifier, model)
    assert not array(classifier.get_layer("head").kernel).any()
    report = keras_vit.load_weights(classifier, source)
    assert set(report.unused_by_design) == {
        "patch_encoder/corruption/mask_token",
        "prediction/kernel",
        "prediction/bias",
    }
    assert "masked pretraining" in str(report)
    features = keras_vit.from_checkpoint(source)
    assert features.output_shape == (None, 16)
    assert not keras_vit.pretraining.is_pretraining(features)


@pytest.mark.parametrize(
    "arguments", [{"pooling": "map"}, {"representation_size": 6, "pooling": "gap"}]
)
def test_what_pretraining_did_without_begins_anew(arguments):
    model = randomized(masked_model(**arguments))
    classifier = keras_vit.ViT(10, **SMALL, **arguments, weights=model)
    same_encoder(classifier, model)
    new = "pooling/probe" if arguments["pooling"] == "map" else "pre_logits/kernel"
    values = {w.path: array(w) for w in classifier.weights}
    assert values[new].std() > 0  # initial values, no zeros
    report = keras_vit.load_weights(classifier, model)
    assert new in report.reinitialized and "masked patch" in str(report)
    features = keras_vit.from_checkpoint(model, num_classes=10)
    assert features.output_shape == (None, 10)
    # Elsewhere, a missing part is an error as ever.
    bare = {w.path: array(w) for w in classifier.weights if w.path != new}
    with pytest.raises(ValueError, match=f"{new} .* has no array"):
        keras_vit.load_weights(classifier, bare)


def test_the_class_token_stays_where_another_pooling_reads_the_patches():
    model = randomized(masked_model(pooling="token"))
    classifier = keras_vit.ViT(10, **SMALL, pooling="gap", weights=model)
    assert classifier.settings["arguments"]["class_token"] is True
    same_encoder(classifier, model)


def test_positions_are_resized_for_other_images():
    model = randomized(masked_model())
    size = (16, 20)
    larger = keras_vit.ViT(10, **{**SMALL, "image_size": size}, weights=model)
    table = model.get_layer("patch_encoder").positions.embeddings
    expected = keras_vit.resize_position_embeddings(
        array(table), (4, 5), old_grid=(2, 3), prefix_tokens=1
    )
    found = larger.get_layer("patch_encoder").positions.embeddings
    np.testing.assert_allclose(array(found), expected, atol=1e-6)


def test_pretraining_goes_on_from_a_file(tmp_path):
    model = randomized(masked_model())
    model.save(tmp_path / "m.keras")
    again = masked_model()
    report = keras_vit.load_weights(again, tmp_path / "m.keras")
    assert not report.unused and not report.unfilled
    for a, b in zip(again.weights, model.weights):
        np.testing.assert_array_equal(array(a), array(b))


def test_a_published_variant_by_its_name():
    model = keras_vit.MaskedPatchPrediction("vit_ti16", image_size=32, name="mine")
    assert model.name == "mine" and model.output_shape == (None, 4, 512)
    encoder = model.get_layer("patch_encoder")
    assert np.std(array(encoder.projection.kernel)) > 0  # it has values
    assert model.settings["arguments"]["num_layers"] == 12
    start = keras_vit.ViT_Ti16(7, image_size=64, input_scaling="imagenet")
    model = keras_vit.MaskedPatchPrediction("ViT_Ti16", image_size=32, weights=start)
    scaling = start.settings["arguments"]["input_scaling"]
    assert model.settings["arguments"]["input_scaling"] == scaling
    np.testing.assert_array_equal(
        array(model.get_layer("block_11").mlp.dense_1.kernel),
        array(start.get_layer("block_11").mlp.dense_1.kernel),
    )


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: masked_model("colours"), "Did you mean 'colours_4x4'"),
        (lambda: masked_model(stride=2), "must not overlap"),
        (
            lambda: masked_model(image_size=(None, None), position_grid=(2, 3)),
            "known size",
        ),
        (lambda: masked_model(image_size=4), "two patches at least"),
        (lambda: masked_model(num_channels=5), "Use target='pixels'"),
        (
            lambda: keras_vit.MaskedPatchPrediction(
                keras_vit.HybridViT(5, **{**HYBRID, "image_size": (15, 24)})
            ),
            "must tile the images",
        ),
        (
            lambda: keras_vit.MaskedPatchPrediction(
                keras_vit.BiT(5, num_blocks=(1,), width_factor=0.5, image_size=16)
            ),
            "family 'bit'",
        ),
        (lambda: keras_vit.MaskedPatchPrediction("ViT_Ti61"), "Did you mean"),
        (
            lambda: keras_vit.MaskedPatchPrediction(keras_vit.ViT(**SMALL), dtype="f"),
            "is built already",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.slow
def test_settings_of_a_search_make_models_that_can_be_compared():
    """What a tuner does: build, fit, read a validation metric, keep the best."""
    scores = {}
    for rate, width in ((1e-3, 8), (1e-2, 16)):
        keras.utils.set_random_seed(0)
        model = masked_model(hidden_dim=width)
        compiled(model, keras.optimizers.Adam(rate))
        history = model.fit(
            batches(model),
            steps_per_epoch=4,
            epochs=2,
            validation_data=batches(model, training=False),
            shuffle=False,
            verbose=0,
        ).history
        scores[rate, width] = max(history["val_accuracy"])
        assert np.isfinite(history["val_loss"]).all()
    assert max(scores, key=scores.get) in scores


# Pictures ---------------------------------------------------------------------------


def test_mosaics_of_normalised_images_have_their_colours():
    model = masked_model()
    mean, std = np.array([0.4, 0.5, 0.6]), np.array([0.2, 0.25, 0.3])
    x = (images(model) + 1) / 2
    bounds = ((0 - mean) / std, (1 - mean) / std)
    ready = tf.data.Dataset.from_tensors(((x - mean) / std).astype("float32"))
    (batch,) = keras_vit.data.corrupt_patches(
        ready, model, training=False, value_range=bounds
    )
    original, seen, true, _ = mosaics(model, batch, value_range=bounds)
    assert abs(original - x * 255).max() <= 0.51
    means = x.reshape(-1, 2, 4, 3, 4, 3).mean(axis=(2, 4)) * 255
    assert abs(true[:, ::4, ::4] - means).max() <= 0.51
    visible = (batch[0]["shown"].numpy() == np.arange(6)).reshape(-1, 2, 3)
    visible = visible.repeat(4, axis=1).repeat(4, axis=2)
    assert (seen[visible] == original[visible]).all()


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("channels", cases.rest_slow([3, 1, 2, 4], 1))
def test_mosaics_show_what_is_hidden_and_what_is_said(target, channels):
    model = masked_model(target, num_channels=channels)
    inputs, colours, weights = one_batch(model)
    original, seen, true, said = mosaics(model, (inputs, colours, weights))
    assert original.shape == (3, 8, 12, channels) and original.dtype == np.uint8
    x = (inputs["image"].numpy() + 1) * 127.5
    assert abs(original.astype(float) - x).max() <= 0.51
    shown, hidden = inputs["shown"].numpy(), weights.numpy() > 0
    for n in range(6):
        row, column = divmod(n, 3)
        at = (slice(4 * row, 4 * row + 4), slice(4 * column, 4 * column + 4))
        for i in range(3):
            source = shown[i, n]
            if source < 0:
                assert (seen[i][at] == 128).all()
            elif source == n:
                assert (seen[i][at] == original[i][at]).all()
            if not hidden[i, n]:
                assert (said[i][at] == true[i][at]).all()
            if target == "mean_colour":
                mean = original[i][at].mean(axis=(0, 1))
                assert abs(true[i][at] - mean).max() < 1.1
