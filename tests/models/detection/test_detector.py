"""`Detector` on any backbone: what it gives, keeps, learns and refuses."""

import json

import keras
import numpy as np
import pytest
from cases import MODELS, SMALL, array, inputs, randomize, rest_slow

import keras_vit
from keras_vit.losses import DenseDetectionLoss
from keras_vit.models.detection import decode
from keras_vit.models.vision_model import VisionModel

HEAD = {"head_width": 8, "head_layers": 1}
SHAPES = {"logits": (3,), "boxes": (4,), "centreness": (), "points": (3,)}


def small(name="token", **kwargs):
    return randomize(MODELS[name].make(**kwargs))


def detector(name="token", **kwargs):
    return keras_vit.Detector(small(name), 3, **{**HEAD, **kwargs})


def batch(count=4, size=(8, 12)):
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 4, (count, 2, 2))
    boxes = np.concatenate([low, low + rng.uniform(2, 4, (count, 2, 2))], -1)
    classes = rng.integers(-1, 3, (count, 2))
    y = {"boxes": boxes.astype("float32"), "classes": classes}
    return inputs((count, *size, 3)), y | {"crowd": np.zeros((count, 2), bool)}


# What it gives -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "strides", "places"),
    [
        ("token", None, 4 * 6),
        ("token", (1, 2, 4, 8), 8 * 12 + 4 * 6 + 2 * 3 + 1 * 2),
        *rest_slow([("hybrid", None, None), ("bit", None, None)], 0),
    ],
)
def test_every_place_of_every_level_has_a_class_and_a_box(name, strides, places):
    model, x = detector(name, strides=strides), inputs(MODELS[name].shape)
    found = model(x)
    assert found.keys() == SHAPES.keys()
    places = places or found["logits"].shape[1]
    for output, shape in SHAPES.items():
        assert found[output].shape == (len(x), places, *shape)
        assert model.output[output].shape == (None, places, *shape)
    at, boxes = array(found["points"]), array(found["boxes"])
    assert (boxes[..., :2] < at[..., :2]).all() and (boxes[..., 2:] > at[..., :2]).all()
    height, width = x.shape[1:3]
    for stride in np.unique(at[..., 2]):
        level = at[0][at[0, :, 2] == stride]
        assert level[0, :2].tolist() == [stride / 2] * 2  # row by row, from the corner
        assert len(level) == -(-height // stride) * -(-width // stride)
        assert (np.diff(level[:, 1]) >= 0).all()


def test_a_backbone_with_places_of_an_odd_side_has_a_level_of_that_side():
    backbone = small(image_size=(9, 6), patch_size=3)
    model = keras_vit.Detector(backbone, 3, **HEAD)
    points = array(model(inputs((1, 9, 6, 3)))["points"])
    assert points.shape == (1, 6, 3) and (points[..., 2] == 3).all()


def test_first_scores_are_a_hundredth():
    model, x = detector(), inputs((2, 8, 12, 3))
    shares = 1 / (1 + np.exp(-array(model(x)["logits"])))
    np.testing.assert_allclose(shares, 0.01, atol=0.005)


def test_the_backbone_gives_what_it_gave():
    backbone, x = small(), inputs((2, 8, 12, 3))
    backbone.get_layer("block_00").trainable = False
    backbone.metadata["preprocessing"] = {"steps": []}
    backbone.metadata["class_names"] = ["of", "images"]
    before = array(keras_vit.feature_maps(backbone)(x))
    model = keras_vit.Detector(backbone, 3, **HEAD)
    names = [layer.name for layer in model.layers]
    of_map = keras.Model(model.input, model.get_layer("encoder_norm_map").output)
    np.testing.assert_array_equal(array(of_map(x)), before)
    assert not model.get_layer("block_00").trainable and "head" not in names
    assert model.metadata == {}  # what is of whole images is left out


def test_images_of_every_size_have_boxes_in_their_own_pixels():
    model = detector("every_size")
    x = inputs((1, 8, 12, 3))
    whole = model(x)
    found = model(np.pad(x, [(0, 0), (0, 3), (0, 1), (0, 0)]))
    assert found["points"].shape[1] > whole["points"].shape[1]
    assert array(found["points"])[0, :, :2].max(0).tolist() == [15, 11]


def test_grey_images_and_one_class():
    backbone = keras_vit.ViT(**{**SMALL, "num_classes": 0, "num_channels": 1})
    model = keras_vit.Detector(backbone, 1, **HEAD)
    found = decode(model, model.predict(inputs((1, 8, 12, 1)), verbose=0), score=0)
    assert set(found[0]["classes"]) == {0}


# Promises ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", rest_slow([{"strides": (2, 4)}, {}], 1))
def test_config_file_and_clone_compute_the_same(kind, tmp_path):
    model, x = randomize(detector(**kind)), inputs((2, 8, 12, 3))
    expected = {name: array(value) for name, value in model(x).items()}
    config = json.loads(json.dumps(model.get_config()))
    again = VisionModel.from_config(config)
    assert again.settings == json.loads(json.dumps(model.settings))
    copies = [again, keras.models.clone_model(model)]
    for copy in copies:
        copy.set_weights(model.get_weights())
    model.metadata["class_names"] = ["a", "b", "c"]
    model.save(tmp_path / "model.keras")
    copies.append(keras.saving.load_model(tmp_path / "model.keras"))
    copies.append(keras_vit.from_checkpoint(tmp_path / "model.keras"))
    for copy in copies:
        for name, value in copy(x).items():
            np.testing.assert_array_equal(array(value), expected[name])
    assert copies[-1].metadata["class_names"] == ["a", "b", "c"]


def test_other_classes_get_a_layer_of_their_own():
    model, x = randomize(detector()), inputs((2, 8, 12, 3))
    new = keras_vit.with_num_classes(model, 5)
    assert new(x)["logits"].shape[-1] == 5
    shares = 1 / (1 + np.exp(-array(new(x)["logits"])))
    assert shares.mean() < 0.2  # first values, with few objects in mind
    np.testing.assert_array_equal(array(new(x)["boxes"]), array(model(x)["boxes"]))


def test_half_precision_answers_in_float32_and_is_close():
    model, x = detector(), inputs((2, 8, 12, 3))
    backbone = MODELS["token"].make(dtype="mixed_bfloat16")
    half = keras_vit.Detector(backbone, 3, **HEAD)
    half.set_weights(model.get_weights())
    expected = model(x)
    for name, value in half(x).items():
        assert keras.backend.standardize_dtype(value.dtype) == "float32"
        scale = np.abs(array(expected[name])).max()
        np.testing.assert_allclose(
            array(value) / scale, array(expected[name]) / scale, atol=0.05
        )


# Learning ----------------------------------------------------------------------------


def test_fit_and_evaluate_take_batches_of_boxes_and_every_part_learns():
    model, (x, y) = detector(strides=(2, 4)), batch()
    before = model.get_weights()
    model.compile("adam", loss=DenseDetectionLoss())
    history = model.fit(x, y, batch_size=3, epochs=2, verbose=0).history["loss"]
    assert np.isfinite(history).all()
    moved = [w.path for w, old in zip(model.weights, before) if (array(w) != old).any()]
    still = {w.path for w in model.trainable_weights} - set(moved)
    assert not still, still
    loss = model.evaluate(x, y, batch_size=3, verbose=0)
    out = {k: np.asarray(v) for k, v in model.predict(x, verbose=0).items()}
    assert loss == pytest.approx(float(DenseDetectionLoss()(y, out)), rel=1e-4)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="splits a batch")
