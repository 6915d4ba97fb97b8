"""`keras-vit predict`: what it takes for images and for a model, and what it writes."""

import base64
import csv
import io
import json
import sys
import zipfile

import numpy as np
import pytest
from pages import Reader
from PIL import Image

import keras_vit
from keras_vit import cli
from keras_vit.models.pretrained.imagenet_names import imagenet_classes

SIZES = {"image_size": 8, "patch_size": 4, "hidden_dim": 8, "num_layers": 1}
SIZES |= {"mlp_dim": 8, "num_heads": 2}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The path of a model of two classes, one of which looks like markup."""
    made = keras_vit.ViT(2, **SIZES)
    made.metadata["class_names"] = ["<b>dark", "light"]
    path = tmp_path_factory.mktemp("model") / "model.keras"
    made.save(path)
    return str(path)


@pytest.fixture
def photos(tmp_path):
    """A folder of three images, an odd one among them, and one that is broken."""
    folder = tmp_path / "my photos"
    folder.mkdir()
    random = np.random.default_rng(0)
    for name, shape in (
        ("a.png", (40, 300, 3)),
        ("b.jpg", (200, 30)),
        ("c.png", (1, 1)),
    ):
        pixels = random.integers(0, 256, shape).astype("uint8")
        Image.fromarray(pixels).save(folder / name)
    (folder / "d.png").write_bytes(b"\x89PNG nothing")
    return folder


def rows(capsys, model, *words):
    """Names of files to their classes, as JSON says."""
    assert cli.main(["predict", model, *map(str, words), "--format", "json"]) in (0, 1)
    found = json.loads(capsys.readouterr().out)
    return {row["file"]: row.get("classes", "error") for row in found}


def test_folder_archive_and_list_give_the_same(
    model, photos, tmp_path, capsys, monkeypatch
):
    wanted = rows(capsys, model, photos)
    assert len(wanted) == 4 and list(wanted.values()).count("error") == 1
    archive, names = tmp_path / "p.zip", tmp_path / "list.txt"
    with zipfile.ZipFile(archive, "w") as packed:
        for file in sorted(photos.iterdir()):
            packed.write(file, file.name)
    listed = "\r\n".join(f"my photos/{file.name}" for file in sorted(photos.iterdir()))
    names.write_text(listed)
    windows = [tmp_path / "utf-8-sig.txt", tmp_path / "utf-16.txt"]
    for path in windows:
        path.write_text(listed, encoding=path.stem)
    stdin = "\0".join(map(str, sorted(photos.iterdir()))).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
    for given in (archive, names, *windows, "-"):
        assert list(rows(capsys, model, given).values()) == list(wanted.values()), given
    assert cli.main(["predict", model, "-"]) == 1  # nothing is left in it
    assert "Standard input named no images" in capsys.readouterr().err


def test_a_table_and_json_hold_what_is_printed(model, photos, tmp_path, capsys):
    for ending in ("csv", "json"):
        out = tmp_path / f"found.{ending}"
        words = ["predict", model, str(photos), "--out", str(out), "--format", ending]
        assert cli.main(words) == 1  # for the one that is broken
        printed = capsys.readouterr().out
        assert out.read_text(encoding="utf-8").split() == printed.split()
    assert len(list(csv.DictReader((tmp_path / "found.csv").open()))) == 6


def test_a_page_shows_every_image_and_needs_no_other_file(
    model, photos, tmp_path, capsys
):
    out = tmp_path / "found.html"
    assert cli.main(["predict", model, str(photos), "--out", str(out)]) == 1
    text = out.read_text(encoding="utf-8")
    page = Reader(text)
    pictures = [attrs for tag, attrs in page.tags if tag == "img"]
    assert len(pictures) == 3
    assert all(a.startswith(("data:", "#")) for a in page.addresses)
    assert "&lt;b&gt;dark" in text and "<b>dark" not in text
    assert f"Written: {out} (" in capsys.readouterr().err
    assert "Not read (1)" in text and "d.png" in text
    assert max(len(attrs["src"]) for attrs in pictures) < 6000


def test_thousands_of_thumbnails_stay_small():
    from keras_vit.inference.thumbnails import SIDE, thumbnail

    noise = np.random.default_rng(0).integers(0, 256, (900, 600, 3)).astype("uint8")
    worst = thumbnail(noise)  # which no photo is
    assert len(worst) < 10_000
    smooth = np.broadcast_to(np.arange(600, dtype="uint16") // 3, (900, 600))
    assert len(thumbnail(smooth.astype("uint8")[..., None])) < 2_000
    picture = Image.open(io.BytesIO(base64.b64decode(worst.partition(",")[2])))
    assert picture.size == (SIDE * 600 // 900, SIDE)


def test_what_is_there_stays_where_predict_fails_or_would_replace_its_input(
    model, photos, tmp_path, capsys, monkeypatch
):
    out = tmp_path / "found.html"
    out.write_text("before")
    from keras_vit.inference import predicting

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(predicting, "probabilities", stop)
    assert cli.main(["predict", model, str(photos), "--out", str(out)]) == 130
    assert out.read_text() == "before"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["found.html", "my photos"]
    listed = tmp_path / "list.csv"
    listed.write_text("file\nmy photos/a.png\n")
    for place, why in (
        (listed, "would replace"),
        (tmp_path / "no" / "x.json", "folder that exists"),
        (tmp_path / "folder", "a .csv, .json or .html file"),
    ):
        assert cli.main(["predict", model, str(listed), "--out", str(place)]) == 1
        assert why in capsys.readouterr().err
    assert listed.read_text() == "file\nmy photos/a.png\n"


@pytest.fixture(scope="module")
def official(tmp_path_factory):
    """An official file of a small ViT with ImageNet's 1000 classes."""
    made = keras_vit.ViT(1000, **SIZES)
    rng = np.random.default_rng(0)
    for variable in made.variables:
        if "head" in variable.path and "kernel" in variable.path:
            variable.assign(rng.normal(size=variable.shape))
    path = tmp_path_factory.mktemp("official") / "vit.npz"
    keras_vit.export(made, path)
    return path


