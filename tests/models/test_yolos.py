"""YOLOS: the numbers of its files, and every promise of a model with two outputs."""

import json

import golden
import keras
import numpy as np
import pytest
from cases import array, inputs, randomize, rest_slow

import keras_vit
from keras_vit.models.variants import counts
from keras_vit.models.variants.rows import FAMILIES
from keras_vit.models.vision_model import VisionModel

SMALL = {
    "num_classes": 3,
    "patch_size": 4,
    "num_layers": 3,
    "hidden_dim": 16,
    "mlp_dim": 24,
    "num_heads": 2,
    "detection_tokens": 5,
    "image_size": (8, 12),
}
EVERY_SIZE = {"image_size": (None, None), "position_grid": (2, 3)}
NO_MID = {"mid_positions": False}
CASES = ("no_mid", "mid_other_size")


def small(**kwargs):
    return randomize(keras_vit.YOLOS(**{**SMALL, **kwargs}))


def folder_of(case):
    golden.path(f"dense/yolos/{case}/config.json")
    golden.path(f"dense/yolos/{case}/model.safetensors")
    return golden.path(f"dense/yolos/{case}")


def official(case, **kwargs):
    """The model of a golden case, for images that are scaled already."""
    values = golden.arrays(f"dense/yolos/{case}/io.npz")
    kwargs = {"input_scaling": None, "image_size": values["image"].shape[1:3]} | kwargs
    return keras_vit.from_checkpoint(folder_of(case), **kwargs), values


def close(found, expected, tolerance=2e-5):
    """Within a share of the largest value."""
    largest = np.abs(expected).max()
    np.testing.assert_allclose(array(found), expected, rtol=0, atol=tolerance * largest)


def same(found, expected):
    assert found.keys() == expected.keys() == {"logits", "boxes"}
    for name, value in expected.items():
        np.testing.assert_array_equal(array(found[name]), array(value))


# Parity ------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [{}, {"image_size": (None, None)}])
@pytest.mark.parametrize("case", CASES)
def test_published_names_give_yolos_numbers(case, size):
    model, values = official(case, **size)
    found = model(values["image"])
    close(found["logits"], values["logits"])
    close(found["boxes"], values["pred_boxes"])
    tokens = keras.Model(model.input, model.get_layer("encoder_norm").output)
    count = model.settings["arguments"]["detection_tokens"]
    tokens = array(tokens(values["image"]))  # detection tokens stand in front here
    first, ours, patches = np.split(tokens, [1, 1 + count], axis=1)
    close(np.concatenate([first, patches, ours], 1), values["layernorm"])


def test_what_fills_no_patch_is_not_looked_at():
    model, values = official("no_mid", image_size=(None, None))
    image = values["image"]
    wider = np.pad(image, [(0, 0), (0, 5), (0, 7), (0, 0)], constant_values=0.5)
    close(model(wider)["boxes"], array(model(image)["boxes"]))


@pytest.mark.parametrize("name", FAMILIES["yolos"])
def test_closed_forms_count_the_published_parameters(name):
    row = FAMILIES["yolos"][name]
    assert counts.yolos_params(row) == row.params
    millions = {"YOLOS_Ti": 6.5, "YOLOS_S": 30.7, "YOLOS_B": 127}[name]
    assert row.params / 1e6 == pytest.approx(millions, rel=0.01)  # table 6 of the paper


def test_a_built_model_has_the_parameters_and_the_cost_of_its_row():
    model = keras_vit.YOLOS_Ti()
    row = FAMILIES["yolos"]["YOLOS_Ti"]
    assert model.count_params() == row.params
    assert model.input.shape[1:] == (800, 1328, 3)
    facts = keras_vit.summary(model, (1,))
    assert sum(facts.flops.values()) == counts.yolos_flops(row)
    assert "other" not in facts.parameters
    # Of the whole YOLOS-Ti and S, at the sizes at which they are trained.
    for name, size, billions in (("Ti", (512, 672), 35), ("S", (800, 1056), 360)):
        row = FAMILIES["yolos"][f"YOLOS_{name}"]
        flops = counts.yolos_flops(row, image_size=size)
        assert flops / 1e9 == pytest.approx(billions, rel=0.01)


