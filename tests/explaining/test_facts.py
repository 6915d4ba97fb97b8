"""The facts of a page: how images are prepared, and what the model does to them."""

import cases

import keras_vit
from keras_vit.explaining.rows import model_facts
from keras_vit.explaining.subject import open_subject

SIZES = {"patch_size": 4, "num_layers": 1, "hidden_dim": 8, "mlp_dim": 8}


def facts(**arguments):
    model = keras_vit.ViT(3, image_size=8, num_heads=2, **SIZES, **arguments)
    steps = keras_vit.data.preprocessing(8, resize="central_crop")
    model.metadata["preprocessing"] = steps.to_json()
    return dict(model_facts(open_subject(model)))


def test_the_page_names_the_steps_and_the_scaling():
    scaled = facts(input_scaling="imagenet")
    assert scaled["Prepared by"] == "resize_small(9)|central_crop(8,8)|value_range"
    expected = "mean 0.485, 0.456, 0.406; deviation 0.229, 0.224, 0.225"
    assert scaled["Scaled inside to"] == expected
    assert "Scaled inside to" not in facts()


def test_a_network_of_the_lineage_has_its_own_sizes():
    found = dict(model_facts(open_subject(cases.model("efficientnet"))))
    assert found["Kind"].startswith("EfficientNet")
    assert found["Blocks by stage"] == "1, 2, 1, 1, 1, 1, 1"
    assert found["Channels before the stages"] == "8"
    assert found["Cost of one image"].endswith("GFLOPs, forward")
