"""Checkpoints of masked pretraining: their encoder is a ViT, at any image size."""

import golden
import numpy as np
import pytest
from keras import ops

import keras_vit

CASE = "hf/vit_mim"


def arrays(case=CASE):
    """The arrays of a golden folder, by name."""
    source = keras_vit.checkpoints.open_source(golden.path(case)).arrays
    return {name: source.read(name) for name in source}


def encoder(**overrides):
    return keras_vit.from_checkpoint(golden.path(CASE), num_classes=0, **overrides)


def test_every_value_is_that_of_the_original():
    io, file, model = golden.arrays(f"{CASE}/io.npz"), arrays(), encoder()
    # The mask token stands for hidden patches before positions are added.
    x = model.get_layer("patches")(io["image"])
    x = ops.convert_to_numpy(model.get_layer("patch_encoder").projection(x))
    hidden = io["in.bool_masked_pos"][..., None]
    x = np.where(hidden, file["vit.embeddings.mask_token"], x)
    token = np.array(model.get_layer("patch_encoder").class_token_weight)
    x = np.concatenate([np.repeat(token, len(x), 0), x], axis=1)
    x += np.array(model.get_layer("patch_encoder").positions.embeddings)
    np.testing.assert_allclose(x, io["hidden_states.0"], rtol=0, atol=2e-5)
    for i in range(2):
        x = ops.convert_to_numpy(model.get_layer(f"block_{i:02d}")(x))
        np.testing.assert_allclose(x, io[f"hidden_states.{i + 1}"], rtol=0, atol=2e-5)
    # Their decoder: one dense layer, then every pixel's channels to its place.
    x = ops.convert_to_numpy(model.get_layer("encoder_norm")(x))[:, 1:]
    x = x @ file["decoder.0.weight"][:, :, 0, 0].T + file["decoder.0.bias"]
    x = x.reshape(-1, 4, 4, 3, 8, 8).transpose(0, 3, 1, 4, 2, 5).reshape(-1, 3, 32, 32)
    np.testing.assert_allclose(x, io["reconstruction"], rtol=0, atol=2e-5)


def test_decoder_and_mask_token_are_set_aside_and_named():
    model = encoder()
    report = keras_vit.load_weights(model, golden.path(CASE))
    names = {"decoder.0.weight", "decoder.0.bias", "vit.embeddings.mask_token"}
    assert set(report.unused_by_design) == names == set(report.unused)
    text = str(report)
    assert "unused by design" in text and "masked pretraining" in text


@pytest.mark.parametrize("size", [(48, 48), (24, 56)])
def test_positions_follow_another_image_size(size):
    model = encoder(image_size=size)
    table = arrays()["vit.embeddings.position_embeddings"]
    expected = keras_vit.resize_position_embeddings(
        table, (size[0] // 8, size[1] // 8), prefix_tokens=1, kernel="bicubic"
    )
    found = model.get_layer("patch_encoder").positions.embeddings
    np.testing.assert_allclose(found, expected, atol=1e-6)
    free = encoder(image_size=(None, None))
    assert model(np.zeros((1, *size, 3))).shape == free(np.zeros((1, *size, 3))).shape
    classifier = keras_vit.from_checkpoint(
        golden.path(CASE), num_classes=7, image_size=size
    )
    assert not np.any(ops.convert_to_numpy(classifier(np.ones((1, *size, 3)))))


def test_what_is_not_of_masked_pretraining_stays_an_error():
    file = arrays()
    file["vit.embeddings.other_token"] = np.zeros((1, 1, 32), "float32")
    model = encoder()
    with pytest.raises(ValueError, match="other_token"):
        keras_vit.load_weights(model, file)


def test_the_decoder_of_a_masked_autoencoder_is_set_aside():
    """Names of Facebook's MAE, which are timm's for the encoder."""
    file = arrays("timm/vit_token")
    del file["head.weight"], file["head.bias"]
    extra = ("mask_token", "decoder_embed.weight", "decoder_pos_embed")
    extra += ("decoder_blocks.0.attn.qkv.weight", "decoder_norm.bias")
    file |= {name: np.zeros((1, 1, 4), "float32") for name in extra}
    model = keras_vit.from_checkpoint(file, num_heads=3, num_classes=0)
    report = keras_vit.load_weights(model, file)
    assert set(report.unused_by_design) == set(extra)