# The one door ------------------------------------------------------------------------


def test_a_missing_and_an_unknown_array_are_named():
    arrays = golden.read_safetensors(folder_of("mid_other_size") / "model.safetensors")
    table = arrays.pop("vit.encoder.mid_position_embeddings")
    sizes = {"num_heads": 3, "image_size": (32, 32)}
    with pytest.raises(ValueError, match=r"mid_positions=False, the model is .*=True"):
        keras_vit.YOLOS(
            **{**SMALL, **sizes, "patch_size": 8, "hidden_dim": 48, "mlp_dim": 96},
            weights=arrays,
            mid_positions=True,
        )
    for more in ("vit.more", "bbox_predictor.layers.3.bias"):
        wrong = arrays | {"vit.encoder.mid_position_embeddings": table, more: table}
        with pytest.raises(ValueError, match=more):
            keras_vit.from_checkpoint(wrong, **sizes)
    arrays["vit.encoder.mid_position_embeddings"] = table[:1]
    with pytest.raises(ValueError, match="position_embedding_02/embeddings"):
        keras_vit.from_checkpoint(arrays, **sizes)


def test_images_are_scaled_as_imagenets_and_cut_to_whole_patches(tmp_path):
    folder = tmp_path / "yolos"
    folder.mkdir()
    arrays = golden.read_safetensors(folder_of("no_mid") / "model.safetensors")
    golden.write_safetensors(folder / "model.safetensors", arrays)
    config = golden.config("dense/yolos/no_mid/config.json")
    names = {str(i): name for i, name in enumerate(("N/A", "person", "dog"))}
    config |= {"image_size": [32, 53], "id2label": names}
    (folder / "config.json").write_text(json.dumps(config))
    processor = {"feature_extractor_type": "YolosFeatureExtractor", "size": 512}
    processor |= {"max_size": 1333, "image_mean": [0.485, 0.456, 0.406]}
    processor |= {"image_std": [0.229, 0.224, 0.225]}
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    model = keras_vit.from_checkpoint(str(folder))
    assert model.input.shape[1:] == (32, 48, 3)  # 53 pixels are six patches of 8
    mean, deviation = model.settings["arguments"]["input_scaling"]
    assert mean == [0.485, 0.456, 0.406] and deviation == [0.229, 0.224, 0.225]
    assert model.metadata["class_names"] == list(names.values())
    steps = model.metadata["preprocessing"]["steps"]
    assert steps[0] | {"height": 32, "width": 48} == steps[0]
    of_any_size = keras_vit.from_checkpoint(str(folder), image_size=(None, None))
    assert "preprocessing" not in of_any_size.metadata


def test_a_file_of_the_projects_own_names_is_refused_with_a_remedy():
    with pytest.raises(ValueError, match="hustvl/yolos-tiny"):
        keras_vit.from_checkpoint(
            {
                "backbone.det_token": np.zeros((1, 5, 16), "float32"),
                "backbone.mid_pos_embed": np.zeros((2, 1, 12, 16), "float32"),
            }
        )


def test_a_configuration_of_another_model_is_refused(tmp_path):
    arrays = golden.read_safetensors(folder_of("no_mid") / "model.safetensors")
    golden.write_safetensors(tmp_path / "model.safetensors", arrays)
    config = golden.config("dense/yolos/no_mid/config.json") | {"model_type": "vit"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="model_type"):
        keras_vit.from_checkpoint(str(tmp_path))


def test_a_detector_for_other_classes_keeps_its_boxes():
    model, values = official("no_mid")
    new = keras_vit.with_num_classes(model, 7)
    found = new(values["image"])
    assert found["logits"].shape[-1] == 8 and not array(found["logits"]).any()
    np.testing.assert_array_equal(
        array(found["boxes"]), array(model(values["image"])["boxes"])
    )


