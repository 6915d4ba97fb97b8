"""What a data set is, before a download and without network."""

import json
import tempfile

import pytest
from each import holds_for_each

from keras_vit.cli import main
from keras_vit.data import describe, list_datasets
from keras_vit.data.sets.vtab import VTAB


def test_every_known_set_describes_itself(tmp_path):
    def check(name):
        found = describe(name, tmp_path)
        text = str(found)
        assert text.startswith(f"{name}\n") and "to get it: " in text
        assert json.loads(json.dumps(found.to_json()))

    holds_for_each(list_datasets(), check)


def test_no_temporary_folder_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    found = describe("imagenet2012", tmp_path / "none")
    assert found.splits == {"train": 1_281_167, "validation": 50_000}
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("imagenet2012", 154_642_401_280),
        ("imagenet_v2", 1_264_079_360),  # one of the three that TFDS knows
        ("cifar100", 168_513_733),
        ("caltech101", 137_414_764),  # TFDS has an older address of the archive, too
        ("sun397", 39_095_590_629),
        ("eurosat", 94_280_567),
        ("resisc45", None),
        ("diabetic_retinopathy_detection", None),  # TFDS knows the labels' size only
    ],
)
def test_the_size_of_a_download_is_known_where_tfds_says_it(name, size, tmp_path):
    assert describe(name, tmp_path).download == size


def test_manual_files_are_named_with_what_is_missing(tmp_path):
    manual = tmp_path / "downloads" / "manual"
    manual.mkdir(parents=True)
    (manual / "ILSVRC2012_img_val.tar").touch()
    text = describe("imagenet2012", tmp_path).how_to_get
    assert f"Put ILSVRC2012_img_train.tar, ILSVRC2012_img_val.tar into {manual}" in text
    assert text.endswith("Not there yet: ILSVRC2012_img_train.tar.")
    (manual / "ILSVRC2012_img_train.tar").touch()
    assert "They are there." in describe("imagenet2012", tmp_path).how_to_get


def test_another_configuration_has_other_sizes(tmp_path):
    known = describe("eurosat/rgb", tmp_path)
    assert known.splits == {"train": 27_000} and known.download == 94_280_567
    other = describe("eurosat/all:2.0.0", tmp_path)
    assert other.splits is None and other.download is None
    assert "known once it is prepared" in str(other)


def test_vtab_tasks_say_what_they_are_made_of(tmp_path):
    found = describe("vtab/kitti_distance", tmp_path)
    assert found.class_names == ("up to 8 m", "8 to 20 m", "over 20 m", "no vehicle")
    assert found.splits["test"] == 711 and "load('vtab/kitti_distance')" in str(found)
    assert "Tasks with labels: vtab/kitti_distance" in str(describe("kitti", tmp_path))
    assert {f"vtab/{task}" for task in VTAB} < set(list_datasets())


def test_a_set_that_tfds_lacks_says_so(tmp_path):
    assert "not in TFDS" in str(describe("imagenet21k"))
    assert "not public" in str(describe("jft_300m"))
    from keras_vit.data import load

    with pytest.raises(ValueError, match="ImageNet-21k is not in TFDS"):
        load("imagenet21k", data_dir=tmp_path)


def test_other_tfds_sets_say_what_their_code_knows(tmp_path):
    found = describe("mnist", tmp_path)
    assert (found.num_classes, found.num_channels, found.image_size) == (
        10,
        1,
        (28, 28),
    )
    assert found.download == 11_594_722 and found.citation == "lecun2010mnist"
    assert found.prepared is None and found.splits is None
    with pytest.raises(ValueError, match="Did you mean"):
        describe("cifr10", tmp_path)


def test_prepared_sets_say_where_they_are():
    found = describe("fashion_mnist_mini:test")
    assert found.splits == {"train": 6000, "test": 1000} and found.num_classes == 10
    assert found.licence.startswith("MIT") and found.prepared.endswith("1.0.0")
    again = describe(found.prepared)
    assert again.splits == found.splits and again.disk == found.disk > 1_000_000


def test_folders_and_lists_are_counted(folder):
    found = describe(folder)
    assert found.kind == "folder" and found.splits == {"all": 30}
    assert found.examples_per_class == {"cat": 20, "dog": 10}
    assert "2: cat (20), dog (10)" in str(found) and found.image_size is None
    assert found.disk == sum(file.stat().st_size for file in folder.rglob("*.*"))
    path = folder / "list.csv"
    path.write_text("file,label\ncat/00 é.png,x\ndog/00 é.png,y\n", encoding="utf-8")
    found = describe(path)
    assert found.kind == "list of files" and found.class_names == ("x", "y")


def test_the_command_prints_it(folder, capsys, tmp_path):
    assert main(["data", "cifar10", "--data-dir", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "50,000" in out and "170.1 MB" in out and "not here" in out
    assert main(["data", str(folder), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["examples_per_class"]["dog"] == 10
    assert main(["data"]) == 0
    assert "vtab/dtd" in capsys.readouterr().out.splitlines()
    assert main(["data", "--format", "json"]) == 0
    assert "cifar10" in json.loads(capsys.readouterr().out)
    assert main(["data", "cifr10", "--data-dir", str(tmp_path)]) == 1
    assert "cifar10" in capsys.readouterr().err
