import dataclasses

import keras
import pytest

from keras_vit.training import Recipe
from keras_vit.training.model_arguments import model_arguments
from keras_vit.training.run.build import build_model, check_model, resolve_jit


def arguments(native_size=(28, 28), num_channels=1, **fields):
    return model_arguments(
        Recipe(**fields), native_size=native_size, num_channels=num_channels
    )


@pytest.mark.parametrize(
    "native_size, image_size, patch_size",
    [
        ((28, 28), (28, 28), 7),  # Fashion-MNIST: 4x4 patches
        ((32, 32), (32, 32), 8),  # CIFAR
        ((48, 64), (48, 64), 8),
        ((500, 375), 64, 8),  # larger images are resized
        (None, 64, 8),  # and so are those of many sizes
    ],
)
def test_a_small_model_takes_the_data_as_it_is(native_size, image_size, patch_size):
    found = arguments(native_size)
    assert (found["image_size"], found["patch_size"]) == (image_size, patch_size)
    assert found["num_channels"] == 1
    assert found["hidden_dim"] == 96


@pytest.mark.parametrize(
    "native_size, image_size, patch_size",
    [
        ((53, 61), (56, 64), 8),  # whose only common divisor is 1
        ((31, 31), (32, 32), 8),
        ((36, 35), (35, 35), 7),
        ((62, 62), (64, 64), 8),  # else patches of 2 or 31
        ((60, 60), (64, 64), 8),  # else ten patches of 6 per side
        ((1, 3), (7, 7), 7),
    ],
)
def test_images_that_no_fitting_patch_divides_are_resized(
    native_size, image_size, patch_size, caplog
):
    caplog.set_level("INFO")
    found = arguments(native_size)
    assert (found["image_size"], found["patch_size"]) == (image_size, patch_size)
    assert "are resized to" in caplog.text
    # Nothing is changed of what was asked for.
    assert arguments(image_size=native_size)["image_size"] == native_size
    assert arguments(native_size, patch_size=3)["image_size"] == native_size


def test_a_small_model_never_has_many_patches():
    for height in range(1, 65):
        for width in range(1, 65, 3):
            found = arguments((height, width))
            patch = found["patch_size"]
            for old, new in zip((height, width), found["image_size"]):
                assert new % patch == 0 and new // patch <= 8
                assert abs(new - old) <= max(4, 8 - old)


def test_large_images_get_large_patches():
    assert arguments(image_size=224)["patch_size"] == 28
    assert arguments(image_size=(96, 192))["patch_size"] == 16


def test_what_is_given_wins():
    found = arguments(image_size=32, patch_size=4, hidden_dim=48, num_channels=3)
    assert (found["image_size"], found["patch_size"]) == (32, 4)
    assert (found["hidden_dim"], found["mlp_dim"]) == (48, 192)
    # One channel may be asked of coloured images, and the other way round.
    assert arguments(num_channels=3)["num_channels"] == 3


def test_a_published_model_keeps_its_own_sizes():
    found = arguments(None, 3, model="ViT_B16", image_size=64)
    assert found == {"image_size": 64, "num_channels": 3, "dtype": "float32"}


def test_an_option_that_a_family_does_not_have_is_refused():
    recipe = Recipe(model="BiT_R50x1", drop_path_rate=0.1)
    given = model_arguments(recipe, native_size=(32, 32), num_channels=3)
    with pytest.raises(ValueError, match=r"BiT_R50x1 does not take .*drop_path_rate"):
        build_model(recipe, 3, given)


def test_an_unknown_model_names_the_closest_one():
    with pytest.raises(ValueError, match="'ViT_B16'"):
        check_model(Recipe(model="ViT_B61"))
    for name in ("BiT_R50x1", "VGG16"):
        with pytest.raises(ValueError, match=f"{name} has none"):
            check_model(Recipe(model=name, masked_target="pixels"))


def test_the_seed_decides_the_weights():
    recipe = Recipe(hidden_dim=8, mlp_dim=8, num_heads=2, num_layers=1)
    given = model_arguments(recipe, native_size=(8, 8), num_channels=1)
    models = [
        build_model(dataclasses.replace(recipe, seed=seed), 2, given)
        for seed in (5, 5, 6)
    ]
    first, same, other = (
        keras.ops.convert_to_numpy(model.get_layer("block_00").weights[2])
        for model in models
    )
    assert (first == same).all() and not (first == other).all()


@pytest.mark.parametrize("choice, expected", [("yes", True), ("no", False)])
def test_xla_is_what_was_asked(choice, expected):
    assert resolve_jit(Recipe(jit_compile=choice), None) is expected


@pytest.mark.parametrize("size, expected", [(1000, True), (10**8, "auto")])
def test_xla_is_for_small_models_unless_keras_wants_it(size, expected):
    class Sized:
        def count_params(self):
            return size

    if keras.backend.backend() != "tensorflow":
        expected = "auto"
    assert resolve_jit(Recipe(), Sized()) == expected