@pytest.mark.slow
def test_accumulation_gives_the_update_of_the_whole_batch():
    from keras_vit.training import Recipe
    from keras_vit.training.replicas import prepare_model

    found = []
    for steps in (1, 2):
        keras.utils.set_random_seed(0)
        model, (x, y) = detector(), batch()
        trainer = prepare_model(model, Recipe(accumulation_steps=steps))
        trainer.compile(keras.optimizers.SGD(0.1), loss=DenseDetectionLoss())
        trainer.fit(x, y, batch_size=4, verbose=0)
        found.append(model.get_weights())
    for one, two in zip(*found):
        np.testing.assert_allclose(one, two, atol=2e-6)


@pytest.mark.slow
def test_it_learns_to_find_bright_rectangles():
    rng = np.random.default_rng(0)
    x = rng.normal(-0.5, 0.1, (96, 24, 32, 3)).astype("float32")
    boxes = np.zeros((96, 1, 4), "float32")
    for image, box in zip(x, boxes):
        height, width = rng.integers(8, 16, 2)
        top, left = rng.integers(0, 24 - height), rng.integers(0, 32 - width)
        image[top : top + height, left : left + width] += 1
        box[0] = left, top, left + width, top + height
    y = {"boxes": boxes, "classes": np.zeros((96, 1), "int32")}
    keras.utils.set_random_seed(0)
    backbone = {**SMALL, "num_classes": 0, "image_size": (24, 32), "hidden_dim": 32}
    model = keras_vit.Detector(keras_vit.ViT(**backbone), 1, strides=4, head_width=32)
    model.compile(keras.optimizers.Adam(2e-3), loss=DenseDetectionLoss())
    model.fit(x[:80], {k: v[:80] for k, v in y.items()}, epochs=40, verbose=0)
    found = decode(model, model.predict(x[80:], verbose=0))
    overlaps = [
        keras_vit.boxes.box_iou(each["boxes"][0], box[0]) if len(each["boxes"]) else 0
        for each, box in zip(found, boxes[80:])
    ]
    assert np.mean(np.array(overlaps) > 0.5) > 0.7, overlaps


# Refusals ----------------------------------------------------------------------------

WRONG = {
    "num_classes": {"num_classes": 0},
    "head_width": {"head_width": 0},
    r"\[1, 2, 4, 8, 16\] pixels. Received: strides=\[3\]": {"strides": 3},
    "larger than the one before": {"strides": (4, 2)},
    "square of pixels": {"backbone": "overlapping"},
}


def test_what_cannot_be_is_refused():
    for words, arguments in WRONG.items():
        arguments = {"backbone": "token", "num_classes": 3, **arguments}
        if arguments["backbone"] == "overlapping":
            arguments["backbone"] = MODELS["token"].make(stride=2)
        else:
            arguments["backbone"] = small()
        with pytest.raises(ValueError, match=words):
            keras_vit.Detector(**arguments)
    with pytest.raises(TypeError, match=r"Detector\(\) got the argument 'image_size'"):
        keras_vit.Detector(small(), 3, image_size=64)
    with pytest.raises(ValueError, match="with a feature map"):
        keras_vit.Detector(MODELS["lenet"].make(), 3)
