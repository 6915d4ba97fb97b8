"""Weights in several files: an index lists them, and all lie beside it."""

import json

import golden
import numpy as np
import pytest

import keras_vit
from keras_vit.checkpoints.opening import open_source

INDEX = "model.safetensors.index.json"
FILES = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")


def timm_arrays():
    return golden.read_safetensors(golden.path("timm/vit_token/model.safetensors"))


@pytest.fixture
def folder(tmp_path):
    folder, arrays = tmp_path / "hub", timm_arrays()
    folder.mkdir()
    names = list(arrays)
    for file, part in zip(FILES, (names[::2], names[1::2])):
        part = {name: arrays[name] for name in part}
        golden.write_safetensors(folder / file, part)
    listed = {name: FILES[i % 2] for i, name in enumerate(names)}
    write_index(folder, listed)
    return folder


def write_index(folder, listed):
    index = {"metadata": {"total_size": 1}, "weight_map": listed}
    (folder / INDEX).write_text(json.dumps(index))


def read_index(folder):
    return json.loads((folder / INDEX).read_text())["weight_map"]


@pytest.mark.parametrize("what", ["", INDEX])
def test_folder_and_index_open_alike(folder, what):
    model = keras_vit.from_checkpoint(folder / what, num_heads=3)
    bias = model.get_layer("block_00").mlp.dense_1.bias
    np.testing.assert_array_equal(bias, timm_arrays()["blocks.0.mlp.fc1.bias"])
    assert len(open_source(folder / what).arrays) == len(timm_arrays())


@pytest.mark.parametrize(
    "file",
    ["../other.safetensors", "/dev/zero", "a/b", "..", "", "C:x", "a\\b", 7],
)
def test_shards_are_plain_names_in_the_folder(folder, file):
    (folder.parent / "other.safetensors").write_bytes((folder / FILES[0]).read_bytes())
    listed = {n: file if f == FILES[0] else f for n, f in read_index(folder).items()}
    write_index(folder, listed)
    with pytest.raises(ValueError, match="not in its folder") as error:
        open_source(folder)
    assert repr(file) in str(error.value) and "hub" in str(error.value)


def test_what_is_missing_is_named(folder):
    (folder / FILES[1]).unlink()
    with pytest.raises(ValueError, match=f"Fetch '{FILES[1]}' too"):
        open_source(folder)


def test_index_and_files_agree(folder):
    listed = read_index(folder)
    write_index(folder, {**listed, "head.bias": FILES[0], "head.weight": FILES[0]})
    with pytest.raises(ValueError, match=r"the array 'head\.\w+' should be in"):
        open_source(folder)
    write_index(folder, listed)
    (folder / FILES[1]).write_bytes((folder / FILES[0]).read_bytes())
    with pytest.raises(ValueError, match="contradict each other"):
        open_source(folder)


@pytest.mark.parametrize("text", ["[]", "{}", "{", '{"weight_map": ["a"]}', "\0"])
def test_what_is_no_index_is_refused(folder, text):
    (folder / INDEX).write_text(text)
    with pytest.raises(ValueError, match=r"index\.json .*(object|no index|not JSON)"):
        open_source(folder)