def test_a_file_of_weights_classifies_with_the_names_of_imagenet(
    official, photos, tmp_path, capsys
):
    names = {name for _, name in imagenet_classes(1000)}
    found = rows(capsys, str(official), photos / "a.png")
    said = found[str(photos / "a.png")]
    assert {each["class"] for each in said} <= names
    # As the model that is built for it does, and the one that it is loaded into.
    built = keras_vit.ViT(1000, **SIZES, weights=str(official))
    for model in (built, keras_vit.from_checkpoint(str(official), num_heads=2)):
        (prediction,) = keras_vit.predict(model, photos / "a.png", top=3)
        assert [name for name, _ in prediction.classes] == [
            e["class"] for e in said[:3]
        ]
    other = keras_vit.ViT(7, **SIZES, weights=str(official))  # whose head is new
    assert "class_names" not in other.metadata


def test_pillow_images_and_arrays_are_predicted_as_their_files(model, photos):
    (wanted,) = keras_vit.predict(model, photos / "a.png")
    with Image.open(photos / "a.png") as image:
        for given in (image, np.asarray(image), [np.asarray(image)]):
            (found,) = keras_vit.predict(model, given)
            assert found.classes == wanted.classes


def test_published_weights_are_fetched_by_name(monkeypatch, photos, capsys, official):
    asked = []

    def fetch(url, **options):
        asked.append(url)
        if len(asked) > 1:
            raise OSError(f"URL fetch failure on {url}: no network")
        return str(official)

    monkeypatch.setattr("keras_vit.checkpoints.registry.fetch", fetch)
    monkeypatch.setattr("keras_vit.models.changes.rebuilding._usual_heads", lambda a: 2)
    assert rows(capsys, "ViT_B16/imagenet", photos / "a.png")
    assert "B_16" in asked[0]
    words = ["predict", "ViT_B16/imagenet", str(photos)]
    assert cli.main(words) == 1
    err = capsys.readouterr().err
    assert "URL fetch failure" in err and "Traceback" not in err
    assert cli.main(["predict", "imagenet", str(photos)]) == 1
    assert "Name the model: 'ViT_B16/imagenet'" in capsys.readouterr().err
    assert cli.main(["predict", "ViT_B16", str(photos)]) == 1
    assert "such as ViT_B16/imagenet" in capsys.readouterr().err
