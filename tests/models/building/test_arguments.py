"""Every mistake is told before anything is built, with the way out."""

import cases
import keras
import numpy as np
import pytest

import keras_vit
from keras_vit.models import BiT, HybridViT, ViT
from keras_vit.models.building import arguments
from keras_vit.models.building.arguments import (
    UNSET,
    resolve_classes,
    resolve_image_size,
)

# Arguments of a small ViT, and the words that the message must hold.
MISTAKES = {
    "indivisible size": (
        {"image_size": 30},
        ["multiple of `patch_size`", "image_size=(30, 30)", "28", "32"],
    ),
    "indivisible height": ({"image_size": (33, 32)}, ["Nearest sizes to 33: 32, 36"]),
    "indivisible width": ({"image_size": (32, 35)}, ["Nearest sizes to 35: 32, 36"]),
    "image smaller than a patch": ({"image_size": 3}, ["Nearest sizes to 3: 4."]),
    "stride does not cover": (
        {"image_size": 32, "stride": 3},
        ["plus a multiple of `stride`", "Nearest sizes to 32: 31, 34"],
    ),
    "stride larger than patch": (
        {"stride": 5},
        ["`stride` must be at most `patch_size`", "stride=5", "patch_size=4"],
    ),
    "stride of zero": ({"stride": 0}, ["`stride`", "stride=0"]),
    "patch of zero": ({"patch_size": 0}, ["`patch_size`", "patch_size=0"]),
    "patch of a float": ({"patch_size": 4.0}, ["`patch_size`", "patch_size=4.0"]),
    "size of three numbers": ({"image_size": (8, 8, 3)}, ["pair (height, width)"]),
    "size of True": ({"image_size": True}, ["image_size=True"]),
    "pooling misspelt": (
        {"pooling": "tokne"},
        ["'token'", "'gap'", "'map'", "None", "pooling='tokne'", "mean 'token'"],
    ),
    "pooling of elsewhere": ({"pooling": "max"}, ["Did you mean 'map'"]),
    "pooling of timm": ({"pooling": "avg"}, ["Did you mean 'gap'"]),
    "pooling of Hugging Face": ({"pooling": "cls"}, ["Did you mean 'token'"]),
    "pooling in plain words": ({"pooling": "mean"}, ["Did you mean 'gap'"]),
    "pooling far from all": ({"pooling": "zzz"}, ["pooling='zzz'", "'gap'"]),
    "position embedding": (
        {"position_embedding": "sincos"},
        ["'learned'", "'learned_2d'", "'none'", "Did you mean 'sincos2d'"],
    ),
    "position scope": (
        {"position_scope": "every"},
        ["'input'", "'shared'", "Did you mean 'every_layer'"],
    ),
    "gelu": ({"gelu": "exact"}, ["`gelu`", "'tanh'", "'erf'", "gelu='exact'"]),
    "swiglu of a name": ({"swiglu": "silu"}, ["True or False", "swiglu='silu'"]),
    "bias of a number": ({"qkv_bias": 0}, ["True or False", "qkv_bias=0"]),
    "no bias by None": ({"patch_bias": None}, ["True or False", "patch_bias=None"]),
    "pre_norm of a number": ({"pre_norm": 1e-5}, ["True or False", "pre_norm=1e-05"]),
    "prefix without a class token": (
        {"pooling": "prefix", "class_token": False, "register_tokens": 2},
        ["pooling='prefix'", "class token", "class_token=False"],
    ),
    "class token and mean without a class token": (
        {"pooling": "token+gap", "class_token": False},
        ["pooling='token+gap'", "class_token=False"],
    ),
    "a norm of two widths": (
        {"pooling": "token+gap", "pooled_norm": True},
        ["`pooled_norm=True`", "pooling='token+gap'"],
    ),
    "heads": (
        {"num_heads": 3},
        ["multiple of `num_heads`", "hidden_dim=16", "num_heads=3"],
    ),
    "no heads": ({"num_heads": 0}, ["`num_heads`", "num_heads=0"]),
    "no layers": ({"num_layers": 0}, ["`num_layers`", "num_layers=0"]),
    "fractional mlp": ({"mlp_dim": 24.5}, ["`mlp_dim`", "mlp_dim=24.5"]),
    "negative width": ({"hidden_dim": -16}, ["`hidden_dim`", "hidden_dim=-16"]),
    "width for sincos2d": (
        {"hidden_dim": 18, "position_embedding": "sincos2d"},
        ["multiple of 4", "hidden_dim=18"],
    ),
    "width for learned_2d": (
        {"hidden_dim": 15, "num_heads": 3, "position_embedding": "learned_2d"},
        ["even", "hidden_dim=15"],
    ),
    "dropout of one": ({"dropout_rate": 1.0}, ["[0, 1)", "dropout_rate=1.0"]),
    "negative rate": (
        {"attention_dropout_rate": -0.1},
        ["[0, 1)", "attention_dropout_rate=-0.1"],
    ),
    "rate in percent": ({"drop_path_rate": 10}, ["[0, 1)", "drop_path_rate=10"]),
    "rate as text": ({"dropout_rate": "0.1"}, ["[0, 1)", "dropout_rate='0.1'"]),
    "registers": ({"register_tokens": -1}, ["register_tokens=-1"]),
    "representation": ({"representation_size": 0}, ["representation_size=0"]),
    "token without a class token": (
        {"pooling": "token", "class_token": False},
        ["class token", "class_token=False", "gap"],
    ),
    "classes": ({"num_classes": -1}, ["`num_classes`", "num_classes=-1"]),
    "classes as a float": ({"num_classes": 10.0}, ["`num_classes`", "10.0"]),
    "classes as a truth": ({"num_classes": True}, ["`num_classes`", "True"]),
    "aliases of classes": (
        {"num_classes": 5, "classes": 6},
        ["alias", "num_classes=5", "classes=6"],
    ),
    "features and a head": (
        {"num_classes": 5, "include_top": False},
        ["`include_top=False`", "num_classes=5"],
    ),
    "a head of no classes": (
        {"num_classes": 0, "include_top": True},
        ["`include_top=True`", "num_classes=0"],
    ),
    "aliases of size": (
        {"image_size": 32, "input_shape": (8, 8, 3)},
        ["`image_size` and `input_shape`", "image_size=32", "(8, 8, 3)"],
    ),
    "aliases of channels": (
        {"image_size": None, "num_channels": 1, "input_shape": (8, 8, 3)},
        ["`num_channels` and `input_shape`", "num_channels=1"],
    ),
    "channels first": (
        {"image_size": None, "input_shape": (3, 8, 16)},
        ["channels-last", "input_shape=(8, 16, 3)"],
    ),
    "shape with a batch": (
        {"image_size": None, "input_shape": (None, 8, 8, 3)},
        ["without the batch"],
    ),
    "no channels": ({"num_channels": 0}, ["num_channels=0"]),
    "activation": ({"classifier_activation": "sofmax"}, ["sofmax"]),
    "dtype": ({"dtype": "mixed_float8"}, ["mixed_float8"]),
    "weights": ({"weights": "nowhere.keras"}, ["weights", "nowhere.keras"]),
}


