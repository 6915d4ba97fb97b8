"""Computing a block a second time changes no gradient."""

import keras
import numpy as np
import pytest

import keras_vit
from keras_vit import layers

SIZES = {"image_size": 8, "patch_size": 4, "num_layers": 2, "hidden_dim": 16}
SIZES |= {"mlp_dim": 16, "num_heads": 2}
RANDOM = {"dropout_rate": 0.3, "attention_dropout_rate": 0.3, "drop_path_rate": 0.4}
BIT = {"num_blocks": (1, 1), "width_factor": 0.5, "image_size": 16}
# Whose batch norms move statistics.
EFFICIENTNET = {"num_blocks": (1, 2, 1, 1, 1, 1, 1), "stage_widths": (8,) * 7}
EFFICIENTNET |= {"stem_width": 8, "top_width": 8, "image_size": 16}
IMAGES = np.random.default_rng(0).normal(size=(8, 16, 16, 3)).astype("float32")
LABELS = np.arange(8) % 3


def trained(builder, jit_compile, **options):
    """The weights and seeds after two updates of which each is the bare gradient."""
    keras.utils.set_random_seed(1)
    model = getattr(keras_vit, builder)(3, **options)
    head = model.get_layer("head").kernel
    head.assign(np.random.default_rng(1).normal(size=head.shape))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.01), loss, jit_compile=jit_compile)
    size = options["image_size"]
    images = IMAGES[:, :size, :size]
    model.fit(images, LABELS, batch_size=4, shuffle=False, verbose=0)
    seeds = [v for v in model.variables if "seed" in v.path]
    return model, [keras.ops.convert_to_numpy(v) for v in (*model.weights, *seeds)]


@pytest.mark.parametrize(
    "builder, options, jit_compile",
    [
        ("ViT", {**SIZES, **RANDOM}, False),
        pytest.param("ViT", {**SIZES, **RANDOM}, True, marks=pytest.mark.slow),
        pytest.param(
            "ViT",
            {**SIZES, **RANDOM, "dtype": "mixed_bfloat16"},
            False,
            marks=pytest.mark.slow,
        ),
        ("BiT", BIT, False),
        pytest.param("EfficientNet", EFFICIENTNET, False, marks=pytest.mark.slow),
    ],
    ids=["vit", "vit-xla", "vit-bfloat16", "bit", "efficientnet"],
)
def test_gradients_are_those_without_it(builder, options, jit_compile):
    _, whole = trained(builder, jit_compile, **options)
    model, again = trained(builder, jit_compile, remat=True, **options)
    # bfloat16 rounds sums, whose order the compiler chooses.
    tolerance = 2e-3 if "dtype" in options else 1e-6
    for one, two in zip(whole, again, strict=True):
        np.testing.assert_allclose(one, two, rtol=tolerance, atol=tolerance)
    assert model.settings["arguments"]["remat"] is True


def test_a_loaded_model_goes_on_computing_twice(tmp_path):
    model = keras_vit.ViT(3, remat=True, **SIZES)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.get_layer("block_01").remat is True
    assert keras_vit.with_num_classes(loaded, 2).get_layer("block_00").remat is True


def test_frozen_weights_stay_out_of_it():
    keras.utils.set_random_seed(1)
    model = keras_vit.ViT(3, remat=True, **SIZES)
    model.get_layer("block_01").mlp.trainable = False
    before = [keras.ops.convert_to_numpy(w) for w in model.weights]
    model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=False)
    model.fit(IMAGES[:, :8, :8], np.ones((8, 3)), verbose=0)
    moved = [
        w.path
        for w, old in zip(model.weights, before)
        if np.any(keras.ops.convert_to_numpy(w) != old)
    ]
    assert not any(path.startswith("block_01/mlp/") for path in moved)
    assert any(path.startswith("head/") for path in moved)


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="about Keras on TensorFlow"
)
def test_keras_alone_gives_other_gradients_where_there_is_dropout():
    # When this fails, Keras has learned it, and `recomputed` may go.
    import tensorflow as tf

    drop = keras.layers.Dropout(0.5, seed=1)
    x = tf.ones((64, 64))

    def agreement(function):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        return np.mean((y.numpy() > 0) == (tape.gradient(y, x).numpy() > 0))

    assert agreement(lambda x: drop(x, training=True)) == 1
    assert agreement(keras.remat(lambda x: drop(x, training=True))) < 0.7


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="JAX tells the memory")
def test_less_is_kept():
    import jax

    kept = {}
    for remat in (False, True):
        blocks = [
            layers.TransformerBlock(2, 256, remat=remat, dropout_rate=0.1)
            for _ in range(6)
        ]
        model = keras.Sequential([keras.Input((64, 32)), *blocks])

        def forward(weights, fixed, x, model=model):
            return model.stateless_call(weights, fixed, x, training=True)[0]

        weights = [v.value for v in model.trainable_variables]
        fixed = [v.value for v in model.non_trainable_variables]
        _, backward = jax.vjp(forward, weights, fixed, np.ones((16, 64, 32), "float32"))
        # The function holds what it needs from the forward pass.
        kept[remat] = sum(value.nbytes for value in jax.tree.leaves(backward))
    weights = sum(value.nbytes for value in weights)
    assert kept[True] - weights < (kept[False] - weights) / 5
