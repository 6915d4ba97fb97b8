"""`--inspect`: what a file holds, also where it is refused; nothing is built."""

import json

import cases
import keras
import numpy as np
import pytest

import keras_vit
from keras_vit.checkpoints.opening import open_source
from keras_vit.cli import main


@pytest.fixture(scope="module")
def model():
    """A model whose facts timm's and Hugging Face's configurations can say."""
    made = cases.randomize(cases.MODELS["token"].make(gelu="erf", epsilon=1e-6))
    made.metadata["class_names"] = ["ant", "bee", "cat", "dog", "eel"]
    return made


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    """The model as a folder of timm, of Hugging Face and as a file of this package."""
    folder = tmp_path_factory.mktemp("inspected")
    keras_vit.export(model, folder / "timm", "timm")
    keras_vit.export(model, folder / "hf", "hf")
    model.save(folder / "model.keras")
    bare = folder / "bare.safetensors"
    bare.write_bytes((folder / "timm" / "model.safetensors").read_bytes())
    return folder


@pytest.fixture(autouse=True)
def nothing_is_built(folder, monkeypatch):
    def build(*args, **kwargs):
        raise AssertionError("a model was built")

    monkeypatch.setattr(keras.layers.Layer, "__init__", build)


@pytest.mark.parametrize("name", ["timm", "hf", "model.keras"])
def test_a_file_that_says_all_lacks_nothing(name, folder, model):
    found = keras_vit.inspect_checkpoint(folder / name)
    assert not found.missing and not found.refused
    wanted = model.settings["arguments"]
    for argument in ("num_heads", "image_size", "patch_size", "pooling", "gelu"):
        assert found.arguments[argument] == wanted[argument]
    assert found.class_names == model.metadata["class_names"]
    assert found.images is not None


def test_every_array_is_listed_with_its_shape_type_and_use(folder, model):
    found = keras_vit.inspect_checkpoint(folder / "timm")
    arrays = open_source(folder / "timm").arrays
    assert {a.name: a.shape for a in found.arrays} == arrays.shapes
    assert {a.type for a in found.arrays} == {"float32"}
    assert {a.fills for a in found.arrays} == {v.path for v in model.variables}
    line = next(x for x in str(found).splitlines() if x.startswith("cls_token"))
    assert line.split() == ["cls_token", *"(1, 1, 16)".split(), "float32",
                            "patch_encoder/class_token"]  # fmt: skip


def test_a_bare_file_names_what_must_be_passed(folder):
    found = keras_vit.inspect_checkpoint(folder / "bare.safetensors")
    assert {"num_heads", "image_size"} <= set(found.missing)
    assert "pass --num-heads" in str(found) and "--input-scaling" in str(found)
    given = dict.fromkeys(found.missing, 4)
    again = keras_vit.inspect_checkpoint(folder / "bare.safetensors", **given)
    assert not again.missing
    with pytest.raises(ValueError, match=r"num_heads|image_size"):
        keras_vit.from_checkpoint(folder / "bare.safetensors")


def test_what_is_set_aside_is_said(tmp_path, folder):
    arrays = open_source(folder / "bare.safetensors").arrays
    values = {name: arrays.read(name) for name in arrays}
    values["mask_token"] = np.zeros((1, 1, 16), "float16")
    np.savez(tmp_path / "m.npz", **values)
    found = {a.name: a for a in keras_vit.inspect_checkpoint(tmp_path / "m.npz").arrays}
    assert found["mask_token"].type == "float16"
    assert "masked pretraining" in found["mask_token"].fills


def test_a_file_that_is_refused_is_shown_with_the_reason(tmp_path, capsys):
    path = tmp_path / "swin.npz"
    np.savez(path, **{"layers.0.blocks.0.attn.qkv.weight": np.zeros((3, 1))})
    assert main(["convert", str(path), "--inspect"]) == 1
    shown = capsys.readouterr().out
    assert "layers.0.blocks.0.attn.qkv.weight" in shown and "(3, 1)" in shown
    assert "refused" in shown and "Swin" in shown
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"\x10\0\0\0\0\0\0\0{")
    found = keras_vit.inspect_checkpoint(broken)
    assert not found.arrays and "broken.safetensors" in found.refused
    with pytest.raises(ValueError, match="nowhere"):
        keras_vit.inspect_checkpoint(tmp_path / "nowhere")


def test_the_command_lists_as_text_and_as_json(folder, tmp_path, capsys):
    out = tmp_path / "new.keras"
    args = ["convert", str(folder / "bare.safetensors"), str(out), "--inspect"]
    assert main([*args, "--num-heads", "4"]) == 0
    shown = capsys.readouterr().out
    assert "image_size: pass --image-size" in shown and "--num-heads" not in shown
    assert main([*args, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert "num_heads" in found["missing"] and found["layout"] == "timm ViT"
    assert found["arrays"][0].keys() == {"name", "shape", "type", "fills"}
    assert not out.exists()