@pytest.fixture
def nothing_is_built(monkeypatch):
    """Fails where a layer or a weight is made."""

    def fail(*args, **kwargs):
        raise AssertionError("something was built before the arguments were checked")

    monkeypatch.setattr(keras.layers.Layer, "__init__", fail)
    monkeypatch.setattr(keras, "Input", fail)


@pytest.mark.parametrize("mistake", [m for m in MISTAKES if m != "weights"])
def test_a_mistake_is_told_before_anything_is_built(mistake, nothing_is_built):
    wrong, words = MISTAKES[mistake]
    with pytest.raises(ValueError) as error:
        ViT(**{**cases.SMALL, **wrong})
    for word in words:
        assert word in str(error.value)


def test_channels_first_is_told_before_anything_is_built(nothing_is_built):
    keras.config.set_image_data_format("channels_first")
    for build in (cases.MODELS[n].make for n in ("token", "hybrid", "bit")):
        with pytest.raises(ValueError, match="channels_last"):
            build()


@pytest.mark.parametrize("builder", [BiT, HybridViT], ids=["bit", "hybrid"])
def test_other_families_check_alike(builder, nothing_is_built):
    name = {BiT: "bit", HybridViT: "hybrid"}[builder]
    for wrong in ("aliases of classes", "features and a head", "channels first"):
        with pytest.raises(ValueError) as error:
            cases.MODELS[name].make(**MISTAKES[wrong][0])
        assert any(word in str(error.value) for word in MISTAKES[wrong][1])


