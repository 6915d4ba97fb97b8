import pytest

import keras_vit
from keras_vit.models.variants import counts
from keras_vit.models.variants.lineage import LINEAGE
from keras_vit.models.variants.listing import ModelInfo, canonical_name
from keras_vit.models.variants.rows import FAMILIES, VIT_VARIANTS


@pytest.mark.parametrize(
    "name", [name for name, row in VIT_VARIANTS.items() if row.params]
)
def test_closed_form_equals_the_published_count(name):
    row = VIT_VARIANTS[name]
    assert counts.vit_params(row) == row.params


# big_vision's encoders without a head, in millions: what the papers round to.
@pytest.mark.parametrize(
    ("name", "millions"),
    [("ViT_M16", 38), ("ViT_So400m14", 412), ("ViT_g14", 1011), ("ViT_G14", 1843)],
)
def test_larger_models_have_the_size_of_the_paper(name, millions):
    count = counts.vit_params(VIT_VARIANTS[name], num_classes=0)
    count -= VIT_VARIANTS[name].hidden_dim  # as `num_classes=0` counts no bias
    assert count / 1e6 == pytest.approx(millions, abs=0.7)


def test_the_cost_is_twice_the_multiply_adds():
    info = {info.name: info for info in keras_vit.list_models()}
    # Published as 17.6, 4.6 and 1.3 billion multiply-adds (DeiT, table 5; timm).
    assert info["ViT_B16"].gflops == pytest.approx(2 * 17.58, rel=0.01)
    assert info["ViT_S16"].gflops == pytest.approx(2 * 4.61, rel=0.01)
    assert info["ViT_Ti16"].gflops == pytest.approx(2 * 1.26, rel=0.01)
    assert info["ViT_L16"].gflops == pytest.approx(2 * 61.6, rel=0.01)


def test_every_constructor_is_in_the_list_and_the_other_way_round():
    names = [info.name for info in keras_vit.list_models()]
    assert len(names) == len(set(names))
    public = [n for n in dir(keras_vit) if n.startswith(("ViT_", "R", "BiT_"))]
    assert set(public) - {"ResNet"} <= set(names)  # which builds those of any depth
    for name in ("ViT_B16", "ViT_H14"):
        assert name in names


def test_rows_are_complete():
    for info in keras_vit.list_models():
        assert isinstance(info, ModelInfo)
        assert info.name in FAMILIES[info.family]
        assert info.params > 2e4 and info.gflops > 5e-4
        assert info.image_size == 224 or info.family in (*LINEAGE, "yolos")


def test_a_family_can_be_listed():
    rows = keras_vit.list_models("vit")
    assert [info.name for info in rows] == list(VIT_VARIANTS)
    assert len(rows) < len(keras_vit.list_models())


def test_an_unknown_family_is_named():
    with pytest.raises(ValueError, match="Did you mean 'vit'"):
        keras_vit.list_models("vits")


def test_the_list_prints_as_a_table():
    lines = str(keras_vit.list_models()).splitlines()
    assert lines[0].split() == ["name", "family", "params", "gflops", "image_size"]
    row = next(line for line in lines if line.startswith("ViT_B16 "))
    assert row.split() == ["ViT_B16", "vit", "86,567,656", "35.1", "224"]
    assert len(lines) == 1 + len(keras_vit.list_models())
    html = keras_vit.list_models()._repr_html_()
    assert html.count("<tr>") == len(lines)


@pytest.mark.parametrize(
    "name", ["ViT_B16", "vit_b16", "ViT-B/16", "vitb16", "VIT_B_16"]
)
def test_a_name_may_be_spelt_freely(name):
    assert canonical_name(name) == "ViT_B16"


@pytest.mark.parametrize(("name", "meant"), [("ViT_B15", "ViT_B16"), ("vit_t16", "16")])
def test_an_unknown_name_is_answered_with_the_closest(name, meant):
    with pytest.raises(ValueError) as error:
        keras_vit.build(name)
    assert f"Received: {name!r}" in str(error.value)
    assert "Did you mean" in str(error.value) and meant in str(error.value)
    assert "ViT_L32" in str(error.value)


def test_g_and_g_are_two_models():
    assert canonical_name("ViT_g14") == "ViT_g14"
    assert canonical_name("ViT-G/14") == "ViT_G14"
    with pytest.raises(ValueError, match="'ViT_g14' from 'ViT_G14'"):
        canonical_name("VIT_G14".lower().replace("vit", "Vit"))


def test_build_makes_the_model_of_that_name():
    model = keras_vit.build("vit-ti/16", 7, image_size=32, num_layers=1)
    assert model.name == "vit_ti16"
    assert model.output.shape == (None, 7)
    assert model.get_layer("block_00").num_heads == 3
    assert keras_vit.build("ViT_Ti16", num_layers=1).output.shape == (None, 1000)
