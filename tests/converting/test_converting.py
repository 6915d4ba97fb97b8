"""`convert`: every container in, every format out, and nothing half-written."""

import json
import os
import zipfile

import cases
import numpy as np
import pytest
from cases import array, pixels

import keras_vit
from keras_vit.cli import main
from keras_vit.exporting.formats import FORMATS

CASE = cases.MODELS["token"]
SUFFIX = {"keras": ".keras", "weights_h5": ".weights.h5", "npz": ".npz"}
SUFFIX["safetensors"] = ".safetensors"
# A format, and what `from_checkpoint` must be told of it.
WEIGHTS = {
    "keras": {},
    "safetensors": {},
    "npz": {"image_size": (8, 12)},
    "hf": {},
    "timm": {},
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The same model in every format that holds weights; format to path."""
    folder = tmp_path_factory.mktemp("written")
    model, paths = cases.model("token"), {}
    for format in WEIGHTS:
        paths[format] = folder / f"model{SUFFIX.get(format, '')}-{format}"
        if format in SUFFIX:
            paths[format] = folder / f"model{SUFFIX[format]}"
        keras_vit.export(model, paths[format], format)
    return paths


def same(found, expected=None):
    """Whether a model gives the outputs of the one that was written."""
    x = pixels(CASE)
    expected = array((expected or cases.model("token"))(x))
    return np.abs(array(found(x)) - expected).max() <= 1e-5 * np.abs(expected).max()


@pytest.mark.slow
@pytest.mark.parametrize(
    "read, format",
    [
        ("keras", "safetensors"),
        ("safetensors", "npz"),
        ("npz", "keras"),
        ("hf", "safetensors"),
        ("timm", "keras"),
    ],
)
def test_what_is_read_is_written(read, format, written, tmp_path):
    path = tmp_path / f"new{SUFFIX[format]}"
    report = keras_vit.convert(written[read], path, **WEIGHTS[read])
    assert report.passed and report.format == format
    assert same(keras_vit.from_checkpoint(path, **WEIGHTS[format]))
    assert os.listdir(tmp_path) == [path.name]


def test_weights_of_keras_load_into_a_model_built_alike(written, tmp_path):
    path = tmp_path / "new.weights.h5"
    report = keras_vit.convert(written["keras"], path)
    assert "load_weights" in report.inputs
    fresh = CASE.make()
    fresh.load_weights(path)
    assert same(fresh)
    keras_vit.load_weights(fresh, path)
    assert same(fresh)


def test_our_safetensors_are_everybodys_safetensors(written):
    with open(written["safetensors"], "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    about = json.loads(header.pop("__metadata__")["keras_vit"])
    assert (
        about["settings"]["arguments"]["num_heads"]
        == CASE.make().settings["arguments"]["num_heads"]
    )
    values = {v.path: v.shape for v in cases.model("token").variables}
    assert {name: tuple(entry["shape"]) for name, entry in header.items()} == values


@pytest.mark.slow
def test_what_no_file_knows_is_passed_on(tmp_path):
    model = cases.model("gap")
    keras_vit.export(model, tmp_path / "gap.npz")
    with pytest.raises(ValueError, match="image_size"):
        keras_vit.convert(tmp_path / "gap.npz", tmp_path / "gap.keras")
    keras_vit.convert(tmp_path / "gap.npz", tmp_path / "g.keras", image_size=(8, 12))
    assert same(keras_vit.from_checkpoint(tmp_path / "g.keras"), model)
    assert sorted(os.listdir(tmp_path)) == ["g.keras", "gap.npz"]


@pytest.mark.slow
def test_a_head_of_zeros_is_converted_with_a_note(tmp_path):
    model = keras_vit.with_num_classes(cases.model("token"), 3)
    model.save(tmp_path / "model.keras")
    report = keras_vit.convert(tmp_path / "model.keras", tmp_path / "m.npz")
    assert any("Every output is the same" in note for note in report.notes)
    again = keras_vit.from_checkpoint(tmp_path / "m.npz", image_size=(8, 12))
    assert again.output_shape == (None, 3) and not array(again(pixels(CASE))).any()
    back = keras_vit.convert(tmp_path / "m.npz", tmp_path / "b.keras", **WEIGHTS["npz"])
    assert back.passed and back.outputs == "logits of (any, 3)"


def test_shards_are_converted_to_one_file(written, tmp_path):
    from keras_vit.checkpoints.opening import open_source
    from keras_vit.checkpoints.writing import write_safetensors

    shards = tmp_path / "shards"
    shards.mkdir()
    (shards / "config.json").write_bytes((written["hf"] / "config.json").read_bytes())
    arrays = open_source(written["hf"]).arrays
    names, where = list(arrays), {}
    for number in range(2):
        file = f"model-0000{number + 1}-of-00002.safetensors"
        part = {name: arrays.read(name) for name in names[number::2]}
        write_safetensors(shards / file, part)
        where.update(dict.fromkeys(part, file))
    index = json.dumps({"metadata": {}, "weight_map": where})
    (shards / "model.safetensors.index.json").write_text(index)
    keras_vit.convert(shards, tmp_path / "one.keras")
    assert same(keras_vit.from_checkpoint(tmp_path / "one.keras"))


@pytest.mark.parametrize(
    "path, options, message",
    [
        ("no/m.npz", {}, "folder of the export does not exist"),
        ("m.nqz", {}, r"can be left out where .* '\.weights\.h5'"),
        ("m.h5", {}, r"can be left out where .* '\.weights\.h5'"),
        ("m.keras", {"format": "npz"}, r"must end in \.npz"),
        ("m.safetensors", {"format": "timm"}, "is a folder"),
        ("m.npz", {"num_head": 3}, "Did you mean 'num_heads'"),
        ("m.npz", {"pooling": "avg"}, "Did you mean 'gap'"),
    ],
)
def test_mistakes_are_refused_and_leave_nothing(
    path, options, message, written, tmp_path
):
    with pytest.raises(ValueError, match=message):
        keras_vit.convert(written["keras"], tmp_path / path, **options)
    assert os.listdir(tmp_path) == []


def test_a_file_is_never_converted_onto_itself(written, tmp_path):
    source = tmp_path / "folder" / "model.keras"
    source.parent.mkdir()
    source.write_bytes(written["keras"].read_bytes())
    (tmp_path / "link.keras").symlink_to(source)
    before = source.read_bytes()
    for path, format in (
        (source, None),
        (tmp_path / "link.keras", None),
        (tmp_path / "folder" / ".." / "folder" / "model.keras", None),
        (source.parent, "hf"),
    ):
        with pytest.raises(ValueError, match=r"another place|holds other things"):
            keras_vit.convert(source, path, format, overwrite=True)
    with pytest.raises(ValueError, match="already exists"):
        keras_vit.convert(source, tmp_path / "link.keras")
    assert source.read_bytes() == before


def test_a_folder_that_may_not_be_written_to_is_refused_first(
    written, tmp_path, monkeypatch
):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    can = os.access
    monkeypatch.setattr(  # root may write everywhere
        os, "access", lambda path, mode: path != locked and can(path, mode)
    )
    with pytest.raises(ValueError, match="may not be written to"):
        keras_vit.convert(written["npz"], locked / "m.keras")


def test_an_interrupted_write_leaves_what_was_there(written, tmp_path, monkeypatch):
    path = tmp_path / "m.keras"
    path.write_text("earlier")

    def interrupted(job):
        job.path.write_text("half")
        raise KeyboardInterrupt

    format = FORMATS["keras"]
    monkeypatch.setitem(
        FORMATS, "keras", type(format)("", interrupted, suffix=".keras")
    )
    with pytest.raises(KeyboardInterrupt):
        keras_vit.convert(written["hf"], path, overwrite=True)
    assert os.listdir(tmp_path) == ["m.keras"] and path.read_text() == "earlier"


def test_a_file_that_the_door_refuses_writes_nothing(tmp_path, capsys):
    (tmp_path / "m.npz").write_bytes(b"PK\x03\x04 and no more")
    args = ["convert", str(tmp_path / "m.npz"), str(tmp_path / "new.keras")]
    assert main(args) == 1
    captured = capsys.readouterr()
    assert "m.npz" in captured.err and "Traceback" not in captured.err
    assert os.listdir(tmp_path) == ["m.npz"]


def test_without_torch_a_pickled_file_names_what_is_missing(tmp_path, monkeypatch):
    from keras_vit.converting import torch_files

    monkeypatch.setattr(torch_files, "is_installed", lambda module: False)
    path = tmp_path / "model.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", b"\x80\x02}.")
    with pytest.raises(ImportError, match=r"`pip install torch`.*safetensors"):
        keras_vit.convert(path, tmp_path / "new.keras")
    with pytest.raises(ValueError, match="keras-vit convert"):
        keras_vit.from_checkpoint(path)


def test_the_command_converts_and_prints_the_table(written, tmp_path, capsys):
    out = tmp_path / "new.safetensors"
    args = ["convert", str(written["npz"]), str(out), "--image-size", "8", "12"]
    assert main(args) == 0
    printed = capsys.readouterr().out
    assert "images of fashion_mnist_mini" in printed and "ok" in printed
    assert same(keras_vit.from_checkpoint(out))
    assert main(args) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert main([*args, "--overwrite", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["format"] == "safetensors"
    assert main(["convert", str(written["npz"])]) == 2
    assert "--inspect" in capsys.readouterr().err
    assert main([*args, "--overwrite", "--input-scaling", "a/b"]) == 2
