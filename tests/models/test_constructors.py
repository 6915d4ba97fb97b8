"""Every row of the tables is a constructor, under both names."""

import inspect
import pickle

import pytest

import keras_vit
from keras_vit.costs import flops
from keras_vit.explaining import rows as explaining_rows
from keras_vit.models import constructors
from keras_vit.models.constructors import BUILDERS
from keras_vit.models.variants import counts
from keras_vit.models.variants.rows import FAMILIES

ROWS = [(family, name) for family, rows in FAMILIES.items() for name in rows]


def test_every_family_is_in_every_table_of_families():
    tables = {
        "models.constructors.BUILDERS": BUILDERS,
        "models.constructors.KINDS": constructors.KINDS,
        "models.constructors.SIZES": constructors.SIZES,
        "models.variants.counts.FORMULAS": counts.FORMULAS,
        "costs.flops.FAMILIES": flops.FAMILIES,
        "explaining.rows.FAMILIES": explaining_rows.FAMILIES,
    }
    for name, table in tables.items():
        assert table.keys() == FAMILIES.keys(), name
    for builder in BUILDERS.values():
        for face in (keras_vit, keras_vit.models):
            assert getattr(face, builder.__name__) is builder


def test_a_row_is_enough_for_a_public_constructor():
    for _, name in ROWS:
        constructor = getattr(keras_vit, name)
        assert constructor is getattr(keras_vit.models, name)
        for face in (keras_vit, keras_vit.models):
            assert name in face.__all__ and name in dir(face)


def test_a_constructor_shows_the_row_and_every_argument():
    for family, name in ROWS:
        shown = inspect.signature(getattr(keras_vit, name)).parameters
        whole = inspect.signature(BUILDERS[family]).parameters
        assert list(shown) == list(whole)
        row = vars(FAMILIES[family][name])
        for argument, parameter in shown.items():
            expected = row.get(argument)
            if expected is None:
                expected = whole[argument].default
            assert parameter.default == expected, (name, argument)


def test_a_constructor_is_named_documented_and_pickled_as_itself():
    for family, name in ROWS:
        constructor = getattr(keras_vit, name)
        assert constructor.__name__ == constructor.__qualname__ == name
        assert pickle.loads(pickle.dumps(constructor)) is constructor
        if constructor is BUILDERS[family]:
            continue
        assert constructor.__module__ == "keras_vit.models"
        assert constructor.__doc__.startswith(f"{name}, a published ")
        row = FAMILIES[family][name]
        if row.params:
            assert f"({row.params:,} parameters)" in constructor.__doc__
    for builder in BUILDERS.values():
        assert pickle.loads(pickle.dumps(builder)) is builder


def test_a_large_model_can_be_made_by_name():
    model = keras_vit.ViT_g14(5, num_layers=1, image_size=28)
    assert model.name == "vit_g14" and model.output.shape == (None, 5)
    assert model.get_layer("block_00").mlp_dim == 6144


@pytest.mark.parametrize("builder", BUILDERS.values())
def test_every_argument_of_a_builder_is_documented_once(builder):
    for name in inspect.signature(builder).parameters:
        assert inspect.getdoc(builder).count(f"\n    {name}: ") == 1, name


def test_an_unknown_argument_and_a_missing_one_are_told_with_the_name():
    with pytest.raises(
        TypeError, match=r"ViT\(\) .*'patchsize'. Did you mean 'patch_size'"
    ):
        keras_vit.ViT(patchsize=4)
    with pytest.raises(TypeError, match=r"BiT\(\) .*num_blocks"):
        keras_vit.BiT()
    with pytest.raises(TypeError) as error:
        keras_vit.ViT(10, patch_size=4, num_heads=2)
    assert "'num_layers', 'hidden_dim', 'mlp_dim'" in str(error.value)
    assert "patch_size" not in str(error.value)
