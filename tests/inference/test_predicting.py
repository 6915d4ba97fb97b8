import json
import os

import cases
import keras
import numpy as np
import pytest
from PIL import Image

import keras_vit
from keras_vit.evaluation import evaluate

NAMES = ["dark", "grey", "light"]
SIZES = {"patch_size": 4, "num_layers": 1, "hidden_dim": 8, "mlp_dim": 8}


def small_model(num_classes=3, **options):
    model = keras_vit.ViT(
        num_classes, **SIZES, num_heads=2, image_size=8, num_channels=1, **options
    )
    head = model.get_layer("head") if num_classes else None
    if head is not None:
        kernel, bias = head.get_weights()
        random = np.random.default_rng(3)
        head.set_weights([random.normal(size=kernel.shape), bias])
    return model


@pytest.fixture(scope="module")
def model():
    model = small_model()
    model.metadata["class_names"] = NAMES
    return model


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("a run of mine")
    model.save(folder / "model.keras")
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    (folder / "inner").mkdir()
    random = np.random.default_rng(0)
    for name in ("b.png", "a.PNG", "inner/c.jpg"):
        pixels = random.integers(0, 256, (8, 8)).astype("uint8")
        Image.fromarray(pixels).save(folder / name)
    (folder / "readme.txt").write_text("no image")
    return folder


def softmax(logits):
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def test_a_prediction_is_the_softmax_of_the_logits_best_first(model, photos):
    file = photos / "b.png"
    pixels = np.asarray(Image.open(file), "float64")[None, :, :, None] / 127.5 - 1
    expected = softmax(keras.ops.convert_to_numpy(model(pixels.astype("float32")))[0])
    (prediction,) = keras_vit.predict(model, file, top=2)
    assert prediction.file == str(file)
    best = np.argsort(-expected)[:2]
    assert [name for name, _ in prediction.classes] == [NAMES[i] for i in best]
    np.testing.assert_allclose(
        [p for _, p in prediction.classes], expected[best], rtol=1e-5
    )


def test_folders_are_searched_at_every_depth_in_order(saved, photos):
    predictions = keras_vit.predict(saved, [photos, photos / "b.png"], batch_size=2)
    names = [os.path.relpath(p.file, photos) for p in predictions]
    assert names == ["a.PNG", "b.png", os.path.join("inner", "c.jpg"), "b.png"]
    assert predictions[1] == predictions[3]
    assert all(len(p.classes) == 3 for p in predictions)
    assert sum(p for _, p in predictions[0].classes) == pytest.approx(1)


def test_a_saved_model_predicts_what_the_living_one_does(model, saved, photos):
    for path in (saved, str(saved / "model.keras")):
        assert keras_vit.predict(path, photos) == keras_vit.predict(model, photos)


def test_softmax_outputs_are_taken_as_they_are(model, photos):
    other = small_model(classifier_activation="softmax")
    other.set_weights(model.get_weights())
    other.metadata["class_names"] = NAMES
    for one, two in zip(
        keras_vit.predict(model, photos), keras_vit.predict(other, photos)
    ):
        assert [c for c, _ in one.classes] == [c for c, _ in two.classes]
        np.testing.assert_allclose(
            [p for _, p in one.classes], [p for _, p in two.classes], rtol=1e-5
        )


def test_a_model_that_scales_pixels_itself_gets_pixels(model, photos):
    other = small_model(include_preprocessing=True)
    other.set_weights(model.get_weights())
    other.metadata["class_names"] = NAMES
    one, two = (keras_vit.predict(m, photos / "b.png")[0] for m in (model, other))
    assert one.classes[0][0] == two.classes[0][0]
    assert one.classes[0][1] == pytest.approx(two.classes[0][1], rel=1e-5)


def test_classes_without_names_are_numbered(photos):
    (prediction,) = keras_vit.predict(small_model(), photos / "b.png")
    assert {name for name, _ in prediction.classes} == {"class 0", "class 1", "class 2"}


def test_a_broken_image_is_named_and_the_others_are_predicted(saved, photos, tmp_path):
    broken, missing = tmp_path / "broken.png", tmp_path / "missing.png"
    broken.write_bytes((photos / "b.png").read_bytes()[:40])
    empty = tmp_path / "empty"
    empty.mkdir()
    files = [broken, photos / "b.png", missing, empty]
    predictions = keras_vit.predict(saved, files)
    assert [p.file for p in predictions] == [str(file) for file in files]
    assert [bool(p.error) for p in predictions] == [True, False, True, True]
    for prediction in predictions:
        assert prediction.error is None or prediction.file in prediction.error
        json.dumps(prediction.to_json())
    assert len(predictions[1].classes) == 3


def test_a_model_of_features_is_explained(photos):
    with pytest.raises(ValueError, match="one score per class"):
        keras_vit.predict(small_model(num_classes=0), photos)
    with pytest.raises(ValueError, match=r"shape \(None, 4, 3\)"):
        keras_vit.predict(small_model(pooling=None), photos)


def test_a_file_that_is_no_model_is_explained(photos, tmp_path):
    with pytest.raises(ValueError, match=r"b\.png holds no weights"):
        keras_vit.predict(photos / "b.png", photos)
    (tmp_path / "model.keras").write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(ValueError, match=r"model\.keras is not a saved Keras model"):
        keras_vit.predict(tmp_path, photos)
    with pytest.raises(FileNotFoundError, match=r"no model\.keras in"):
        keras_vit.predict(photos, photos)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        keras_vit.predict("nowhere", photos)


