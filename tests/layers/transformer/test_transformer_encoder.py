"""The first Transformer's encoder, with the weights of PyTorch and of BERT."""

import golden
import keras
import numpy as np
import pytest
from cases import array, inputs, randomize

import keras_vit
from keras_vit.layers import TransformerEncoder, sincos1d

TORCH = "lineage/transformer/post_norm_relu"
BERT = "lineage/transformer/bert_mlm"


def encoder_of(case, **options):
    encoder = TransformerEncoder(2, 4, 96, **options)
    encoder.build((None, None, 48))
    report = keras_vit.load_weights(encoder, golden.path(case))
    assert len(report.used) == 2 * 12
    return encoder


def bert(**options):
    return encoder_of(
        BERT, **{"activation": "gelu", "gelu": "erf", "epsilon": 1e-12, **options}
    )


def test_six_blocks_of_width_512_have_18_914_304_parameters():
    encoder = TransformerEncoder()
    encoder.build((None, None, 512))
    assert encoder.count_params() == 18_914_304


def test_weights_of_pytorch_give_its_numbers():
    encoder = encoder_of(TORCH, epsilon=1e-5)
    io = golden.arrays(f"{TORCH}/io.npz")
    x, keep = io["in.tokens"], io["in.keep"]
    values = []
    for block in encoder.blocks:
        x = block(x, keep=keep)
        values.append(array(x))
    values.append(array(encoder(io["in.tokens"], keep=keep)))
    for name, value in zip(("layers.0", "layers.1", "output"), values):
        # Of padding PyTorch computes zeros, or what nobody reads.
        difference = np.abs(value - io[name])[keep]
        assert difference.max() <= 2e-5 * np.abs(io[name]).max(), name


def test_weights_of_bert_give_its_states_and_attentions():
    encoder = bert()
    io = golden.arrays(f"{BERT}/io.npz")
    x, keep = io["hidden_states.0"], io["in.attention_mask"]
    for i, block in enumerate(encoder.blocks):
        x, scores = block(x, keep=keep, return_attention_scores=True)
        for name, value in (("hidden_states", x), ("attentions", scores)):
            number = i + 1 if name == "hidden_states" else i
            expected = io[f"{name}.{number}"]
            bar = 2e-5 * max(1, np.abs(expected).max())
            assert np.abs(array(value) - expected).max() <= bar, name


def test_what_does_not_fit_a_file_is_refused():
    # num_heads is in config.json alone: equal shapes, other numbers.
    for options, message in (
        ({"epsilon": 1e-6}, "epsilon"),
        ({"gelu": "tanh"}, "gelu"),
    ):
        with pytest.raises(ValueError, match=message):
            bert(**options)
    other = TransformerEncoder(2, 8, 96, activation="gelu", gelu="erf", epsilon=1e-12)
    other.build((None, None, 48))
    with pytest.raises(ValueError, match="with num_heads=4, the model"):
        keras_vit.load_weights(other, golden.path(BERT))
    with pytest.raises(ValueError, match="must be built"):
        keras_vit.load_weights(TransformerEncoder(2, 4, 96), golden.path(BERT))
    vit = keras_vit.ViT(
        2, patch_size=4, num_layers=2, hidden_dim=48, mlp_dim=96, num_heads=4,
        image_size=8,
    )  # fmt: skip
    with pytest.raises(ValueError, match="hold a transformer encoder model"):
        keras_vit.load_weights(vit, golden.path(BERT))


@pytest.mark.parametrize(
    "order, name",
    [
        ("interleaved", "paper"),
        ("halves", "halves"),
        ("tensor2tensor", "tensor2tensor"),
    ],
)
def test_positions_come_in_three_orders(order, name):
    io = golden.arrays("lineage/transformer/positions.npz")
    for length, width in ((10, 16), (50, 64)):
        found = sincos1d(length, width, order)
        expected = io[f"{length}x{width}.{name}"]
        np.testing.assert_allclose(found, expected, atol=1e-6)
        again = array(sincos1d(length, width, order, xp=keras.ops))
        np.testing.assert_allclose(again, expected, atol=1e-5)


def test_positions_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="`hidden_dim` must be even, at least 2"):
        sincos1d(3, 7)
    with pytest.raises(ValueError, match="at least 4"):
        sincos1d(3, 2, "tensor2tensor")
    with pytest.raises(ValueError, match="`order` must be one of"):
        sincos1d(3, 8, "paper")
    with pytest.raises(ValueError, match="`hidden_dim` must be even"):
        TransformerEncoder(1, 1, 8, position_embedding="halves").build((None, 4, 5))


def test_sequences_of_any_length_get_their_positions():
    x = keras.Input((None, 16))
    layer = TransformerEncoder(1, 2, 24, position_embedding="interleaved")
    model = randomize(keras.Model(x, layer(x)))
    values = inputs((2, 7, 16))
    expected = array(layer.blocks[0](values + sincos1d(7, 16).astype("float32")))
    for found in (model(values), model.predict(values, verbose=0)):
        np.testing.assert_allclose(array(found), expected, atol=1e-5)


def test_a_last_norm_ends_an_encoder_whose_norms_come_first():
    layer = TransformerEncoder(1, 2, 24, norm="pre")
    layer.build((None, 7, 16))
    randomize(layer)
    x = inputs((2, 7, 16))
    expected = array(layer.encoder_norm(layer.blocks[0](x)))
    np.testing.assert_allclose(array(layer(x)), expected, atol=1e-6)