def test_a_published_model_tells_the_same(nothing_is_built):
    with pytest.raises(ValueError, match="Nearest sizes to 225: 224, 240"):
        keras_vit.ViT_B16(image_size=225)
    with pytest.raises(ValueError, match="Nearest sizes to 100: 98, 112"):
        keras_vit.ViT_H14(image_size=(224, 100))


def test_an_unknown_argument_is_a_type_error(nothing_is_built):
    with pytest.raises(TypeError, match="patchsize"):
        keras_vit.ViT_B16(patchsize=16)
    with pytest.raises(TypeError):
        keras_vit.ViT_B16(10, 224)


# The aliases ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("num_classes", "classes", "include_top", "expected"),
    [
        (UNSET, None, None, 1000),
        (UNSET, None, True, 1000),
        (UNSET, None, False, 0),
        (UNSET, 7, None, 7),
        (UNSET, 7, True, 7),
        (UNSET, 0, None, 0),
        (7, None, None, 7),
        (7, 7, True, 7),
        (np.int64(7), None, None, 7),
        (0, None, None, 0),
        (None, None, None, 0),
        (None, None, False, 0),
        (0, None, False, 0),
    ],
)
def test_aliases_of_the_number_of_classes(num_classes, classes, include_top, expected):
    resolved = resolve_classes(num_classes, classes, include_top)
    assert resolved == expected and type(resolved) is int


@pytest.mark.parametrize(
    ("num_classes", "classes", "include_top"),
    [
        (7, 8, None),
        (0, 8, None),
        (None, 8, None),
        (7, 0, None),
        (7, None, False),
        (7, 7, False),
        (UNSET, 7, False),
        (UNSET, 0, True),
        (None, None, True),
    ],
)
def test_contradicting_aliases_are_errors(num_classes, classes, include_top):
    with pytest.raises(ValueError, match="Received: "):
        resolve_classes(num_classes, classes, include_top)


@pytest.mark.parametrize(
    ("image_size", "input_shape", "num_channels", "expected"),
    [
        (None, None, None, ((224, 224), 3)),
        (32, None, None, ((32, 32), 3)),
        ((32, 48), None, 1, ((32, 48), 1)),
        ([32, 48], None, 1, ((32, 48), 1)),
        (np.int64(32), None, None, ((32, 32), 3)),
        (None, (32, 48, 3), None, ((32, 48), 3)),
        (None, [32, 48, 1], None, ((32, 48), 1)),
        ((32, 48), (32, 48, 4), 4, ((32, 48), 4)),
        (None, (3, 3, 3), None, ((3, 3), 3)),
    ],
)
def test_aliases_of_the_image_size(image_size, input_shape, num_channels, expected):
    resolved = resolve_image_size(image_size, input_shape, num_channels, 224)
    assert resolved == expected
    assert all(type(v) is int for v in (*resolved[0], resolved[1]))


def test_arguments_of_numpy_make_a_model_that_saves(tmp_path):
    sizes = {k: np.int64(v) for k, v in cases.SMALL.items() if k != "image_size"}
    model = ViT(**sizes, image_size=np.int64(8), dropout_rate=np.float32(0.5))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.settings["arguments"]["num_heads"] == 2


def test_a_callable_activation_is_kept_as_json_can_hold_it():
    assert arguments.activation_name(None) is None
    assert arguments.activation_name("softmax") == "softmax"
    assert arguments.activation_name(keras.activations.softmax) == "softmax"


@pytest.mark.parametrize("dtype", [None, "mixed_bfloat16", "float64"])
def test_dtype_is_kept_by_name(dtype):
    expected = "float32" if dtype is None else dtype
    assert arguments.policy_config(dtype) == expected
    policy = keras.DTypePolicy(expected)
    assert arguments.policy_config(policy) == expected


def test_the_global_policy_is_the_default():
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = cases.MODELS["token"].make()
    assert model.get_layer("block_00").compute_dtype == "bfloat16"
    assert model.get_layer("head").compute_dtype == "float32"
    keras.config.set_dtype_policy("float32")
    again = ViT(**model.settings["arguments"])
    assert again.get_layer("block_00").compute_dtype == "bfloat16"
