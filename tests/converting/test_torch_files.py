"""Files that PyTorch pickled: weights are read, code never runs."""

import functools
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import cases
import numpy as np
import pytest
from cases import array

import keras_vit

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="torch is not installed"
)

# Writes files in the folder that is its argument, from `weights.npz` in it.
WRITER = """
import argparse, pickle, sys
import numpy as np
import torch
from pathlib import Path

folder = Path(sys.argv[1])
state = {n: torch.tensor(a) for n, a in np.load(folder / "weights.npz").items()}
torch.save(state, folder / "plain.pth")
torch.save(state, folder / "legacy.bin", _use_new_zipfile_serialization=False)
optimizer = {"state": {0: {"exp_avg": torch.ones(3)}}, "param_groups": [{"lr": 1.0}]}
options = argparse.Namespace(lr=0.1, name="mine")
run = {"model": state, "optimizer": optimizer, "epoch": 3, "args": options}
torch.save(run, folder / "run.pth")
half = {n: tensor.to(torch.bfloat16) for n, tensor in state.items()}
torch.save({"state_dict": {"module." + n: t for n, t in half.items()}}, folder / "h.pt")
torch.save(torch.nn.Linear(2, 2), folder / "module.pth")

class Hostile:
    def __reduce__(self):
        return open, (str(folder / "WRITTEN"), "w")

torch.save({"model": state, "more": Hostile()}, folder / "hostile.pth")
(folder / "hostile.bin").write_bytes(pickle.dumps({"model": Hostile()}, protocol=2))
torch.save({"weight": torch.zeros(1).expand(10**9)}, folder / "bomb.pth")
torch.save([1, 2], folder / "list.pth")
endless = {"weight": torch.zeros(2)}
endless["again"] = endless
torch.save(endless, folder / "endless.pth")
"""
REFUSED = {
    "module.pth": "torch.nn.modules.linear.Linear",
    "hostile.pth": "holds more than weights",
    "hostile.bin": "holds more than weights",
    "bomb.pth": "larger than the file",
    "list.pth": "must hold a dictionary of tensors",
    "endless.pth": "weight",
}


CASE = cases.MODELS["layer_scale_erf"]


@functools.cache
def written():
    """The model that is written; timm's norms have this epsilon."""
    return cases.randomize(CASE.make(epsilon=1e-6))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Files of torch, with the weights of a small model under the names of timm."""
    from keras_vit.checkpoints.opening import open_source

    folder = tmp_path_factory.mktemp("torch")
    keras_vit.export(written(), folder / "timm", "timm")
    arrays = open_source(folder / "timm").arrays
    np.savez(folder / "weights.npz", **{name: arrays.read(name) for name in arrays})
    writer = folder / "writer.py"
    writer.write_text(WRITER)
    subprocess.run([sys.executable, str(writer), str(folder)], check=True)
    return folder


def converted(path, tmp_path):
    known = written().settings["arguments"]
    keras_vit.convert(
        path,
        tmp_path / "new.safetensors",
        num_heads=known["num_heads"],
        image_size=tuple(known["image_size"]),
    )
    return keras_vit.from_checkpoint(tmp_path / "new.safetensors")


@pytest.mark.parametrize("name", ["plain.pth", "legacy.bin", "run.pth"])
def test_weights_are_read_alone_and_out_of_a_training_run(name, folder, tmp_path):
    expected = array(written()(cases.pixels(CASE)))
    found = array(converted(folder / name, tmp_path)(cases.pixels(CASE)))
    np.testing.assert_allclose(found, expected, atol=1e-5 * abs(expected).max())


def test_half_precision_and_prefixes_are_read(folder):
    found = keras_vit.inspect_checkpoint(folder / "h.pt")
    assert found.kind == "PyTorch file" and found.layout == "timm ViT"
    assert {array.type for array in found.arrays} == {"bfloat16"}
    assert not found.refused


def test_a_folder_of_hugging_face_with_pickled_weights_is_read(folder, tmp_path):
    (tmp_path / "hub").mkdir()
    weights = (folder / "plain.pth").read_bytes()
    (tmp_path / "hub" / "pytorch_model.bin").write_bytes(weights)
    config = (folder / "timm" / "config.json").read_bytes()
    (tmp_path / "hub" / "config.json").write_bytes(config)
    found = keras_vit.inspect_checkpoint(tmp_path / "hub")
    assert not found.refused and not found.missing
    assert found.arguments["image_size"] == [8, 12]
    with pytest.raises(ValueError, match="keras-vit convert FOLDER"):
        keras_vit.from_checkpoint(tmp_path / "hub")


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_file_of_weights_is_refused_and_runs_nothing(name, folder, tmp_path):
    with pytest.raises(ValueError, match=REFUSED[name]) as error:
        keras_vit.convert(folder / name, tmp_path / "new.keras")
    assert name in str(error.value)
    assert os.listdir(tmp_path) == [] and not (Path(folder) / "WRITTEN").exists()


def test_a_damaged_file_is_refused(folder, tmp_path):
    whole = (folder / "plain.pth").read_bytes()
    (tmp_path / "half.pth").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"half\.pth"):
        keras_vit.convert(tmp_path / "half.pth", tmp_path / "new.keras")
