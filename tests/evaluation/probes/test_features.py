"""Features: what the head of each kind of model reads, by its own arithmetic."""

import keras
import numpy as np
import pytest
from tiny_models import NAMES, numbered, randomise, scaled, tiny

import keras_vit
from keras_vit.evaluation import FewShotCallback, extract_features, fewshot
from keras_vit.evaluation.probes.features import feature_model
from keras_vit.evaluation.probes.shots import fewshot_probe

SIZES = {"num_layers": 1, "hidden_dim": 8, "mlp_dim": 8, "num_heads": 2}


def bit(num_classes=3, **options):
    return keras_vit.BiT(
        num_classes,
        num_blocks=(1,),
        width_factor=0.5,
        image_size=8,
        num_channels=1,
        **options,
    )


def hybrid(num_classes=3, **options):
    return keras_vit.HybridViT(
        num_classes,
        num_blocks=(1,),
        width_factor=0.5,
        image_size=8,
        num_channels=1,
        **SIZES,
        **options,
    )


KINDS = {
    "token": lambda: tiny(),
    "gap": lambda: tiny(pooling="gap"),
    "map": lambda: tiny(pooling="map"),
    "pre_logits": lambda: tiny(representation_size=6),
    "softmax": lambda: tiny(classifier_activation="softmax"),
    "bit": bit,
    "hybrid": hybrid,
    "bfloat16": lambda: tiny(dtype="mixed_bfloat16"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_head_of_the_features_is_the_output(kind):
    model = KINDS[kind]()
    randomise(model)
    source, images, labels = numbered(7, names=NAMES)
    found = extract_features(model, source, batch_size=3)
    assert found.values.dtype == np.float32 and (found.labels == labels).all()
    kernel, bias = model.get_layer("head").get_weights()
    scores = found.values.astype("float64") @ kernel + bias
    if kind == "softmax":
        powers = np.exp(scores - scores.max(1, keepdims=True))
        scores = powers / powers.sum(1, keepdims=True)
    outputs = keras.ops.convert_to_numpy(model(scaled(images)))
    loose = 3e-2 if kind == "bfloat16" else 1e-4
    np.testing.assert_allclose(scores, outputs, atol=loose, rtol=loose)


def test_features_share_the_variables_of_the_model(model, data):
    extractor = feature_model(model)
    own = {id(v) for v in model.variables}
    assert {id(v) for v in extractor.variables} < own


def test_a_model_without_a_head_ends_at_its_features(data):
    for options in ({}, {"representation_size": 5}):
        bare = tiny(0, **options)
        found = extract_features(bare, data[0])
        expected = keras.ops.convert_to_numpy(bare(scaled(data[1])))
        np.testing.assert_allclose(found.values, expected, atol=1e-5)


def test_pre_logits_means_what_the_head_reads(model, data):
    named, default = (extract_features(model, data[0], n) for n in ("pre_logits", None))
    assert (named.values == default.values).all()
    wide = tiny(representation_size=6)
    assert extract_features(wide, data[0], "pre_logits").values.shape == (23, 6)
    assert extract_features(wide, data[0], "pooling").values.shape == (23, 8)


def test_any_functional_model_that_ends_in_a_dense_layer_will_do(data):
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Flatten()(inputs)
    x = keras.layers.Dense(5, activation="relu", name="hidden")(x)
    outputs = keras.layers.Softmax()(keras.layers.Dense(3)(x))
    found = extract_features(keras.Model(inputs, outputs), data[0])
    assert found.values.shape == (23, 5) and found.values.min() >= 0


def test_what_is_no_vector_per_image_is_explained(data):
    with pytest.raises(ValueError, match=r"one vector per image.*shape \(None, 4, 8\)"):
        extract_features(tiny(0, pooling=None), data[0])
    with pytest.raises(ValueError, match=r"no layer 'poling'. It has: .*pooling"):
        extract_features(tiny(), data[0], "poling")
    with pytest.raises(ValueError, match="batch_size"):
        extract_features(tiny(), data[0], batch_size=0)


def test_the_batch_size_changes_nothing(model, data):
    whole = extract_features(model, data[0], batch_size=23).values
    for batch_size in (1, 4):
        found = extract_features(model, data[0], batch_size=batch_size).values
        np.testing.assert_allclose(found, whole, atol=1e-6)


def test_the_probe_of_a_model_is_the_probe_of_its_features(model):
    train, test = numbered(30)[0], numbered(20, seed=2)[0]
    options = {"shots": (2, 4), "seeds": 2, "l2": 10.0}
    found = fewshot(model, train, test, **options)
    parts = [extract_features(model, source) for source in (train, test)]
    arrays = [array for part in parts for array in (part.values, part.labels)]
    assert found == fewshot_probe(*arrays, **options)
    with pytest.raises(ValueError, match="same classes"):
        fewshot(model, train, numbered(20, names=NAMES)[0])


def test_the_callback_logs_the_probe_after_every_second_epoch():
    keras.utils.set_random_seed(0)
    model = tiny()
    train, test = numbered(30)[0], numbered(20, seed=2)[0]
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    callback = FewShotCallback(train, test, shots=(2,), seeds=2, every=2)
    history = model.fit(
        train.batches(10, image_size=8, num_channels=1, training=True),
        steps_per_epoch=3,
        epochs=4,
        callbacks=[callback],
        shuffle=False,
        verbose=0,
    ).history
    assert len(history["fewshot_2"]) == 2
    # The last one is of the weights as they are now.
    expected = fewshot(model, train, test, shots=(2,), seeds=2)[2].mean
    assert history["fewshot_2"][-1] == expected
    with pytest.raises(ValueError, match="`every`"):
        FewShotCallback(train, test, every=0)
