"""The app for Hugging Face Spaces: what it needs, and what it shows."""

import configparser
import importlib.util
from pathlib import Path

import asking
import pytest
from asking import photo

import keras_vit

SPACE = Path(__file__).parents[2] / "examples" / "space"


def test_its_requirements_are_those_of_the_package_and_of_the_page():
    setup = configparser.ConfigParser()
    setup.read(SPACE.parents[1] / "setup.cfg")
    wanted = setup["options"]["install_requires"].split("\n")
    wanted += setup["options.extras_require"]["tf-cpu"].split("\n")
    wanted += setup["options.extras_require"]["report"].split("\n")
    listed = (SPACE / "requirements.txt").read_text().split()
    wanted = {line for line in wanted if line and not line.startswith("#")}
    assert wanted <= set(listed), wanted - set(listed)
    head = (SPACE / "README.md").read_text().split("---\n")[1]
    assert "sdk: gradio" in head and "app_file: app.py" in head


def test_it_shows_classes_pictures_and_what_the_model_looks_at(tmp_path, monkeypatch):
    pytest.importorskip("gradio")
    (tmp_path / "photo.png").write_bytes(photo())
    for made in (asking.model(), keras_vit.Segmenter(asking.model(), 2)):
        made.save(tmp_path / "model.keras")
        monkeypatch.setenv("MODEL", str(tmp_path / "model.keras"))
        spec = importlib.util.spec_from_file_location("space_app", SPACE / "app.py")
        app = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(app)
        found = app.predict(str(tmp_path / "photo.png"))
        if app.of_classes:
            expected = keras_vit.predict(made, tmp_path / "photo.png")[0].classes
            assert found == pytest.approx(dict(expected), abs=1e-6)
            assert "What reaches the head" in app.explain(str(tmp_path / "photo.png"))
        else:
            assert found.size[0] >= 30
