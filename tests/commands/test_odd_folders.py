"""Commands on folders that hold more than classes of images."""

import logging
import os

import pytest
from each import holds_for_each
from PIL import Image

from keras_vit.cli import main
from keras_vit.inference.inputs import find_images

TINY = "--epochs 1 --image-size 16 --batch-size 8 --jit-compile no".split()


@pytest.fixture
def photos(tmp_path):
    for place, name in enumerate(("cat", "dog")):
        for number in range(6):
            file = tmp_path / "photos" / name / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (9, 8), (90 * place, 20 * number, 60)).save(file)
    return tmp_path / "photos"


def test_prediction_leaves_out_what_training_does(photos, caplog):
    caplog.set_level(logging.INFO, "keras_vit")
    wanted = [file for file, _ in find_images(photos)]
    assert len(wanted) == 12

    def check(name):
        (photos / name / "cat").mkdir(parents=True)
        (photos / name / "cat" / "x.png").write_bytes(b"\0\5\26\7" + bytes(60))
        (photos / "dog" / "._0.png").write_bytes(b"\0\5\26\7")
        caplog.clear()
        assert [file for file, _ in find_images([photos])] == wanted
        (line,) = [record.getMessage() for record in caplog.records]
        assert name in line and "dog/._0.png" in line

    holds_for_each(("__MACOSX", "@eaDir", "lost+found", ".Trashes"), check)


def test_a_folder_of_leftovers_only_is_without_images(tmp_path):
    (tmp_path / "@eaDir").mkdir()
    (tmp_path / "@eaDir" / "x.png").touch()
    ((file, error),) = find_images(str(tmp_path))
    assert file == str(tmp_path) and "without images" in error


@pytest.mark.slow
def test_training_on_the_folder_where_one_stands_works_again_and_again(
    photos, monkeypatch, capsys
):
    monkeypatch.chdir(photos)
    for number in (1, 2):
        assert main(["train", "--data", ".", *TINY]) == 0
        captured = capsys.readouterr()
        run = os.path.join("runs", f"photos-small-{number}")
        assert f"run folder: {run}" in captured.out and "2 classes" in captured.err
        assert f"left aside folders of runs ({os.path.join('runs', '')}" in captured.err
    assert main(["predict", run, ".", "--format", "csv", "--top", "1"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 13
