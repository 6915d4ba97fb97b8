"""A model of this package inside another one: used, or refused in a sentence."""

import cases
import keras
import numpy as np
import pytest

import keras_vit
from keras_vit.evaluation import evaluate
from keras_vit.evaluation.probes.features import extract_features

SIZES = {"patch_size": 4, "num_layers": 1, "hidden_dim": 8, "mlp_dim": 8}
SIZES |= {"num_heads": 2, "image_size": 8, "pooling": "gap"}
RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(0, 256, (6, 8, 8, 3)).astype("uint8")
NAMES = ["ant", "bee", "cat"]
INSIDE = r"outer\.get_layer\('tiny'\)"


def backbone(num_classes=0, **arguments):
    model = keras_vit.ViT(num_classes, name="tiny", **SIZES, **arguments)
    for variable in model.variables:
        variable.assign(variable + 0.3 * RANDOM.normal(size=variable.shape))
    return model


def sequential(inner, *after, before=(keras.layers.RandomFlip,)):
    first = [kind() for kind in before]
    return keras.Sequential([keras.Input((8, 8, 3)), *first, inner, *after])


def functional(inner, *after, before=(keras.layers.RandomFlip,)):
    x = images = keras.Input((8, 8, 3))
    for layer in (*(kind() for kind in before), inner, *after):
        x = layer(x)
    return keras.Model(images, x)


@pytest.fixture(params=[sequential, functional])
def around(request):
    return request.param


def softmax(x):
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def shares(model, names):
    predictions = keras_vit.predict(model, list(PIXELS), top=3)
    return np.array([[dict(p.classes)[name] for name in names] for p in predictions])


@pytest.mark.parametrize("of_pixels", [False, True])
def test_predictions_are_of_the_values_that_the_inner_model_takes(around, of_pixels):
    inner = backbone(include_preprocessing=of_pixels)
    outer = around(inner, keras.layers.Dense(3))
    images = PIXELS.astype("float32")
    images = images if of_pixels else images / 127.5 - 1
    expected = softmax(np.asarray(outer(images, training=False), "float64"))
    found = shares(outer, [f"class {i}" for i in range(3)])
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("activation", [None, "softmax"])
def test_names_and_activation_of_an_inner_classifier_count(around, activation):
    inner = backbone(3, classifier_activation=activation)
    inner.metadata["class_names"] = NAMES
    logits = np.asarray(inner(PIXELS.astype("float32") / 127.5 - 1), "float64")
    expected = logits if activation else softmax(logits)
    np.testing.assert_allclose(shares(around(inner), NAMES), expected, rtol=1e-4)


def test_a_softmax_layer_is_not_taken_for_logits(around):
    inner = backbone(3)
    logits = np.asarray(inner(PIXELS.astype("float32") / 127.5 - 1), "float64")
    found = shares(
        around(inner, keras.layers.Softmax()), [f"class {i}" for i in range(3)]
    )
    np.testing.assert_allclose(found, softmax(logits), rtol=1e-4)


def test_what_scales_images_before_the_inner_model_is_refused(around, tmp_path):
    before = (lambda: keras.layers.Rescaling(1 / 255),)
    outer = around(backbone(3), before=before)
    for use in (
        lambda: keras_vit.predict(outer, PIXELS[0]),
        lambda: keras_vit.export(outer, tmp_path / "m", "saved_model", preprocess=True),
    ):
        with pytest.raises(ValueError, match="must be clear what images it takes"):
            use()


def test_it_is_evaluated_and_its_features_are_extracted(around):
    inner = backbone()
    outer = around(inner, keras.layers.Dense(3))
    data = keras_vit.data.from_arrays(PIXELS, np.arange(6) % 3, NAMES)
    assert evaluate(outer, data).num_examples == 6
    found = extract_features(outer, data).values
    expected = inner(PIXELS.astype("float32") / 127.5 - 1)
    np.testing.assert_allclose(found, np.asarray(expected), atol=1e-5)


def test_its_weights_are_a_source(around):
    inner = backbone(layer_scale=0.1)
    outer = around(inner, keras.layers.Dense(3))
    x = RANDOM.normal(size=(2, 8, 8, 3)).astype("float32")
    again = keras_vit.from_checkpoint(outer)
    np.testing.assert_array_equal(np.asarray(again(x)), np.asarray(inner(x)))
    assert again.settings == inner.settings
    other = keras_vit.ViT(0, **SIZES, layer_scale=0.1)
    keras_vit.load_weights(other, outer)
    np.testing.assert_array_equal(np.asarray(other(x)), np.asarray(inner(x)))


def test_its_saved_file_names_the_model_inside(around, tmp_path):
    around(backbone(), keras.layers.Dense(3)).save(tmp_path / "outer.keras")
    for use in (
        lambda: keras_vit.from_checkpoint(tmp_path / "outer.keras"),
        lambda: keras_vit.load_weights(backbone(), tmp_path / "outer.keras"),
    ):
        with pytest.raises(ValueError, match=INSIDE):
            use()
    assert len(keras_vit.predict(tmp_path / "outer.keras", PIXELS[0])) == 1


@pytest.mark.parametrize("preprocess", cases.rest_slow([True, False], 1))
def test_its_graph_is_exported_without_its_augmentation(around, preprocess, tmp_path):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("TensorFlow writes graphs")
    outer = around(backbone(), keras.layers.Dense(3))
    path = tmp_path / "m"
    report = keras_vit.export(outer, path, "saved_model", preprocess=preprocess)
    assert report.passed
    import tensorflow as tf

    images = PIXELS.astype("float32")
    given = tf.constant(images if preprocess else images / 127.5 - 1)
    served = tf.saved_model.load(str(path)).signatures["serving_default"]
    (found,) = served(given).values()
    expected = outer(images / 127.5 - 1, training=False)
    np.testing.assert_allclose(found.numpy(), np.asarray(expected), atol=1e-5)


REFUSED = {
    "explain": lambda m, path: keras_vit.explain(m, PIXELS[0], path / "page.html"),
    "export": lambda m, path: keras_vit.export(m, path / "m.npz"),
    "load into": lambda m, path: keras_vit.load_weights(m, backbone()),
    "image size": lambda m, path: keras_vit.with_image_size(m, 16),
    "classes": lambda m, path: keras_vit.with_num_classes(m, 4),
    "verify": lambda m, path: keras_vit.verify(m),
    "attention": lambda m, path: keras_vit.visualize.attention_maps(
        m, PIXELS / np.float32(255)
    ),
    "filters": lambda m, path: keras_vit.visualize.patch_filters(m),
    "relevance": lambda m, path: keras_vit.visualize.relevance(
        m, PIXELS / np.float32(255)
    ),
    "colours": lambda m, path: keras_vit.visualize.feature_colours(
        m, PIXELS / np.float32(255)
    ),
    "activation": lambda m, path: keras_vit.visualize.class_activation(
        m, PIXELS / np.float32(255)
    ),
    "positions": lambda m, path: keras_vit.visualize.position_similarity(m),
    "tokens": lambda m, path: keras_vit.visualize.token_norms(
        m, PIXELS / np.float32(255)
    ),
}


@pytest.mark.parametrize("use", REFUSED)
def test_what_needs_the_inner_model_itself_says_so(use, around, tmp_path):
    outer = around(backbone(), keras.layers.Dense(3))
    with pytest.raises(ValueError, match=INSIDE) as error:
        REFUSED[use](outer, tmp_path)
    assert len(str(error.value)) < 400 and list(tmp_path.iterdir()) == []
