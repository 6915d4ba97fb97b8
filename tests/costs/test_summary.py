"""What a model is made of: against the papers, and against TensorFlow's graph."""

import json
import math

import cases
import keras
import pytest

import keras_vit
from keras_vit.cli import main
from keras_vit.costs.flops import flops_by_part
from keras_vit.costs.summary import parameters_by_part

TINY = {"num_layers": 2, "hidden_dim": 8, "mlp_dim": 16, "num_heads": 2}
VIT = {**TINY, "image_size": (8, 12), "patch_size": 4}
MODELS = {
    "token": lambda: keras_vit.ViT(3, **VIT),
    "features, gap, one channel": lambda: keras_vit.ViT(
        0, **VIT, pooling="gap", num_channels=1
    ),
    "map": lambda: keras_vit.ViT(3, **VIT, pooling="map", register_tokens=2),
    "tanh layer": lambda: keras_vit.ViT(3, **VIT, representation_size=5),
    "every token": lambda: keras_vit.ViT(3, **VIT, pooling=None),
    "bit": lambda: keras_vit.BiT(3, num_blocks=(1, 2), image_size=(40, 24)),
    "hybrid": lambda: keras_vit.HybridViT(
        3, num_blocks=(1, 1), **TINY, patch_size=1, image_size=32
    ),
    "efficientnet": lambda: cases.MODELS["efficientnet"].make(),
    "masked": lambda: keras_vit.MaskedPatchPrediction(keras_vit.ViT(0, **VIT)),
    "vgg": lambda: cases.MODELS["vgg"].make(),
    "resnet": lambda: cases.MODELS["resnet"].make(),
}


@pytest.mark.parametrize(
    ("name", "epochs", "exaflops"),
    [
        ("ViT_B32", 7, 55),
        ("ViT_B16", 7, 224),
        ("ViT_L32", 7, 196),
        ("ViT_L16", 7, 783),
        ("ViT_L16", 14, 1567),
        ("ViT_H14", 14, 4262),
        ("BiT_R50x1", 7, 50),
        ("BiT_R152x2", 7, 563),
        ("R50_ViT_B16", 7, 274),
    ],
)
def test_the_counts_are_those_of_the_paper(name, epochs, exaflops):
    # Table 6: pre-training on the 303 million images of JFT, forward and backward.
    gflops = {row.name: row.gflops for row in keras_vit.list_models()}[name]
    assert 3 * gflops * 1e9 * 303e6 * epochs / 1e18 == pytest.approx(exaflops, rel=0.05)


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="counts TensorFlow's operations"
)
@pytest.mark.parametrize("name", cases.rest_slow(MODELS, len(MODELS) - 2))
def test_the_counts_are_those_of_the_graph(name):
    model = MODELS[name]()
    parts = flops_by_part(model)
    assert sum(parts.values()) == graph_flops(model)
    assert sum(parameters_by_part(model).values()) == model.count_params()
    assert "other" not in parameters_by_part(model)
    facts = keras_vit.summary(model, (2,))
    assert facts.num_parameters == model.count_params()
    assert facts.gflops == sum(parts.values()) / 1e9
    assert facts.weight_bytes == 4 * model.count_params()


def graph_flops(model):
    """Of all products and convolutions of the graph, for one image."""
    import tensorflow as tf

    specs = keras.tree.map_structure(
        lambda x: tf.TensorSpec((1, *x.shape[1:]), x.dtype), model.input
    )
    function = tf.function(lambda x: model(x, training=False))
    total = 0
    for op in function.get_concrete_function(specs).graph.get_operations():
        inputs, out = [i.shape for i in op.inputs], [o.shape for o in op.outputs]
        if op.type == "MatMul":
            common = inputs[0][0 if op.get_attr("transpose_a") else 1]
        elif op.type in ("BatchMatMul", "BatchMatMulV2"):
            common = inputs[0][-2 if op.get_attr("adj_x") else -1]
        elif op.type == "Conv2D":
            common = math.prod(inputs[1][:3])
        elif op.type == "DepthwiseConv2dNative":
            common = math.prod(inputs[1][:2])  # of every channel by itself
        elif op.type == "Einsum":
            left = op.get_attr("equation").decode().split("->")[0].split(",")
            sizes = {k: n for t, s in zip(left, inputs) for k, n in zip(t, s)}
            total += 2 * math.prod(sizes.values())
            continue
        else:
            continue
        total += 2 * common * math.prod(out[0])
    return total


def test_the_parts_of_a_block_are_told_apart():
    model = MODELS["token"]()
    found = parameters_by_part(model)
    d, m = 8, 16
    assert found["attention"] == 2 * (4 * (d * d + d) + 2 * d)
    assert found["mlp"] == 2 * (2 * d * m + m + d + 2 * d)
    assert found["patch_embedding"] == 48 * d + d + d + 7 * d
    assert found["norm"] == 2 * d and found["head"] == 3 * d + 3


@pytest.mark.slow
def test_memory_grows_with_the_batch_and_speed_is_measured_on_request(monkeypatch):
    monkeypatch.setattr("keras_vit.costs.time.SECONDS", 0.0)
    facts = keras_vit.summary(MODELS["masked"](), (1, 4, 4), measure=True)
    one, four = facts.training[1], facts.training[4]
    assert four.activations == 4 * one.activations and one.fixed == four.fixed
    assert set(facts.speed) == {1, 4} and min(facts.speed.values()) > 0
    assert "images/s" in str(facts)
    assert json.loads(json.dumps(facts.to_json()))["num_parameters"] > 0


def test_another_image_size_and_a_model_that_is_not_ours():
    model = MODELS["token"]()
    wide = keras_vit.summary(model, image_size=(8, 24))
    assert wide.image_shape == (8, 24, 3) and model.input_shape[1:3] == (8, 12)
    assert wide.gflops * 1e9 == sum(flops_by_part(model, (8, 24)).values())
    image = keras.Input((4, 4, 3))
    other = keras.Model(image, keras.layers.Dense(2)(keras.layers.Flatten()(image)))
    facts = keras_vit.summary(other)
    assert facts.parameters == {"other": 98} and facts.gflops is None
    assert "other" in str(facts)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ViT_B61",), "ViT_B16"),
        ((3,), "a Keras model, or a name"),
        (("ViT_Ti16", (0,)), "a positive integer"),
        (("ViT_Ti16", (1.5,)), "a positive integer"),
    ],
)
def test_mistakes_are_explained(arguments, message):
    with pytest.raises(ValueError, match=message):
        keras_vit.summary(*arguments)


def test_a_model_of_every_size_needs_one():
    model = keras_vit.ViT(
        3, **{**VIT, "image_size": (None, None)}, position_grid=(2, 3)
    )
    with pytest.raises(ValueError, match="image_size"):
        keras_vit.summary(model)
    assert keras_vit.summary(model, (1,), image_size=16).image_shape == (16, 16, 3)


def test_the_command_prints_all_forms(capsys):
    args = ["models", "vit-ti16", "--image-size", "32", "48", "--num-classes", "5"]
    assert main([*args, "--batch-sizes", "1", "8"]) == 0
    text = capsys.readouterr().out
    assert "32x48x3" in text and "GFLOPs" in text and "attention" in text
    assert main([*args, "--format", "json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["parameters"]["head"] == 5 * 193 and "32" in facts["training"]
    assert main([*args, "--format", "csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "part,parameters,flops" and len(lines) == 6