@pytest.mark.parametrize("options", [{"top": 0}, {"batch_size": 0}])
def test_counts_must_be_positive(model, photos, options):
    with pytest.raises(ValueError, match="must be a positive integer"):
        keras_vit.predict(model, photos, **options)


def test_images_in_memory_are_predicted_as_their_files(model, photos):
    files = [photos / "b.png", photos / "a.PNG"]
    wanted = [p.classes for p in keras_vit.predict(model, files)]
    opened = [Image.open(file) for file in files]
    arrays = [np.asarray(image) for image in opened]  # (8, 8)
    colours = np.stack([np.repeat(a[..., None], 3, -1) for a in arrays])
    opaque = [np.asarray(image.convert("RGBA")) for image in opened]
    data = [file.read_bytes() for file in files]
    grey = np.stack(arrays)
    for given in (opened, arrays, colours, grey[..., None], grey, opaque, data):
        predictions = keras_vit.predict(model, given)
        assert [p.classes for p in predictions] == wanted
    for one in (opened[0], arrays[0], arrays[0][..., None], colours[0], opaque[0]):
        (prediction,) = keras_vit.predict(model, one)
        for (name, share), (expected, p) in zip(prediction.classes, wanted[0]):
            assert name == expected and share == pytest.approx(p, rel=1e-4)


def test_images_in_memory_have_names(model, photos, tmp_path):
    array = np.zeros((5, 9, 3), "uint8")
    opened = Image.open(photos / "b.png")
    given = [array, photos, Image.fromarray(array), opened, b"no image"]
    predictions = keras_vit.predict(model, given)
    names = [p.file for p in predictions]
    assert names[0] == "image 1" and names[4:] == [
        "image 3",
        str(photos / "b.png"),
        "image 5",
    ]
    assert [bool(p.error) for p in predictions] == [False] * 6 + [True]
    assert all(json.dumps(p.to_json()) for p in predictions)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((8, 8, 3)),
        [np.zeros((8, 8, 3), "float32")],
        np.zeros((8, 8, 5, 2), "uint8"),
        [None],
        [3],
        np.uint8(3),
    ],
)
def test_what_is_no_image_is_explained_before_any_work(wrong):
    with pytest.raises(ValueError, match="An image must be a path, bytes, a Pillow"):
        keras_vit.predict("no such model", wrong)


@pytest.mark.parametrize("none", [[], None, np.zeros((0, 8, 8, 3), "uint8")])
def test_no_images_are_an_error(model, none):
    with pytest.raises(ValueError, match="at least one image"):
        keras_vit.predict(model, none)


@pytest.fixture(scope="module")
def source():
    random = np.random.default_rng(1)
    images = random.integers(0, 256, (11, 8, 8, 1)).astype("uint8")
    labels = random.integers(0, 3, 11)
    return keras_vit.data.from_arrays(images, labels, NAMES), images, labels


@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_an_evaluation_counts_every_example_once(model, source, batch_size):
    data, images, labels = source
    logits = keras.ops.convert_to_numpy(model(images.astype("float32") / 127.5 - 1))
    probabilities = np.stack([softmax(row) for row in logits.astype("float64")])
    found = evaluate(model, data, batch_size=batch_size)
    assert found.num_examples == 11
    assert found.accuracy == (probabilities.argmax(1) == labels).mean()
    expected = -np.log(probabilities[np.arange(11), labels]).mean()
    assert found.loss == pytest.approx(expected, rel=1e-6)
    json.dumps(found.to_json())


def test_data_of_other_classes_is_refused(model, source):
    _, images, labels = source
    other = keras_vit.data.from_arrays(images, labels, ["cat", "dog", "owl"])
    with pytest.raises(ValueError, match=r"3 classes \(cat, dog, owl\) that"):
        evaluate(model, other)
    more = keras_vit.data.from_arrays(images, labels, [*NAMES, "none"])
    with pytest.raises(ValueError, match=r"3 classes .* 4 classes"):
        evaluate(small_model(), more)


def test_a_model_without_a_run_needs_data(model):
    with pytest.raises(ValueError, match="give `data`"):
        evaluate(model)


def spoilt(value):
    """A small model whose head is multiplied by a value."""
    model = small_model()
    head = model.get_layer("head")
    with np.errstate(all="ignore"):
        head.set_weights([weight * value for weight in head.get_weights()])
    return model


@pytest.mark.parametrize("value", cases.rest_slow([np.nan, 1e38, np.inf, -np.inf], 2))
def test_answers_that_are_no_numbers_are_an_error_that_names_the_model(
    value, source, photos, tmp_path
):
    model, data = spoilt(value), source[0]
    pattern = r"not finite.*Use an earlier model.*learning rate"
    for use in (
        lambda m: keras_vit.predict(m, photos / "b.png"),
        lambda m: evaluate(m, data),
    ):
        with pytest.raises(ValueError, match=pattern) as error:
            use(model)
        assert model.name in str(error.value) and "\n" not in str(error.value)
    model.save(tmp_path / "model.keras")
    for use in (
        lambda m: keras_vit.predict(m, photos / "b.png"),
        lambda m: evaluate(m, data),
        lambda m: keras_vit.explain(m, photos / "b.png", tmp_path / "page.html"),
    ):
        with pytest.raises(ValueError, match=r"model\.keras.*Use an earlier model"):
            use(tmp_path / "model.keras")
    assert not (tmp_path / "page.html").exists()


def test_a_page_is_of_finite_weights_only(tmp_path):
    with pytest.raises(ValueError, match=r"NaN or infinity in 'head/.*earlier model"):
        keras_vit.explain(spoilt(np.nan), None, tmp_path / "page.html")
