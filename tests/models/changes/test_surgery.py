"""New models from old ones, and models of every size."""

import golden
import keras
import numpy as np
import pytest

import keras_vit
from keras_vit.checkpoints.positions import resize_position_embeddings

SIZES = dict(patch_size=4, num_layers=1, hidden_dim=16, mlp_dim=32, num_heads=2)


def randomised(model):
    generator = np.random.default_rng(0)
    for variable in model.variables:
        variable.assign(generator.normal(size=variable.shape) * 0.3)
    return model


def images(*size):
    return np.random.default_rng(1).normal(size=(2, *size, 3)).astype("float32")


FAMILIES = {
    "vit": lambda: keras_vit.ViT(3, **SIZES, image_size=16),
    "registers": lambda: keras_vit.ViT(
        3, **SIZES, image_size=(16, 24), register_tokens=2, embed_prefix=False
    ),
    "sincos2d": lambda: keras_vit.ViT(
        3, **SIZES, image_size=16, position_embedding="sincos2d", pooling="map"
    ),
    "hybrid": lambda: keras_vit.HybridViT(
        3,
        num_blocks=(1,),
        width_factor=0.5,
        image_size=32,
        **{**SIZES, "patch_size": 2},
    ),
    "bit": lambda: keras_vit.BiT(3, num_blocks=(1,), width_factor=0.5, image_size=32),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_another_image_size_keeps_every_weight_but_positions(family):
    old = randomised(FAMILIES[family]())
    old.metadata["class_names"] = ["a", "b", "c"]
    before = [np.array(v) for v in old.variables]
    new = keras_vit.with_image_size(old, (40, 24))
    assert new.input_shape == (None, 40, 24, 3) and new.metadata == old.metadata
    assert new(images(40, 24)).shape == (2, 3)
    changed = [
        n.path
        for n, o in zip(new.variables, old.variables)
        if n.shape != o.shape or not np.array_equal(n, o)
    ]
    positions = "patch_encoder/position_embedding/embeddings"
    learned = positions in [v.path for v in old.variables]
    assert changed == ([positions] if learned else [])
    for variable in new.variables:
        variable.assign(variable * 0)
    for variable, value in zip(old.variables, before):
        np.testing.assert_array_equal(variable, value)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_size_gives_the_same_model(family):
    old = randomised(FAMILIES[family]())
    size = old.input_shape[1:3]
    new = keras_vit.with_image_size(old, size)
    x = images(*size)
    np.testing.assert_array_equal(new(x), old(x))


@pytest.mark.parametrize("family", FAMILIES)
def test_another_head_starts_from_zero(family, tmp_path):
    old = randomised(FAMILIES[family]())
    new = keras_vit.with_num_classes(old, 5)
    assert not np.any(np.array(new(images(*old.input_shape[1:3]))))
    rest = [v.path for v in new.variables if not v.path.startswith("head")]
    values = {v.path: np.array(v) for v in old.variables}
    for variable in new.variables:
        if variable.path in rest:
            np.testing.assert_array_equal(variable, values[variable.path])
    randomised(new).save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    x = images(*old.input_shape[1:3])
    np.testing.assert_array_equal(again(x), new(x))
    features = keras_vit.with_num_classes(old, 0)
    assert "head/kernel" not in [v.path for v in features.variables]


def test_the_same_class_count_also_gets_a_new_head():
    old = randomised(FAMILIES["vit"]())
    old.metadata["class_names"] = ["a", "b", "c"]
    new = keras_vit.with_num_classes(old, 3)
    assert not np.any(np.array(new.get_layer("head").kernel))
    assert "class_names" not in new.metadata and "class_names" in old.metadata


def test_nothing_is_said_of_a_file_where_none_is(caplog):
    fresh = FAMILIES["vit"]()  # whose head is zero, as every new one
    with caplog.at_level("DEBUG", "keras_vit"):
        keras_vit.with_image_size(fresh, 64)
        keras_vit.with_num_classes(randomised(fresh), 5)
        keras_vit.from_checkpoint(fresh, num_classes=5)
    assert "it starts from zero" in caplog.text
    assert "the file" not in caplog.text and "withheld" not in caplog.text


def test_the_kernel_can_be_chosen():
    old = randomised(FAMILIES["vit"]())
    tables = {
        kernel: np.array(
            keras_vit.with_image_size(old, 24, kernel=kernel)
            .get_layer("patch_encoder")
            .positions.embeddings
        )
        for kernel in ("official", "bilinear", "bicubic", "bicubic_antialias")
    }
    table = np.array(old.get_layer("patch_encoder").positions.embeddings)
    for kernel, found in tables.items():
        expected = keras_vit.resize_position_embeddings(
            table, (6, 6), prefix_tokens=1, kernel=kernel
        )
        np.testing.assert_array_equal(found, expected)


def test_a_part_of_a_model_is_refused():
    model = FAMILIES["vit"]()
    part = keras.Model(model.input, model.get_layer("block_00").output)
    with pytest.raises(ValueError, match="made by a constructor"):
        keras_vit.with_image_size(part, 32)


@pytest.mark.parametrize("positions", ["learned", "learned_2d", "sincos2d", "none"])
@pytest.mark.parametrize("pooling", ["token", "gap"])
def test_a_model_of_every_size_equals_those_of_one_size(positions, pooling):
    options = dict(SIZES, position_embedding=positions, pooling=pooling)
    fixed = randomised(keras_vit.ViT(3, **options, image_size=16))
    grid = (4, 4) if positions.startswith("learned") else None
    model = keras_vit.ViT(
        3, **options, image_size=(None, None), position_grid=grid, weights=fixed
    )
    x = images(16, 16)
    np.testing.assert_allclose(model(x), fixed(x), atol=1e-5)
    if positions != "learned_2d":
        oblong = keras_vit.with_image_size(fixed, (24, 12))
        x = images(24, 12)
        np.testing.assert_allclose(model(x), oblong(x), atol=1e-5)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tf.function")
@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.slow
def test_a_model_of_every_size_runs_compiled(jit_compile):
    import tensorflow as tf

    fixed = randomised(FAMILIES["vit"]())
    model = keras_vit.with_image_size(fixed, (None, None))
    signature = tf.TensorSpec((None, None, None, 3), "float32")

    @tf.function(jit_compile=jit_compile, input_signature=[signature])
    def compiled(x):
        return model(x)

    for size in ((16, 16), (32, 8), (20, 28)):
        x = images(*size)
        np.testing.assert_allclose(compiled(x), model(x), atol=1e-5)


def test_a_model_of_every_size_saves_trains_and_is_cut(tmp_path):
    model = keras_vit.with_image_size(randomised(FAMILIES["vit"]()), (None, None))
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = np.array(model.get_layer("patch_encoder").positions.embeddings)
    for size in ((16, 16), (24, 8)):
        model.train_on_batch(images(*size), np.array([0, 2]))
    after = np.array(model.get_layer("patch_encoder").positions.embeddings)
    assert not np.array_equal(before, after)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    x = images(12, 20)
    np.testing.assert_allclose(again(x), model(x), atol=1e-6)
    back = keras_vit.with_image_size(again, 16)
    np.testing.assert_allclose(back(images(16, 16)), model(images(16, 16)), atol=1e-5)


def test_a_file_makes_a_model_of_every_size():
    model = keras_vit.from_checkpoint(
        golden.path("posemb/ft_token.pretrained.npz"), image_size=(None, None)
    )
    io = golden.arrays("posemb/ft_token.io.npz")
    np.testing.assert_allclose(model(io["image_old"]), io["logits_old"], atol=2e-5)
    head = model.get_layer("head")
    new = keras_vit.with_num_classes(model, io["new_head_kernel"].shape[1])
    head = new.get_layer("head")
    head.kernel.assign(io["new_head_kernel"])
    head.bias.assign(io["new_head_bias"])
    np.testing.assert_allclose(new(io["image"]), io["logits"], atol=2e-5)


def test_an_image_that_does_not_divide_is_refused():
    model = keras_vit.ViT(3, **SIZES, image_size=(None, None), position_grid=(4, 4))
    with pytest.raises(Exception, match=r"reshape|divi|multiple"):
        model(images(18, 16))


def test_contradictions_are_refused():
    with pytest.raises(ValueError, match="`position_grid=\\(rows, columns\\)`"):
        keras_vit.ViT(3, **SIZES, image_size=(None, None))
    with pytest.raises(ValueError, match="only for models of every image size"):
        keras_vit.ViT(3, **SIZES, image_size=16, position_grid=(4, 4))
    with pytest.raises(ValueError, match="`position_scope`"):
        keras_vit.ViT(
            3,
            **SIZES,
            image_size=(None, None),
            position_grid=(4, 4),
            position_scope="shared",
        )


@pytest.mark.parametrize("kernel", ["official", "bicubic"])
def test_a_kernel_that_is_given_resizes_what_is_loaded(tmp_path, kernel):
    source = randomised(keras_vit.ViT(3, **SIZES, image_size=16))
    source.save(tmp_path / "model.keras")
    model = keras_vit.ViT(
        3,
        **SIZES,
        image_size=(24, 32),
        weights=tmp_path / "model.keras",
        position_kernel=kernel,
    )
    before, after = (
        keras.ops.convert_to_numpy(m.get_layer("patch_encoder").positions.embeddings)
        for m in (source, model)
    )
    expected = resize_position_embeddings(
        before, (6, 8), old_grid=(4, 4), prefix_tokens=1, kernel=kernel
    )
    np.testing.assert_allclose(after, expected, atol=1e-6)
