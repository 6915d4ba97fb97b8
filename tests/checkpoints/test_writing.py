"""Written files are those of the original projects, name by name and bit by bit."""

import golden
import numpy as np
import pytest

from keras_vit.checkpoints import open_source
from keras_vit.checkpoints.files.npz import from_npz
from keras_vit.checkpoints.files.safetensors import from_safetensors
from keras_vit.checkpoints.opening import values_of
from keras_vit.checkpoints.writing import (
    arrays_in_layout,
    write_npz,
    write_safetensors,
)
from keras_vit.models.changes.rebuilding import from_checkpoint

# The file, its layout, how it is spelled, what arrays cannot tell.
FILES = [
    ("vit/token_norep.ckpt.npz", "official ViT", {"as_published": True}, {}),
    ("vit/gap_rep.ckpt.npz", "official ViT", {"as_published": True}, {}),
    ("vit/gap_norep.ckpt.npz", "official ViT", {"as_published": True}, {}),
    (
        "vit/token_nonsquare.ckpt.npz",
        "official ViT",
        {"as_published": True},
        {"image_size": (24, 40)},
    ),
    (
        "big_vision/map_params_prefix.ckpt.npz",
        "official ViT",
        {"prefix": "params/"},
        {},
    ),
    ("big_vision/gap_sincos.ckpt.npz", "official ViT", {}, {"image_size": 32}),
    ("hybrid/h_r21_p2.ckpt.npz", "official hybrid", {"as_published": True}, {}),
    (
        "bit/bit_1111_half.ckpt.npz",
        "official BiT",
        {"as_published": True, "prefix": "resnet/"},
        {},
    ),
    ("timm/vit_token", "timm ViT", {}, {"num_heads": 2}),
    ("timm/vit_reg4", "timm ViT", {}, {"num_heads": 2}),
    ("timm/vit_token_layerscale", "timm ViT", {}, {"num_heads": 2}),
    ("timm/bit_resnetv2", "timm BiT", {}, {}),
    ("timm/hybrid_r11_p1", "timm hybrid", {}, {"num_heads": 2}),
    ("hf/vit_cls", "Hugging Face ViT", {"prefix": "vit."}, {}),
    ("hf/bit_cls", "Hugging Face BiT", {"prefix": "bit."}, {}),
]


@pytest.mark.parametrize("name, layout, spelling, sizes", FILES, ids=lambda v: str(v))
def test_a_file_read_and_written_is_the_same_file(
    name, layout, spelling, sizes, tmp_path
):
    source = open_source(golden.path(name))
    model = from_checkpoint(source, **sizes)
    arrays = {p: np.asarray(v) for p, v in values_of(model).items()}
    arguments = model.settings["arguments"]
    written = arrays_in_layout(layout, arrays, arguments, **spelling)
    path = tmp_path / "file"
    if name.endswith(".npz"):
        write_npz(path, written)
        again = from_npz(path)
    else:
        write_safetensors(path, written)
        again = from_safetensors(path)
    assert set(again) == set(source.arrays) - set(source.ignored)
    for key in again:
        expected = source.arrays.read(key)
        if "/gn" in f"/{key}":  # of either shape in published files
            expected = expected.squeeze()
        np.testing.assert_array_equal(again.read(key), expected, key)