def test_every_table_of_positions_follows_to_another_size():
    model, values = official("mid_other_size", image_size=(None, None))
    image = values["image"]
    other = keras_vit.with_image_size(model, image.shape[1:3])
    close(other(image)["logits"], array(model(image)["logits"]), 1e-5)


def test_a_model_made_by_name_says_what_it_is():
    assert keras_vit.models.canonical_name("yolos-ti") == "YOLOS_Ti"
    assert keras_vit.models.canonical_name("hustvl/yolos-small") == "YOLOS_S"
    lines = str(keras_vit.list_models("yolos")).splitlines()
    assert lines[1].split() == ["YOLOS_Ti", "yolos", "6,488,736", "212.9", "800x1328"]


# Promises ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", rest_slow([EVERY_SIZE, {}, NO_MID], 1))
def test_config_file_and_clone_compute_the_same(kind, tmp_path):
    model, x = small(**kind), inputs((2, 8, 12, 3))
    expected = model(x)
    config = json.loads(json.dumps(model.get_config()))
    again = VisionModel.from_config(config)
    assert [w.path for w in again.weights] == [w.path for w in model.weights]
    assert again.settings == json.loads(json.dumps(model.settings))
    built = keras_vit.YOLOS(**again.settings["arguments"])
    for copy in (again, built, keras.models.clone_model(model)):
        copy.set_weights(model.get_weights())
        same(copy(x), expected)
    model.metadata["class_names"] = ["a", "b", "c"]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.metadata == model.metadata and loaded.settings == again.settings
    same(loaded(x), expected)
    read = keras_vit.from_checkpoint(tmp_path / "model.keras")
    same(read(x), expected)
    model.save_weights(tmp_path / "model.weights.h5")
    built.load_weights(tmp_path / "model.weights.h5")
    same(built(x), expected)


@pytest.mark.parametrize("dtype", rest_slow(["mixed_bfloat16", "mixed_float16"], 1))
def test_half_precision_is_close_and_answers_in_float32(dtype):
    model, x = small(), inputs((2, 8, 12, 3))
    half = keras_vit.YOLOS(**SMALL, dtype=dtype)
    half.set_weights(model.get_weights())
    for name, value in half(x).items():
        assert keras.backend.standardize_dtype(value.dtype) == "float32"
        close(value, array(model(x)[name]), 0.08)


def test_images_of_every_size_and_batch_have_boxes():
    model = small(**EVERY_SIZE, num_channels=1)
    assert model.output["boxes"].shape == (None, 5, 4)
    for shape in ((1, 8, 12, 1), (3, 9, 31, 1)):
        x = inputs(shape)
        boxes = array(model(x)["boxes"])
        assert boxes.shape == (len(x), 5, 4) and (0 < boxes).all() and (boxes < 1).all()
        alone = model(x[:1])["boxes"]
        np.testing.assert_allclose(array(alone), boxes[:1], atol=1e-5)


def test_feature_maps_leave_the_detection_tokens_out():
    model = small()
    maps = keras_vit.feature_maps(model, depths=[1, -1])
    assert [x.shape for x in maps.outputs] == [(None, 2, 3, 16)] * 2
    tokens = keras.Model(model.input, model.get_layer("block_02").output)
    x = inputs((1, 8, 12, 3))
    np.testing.assert_array_equal(
        array(maps(x)[1]).reshape(1, 6, 16), array(tokens(x))[:, 6:]
    )


WRONG = {
    "multiple": {"image_size": (8, 13)},
    "num_classes": {"num_classes": 0},
    "detection_tokens": {"detection_tokens": 0},
    "`position_grid=": {"image_size": (None, None)},
    "only for models of every": {"position_grid": (2, 3)},
    "position_kernel": {"position_kernel": "cubic"},
}


def test_what_cannot_be_is_refused_before_building():
    for words, arguments in WRONG.items():
        with pytest.raises(ValueError, match=words):
            keras_vit.YOLOS(**{**SMALL, **arguments})
